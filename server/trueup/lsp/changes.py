"""Changes that can be taken back: written down before the editor makes them, looked at afterwards.

Open files are restored through the editor, with their versions, closed ones on disk. What was
interrupted, by a crash of this process or of the editor, is noticed at the next start; then the
user decides whether it is finished or undone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trueup import InputError, StaleError, settings, workspace
from trueup.lsp import answers
from trueup.lsp.apply import ANSWER_SECONDS, ECHO_SECONDS, current, edit_for
from trueup.propose.hunks import minimal_edits
from trueup.snapshot import apply_edits
from trueup.suggestion import Suggestion
from trueup.undo import disk, restoring
from trueup.undo.change import Change, ChangedFile, Side, Standing, State, standing
from trueup.undo.journal import Journal

if TYPE_CHECKING:
    from trueup.lsp.documents import Buffer
    from trueup.lsp.transport import Server

COMMAND: Final = "trueup.undo"
SETTLE_SECONDS: Final = 1.0
"""How long after a start an editor may take to open what it had open."""
_UNKNOWN: Final = "\0"
"""Stands for what an open file holds where that is not known; no text of ours holds it."""
LOOK_SECONDS: Final = 0.1
"""How often it is looked whether the editor has saved what it changed."""
UNDO, FINISH, LEAVE = "Undo", "Finish", "Leave it"
RESTORE, OTHERS = "Restore", "Undo in the others"


class Changes:
    """The journal as a session needs it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._traces: dict[tuple[str, int], str] = {}
        """The trace of the suggestion that each change of this session was."""
        self._making = asyncio.Lock()
        """Held while a change is made, until it is known what came of it."""

    @asynccontextmanager
    async def recorded(
        self, root: str, suggestion: Suggestion, title: str, *, keep: bool, trace: str = ""
    ) -> AsyncIterator[None]:
        """Around the making of a change: it is written down before, and looked at after. `trace`
        is that of the job that made the suggestion; it is told when the change is undone.

        Raises JournalError before anything is changed, where it cannot be written down.
        """
        async with self._making, self._written(root, suggestion, title, keep=keep) as change:
            yield
        self._traces[root, change.number] = trace

    @asynccontextmanager
    async def _written(
        self, root: str, suggestion: Suggestion, title: str, *, keep: bool
    ) -> AsyncIterator[Change]:
        journal = Journal()
        files = self._files(root, suggestion, keep=keep)
        change = await asyncio.to_thread(journal.begin, root, title, files)
        try:
            yield change
        except StaleError:
            await self._failed(journal, change)
            raise
        except BaseException:
            # Nobody knows what the editor does with an edit that it has not answered.
            journal.release(change)
            raise
        if unseen := await self._unseen(change):
            names = ", ".join(unseen)
            self._show(f"The editor has not saved {names} yet; undo knows the file once it has.")
        await asyncio.to_thread(journal.settle, change, State.APPLIED)

    async def _unseen(self, change: Change) -> tuple[str, ...]:
        """Files that the editor says it changed, and that are neither open nor changed on disk."""
        ends = asyncio.get_running_loop().time() + ECHO_SECONDS
        while True:
            try:
                now = await asyncio.to_thread(self._standing, change, Side.RESULT)
            except InputError:
                # Nothing is known of it, which is not that it was not saved.
                return ()
            if not now.other or asyncio.get_running_loop().time() > ends:
                return tuple(file.path for file in now.other)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._server.buffers.next_change()

    def _files(self, root: str, suggestion: Suggestion, *, keep: bool) -> tuple[ChangedFile, ...]:
        """Raises StaleError where a file is not there any more."""
        files = []
        for path in suggestion.candidate.paths:
            document = current(self._server.buffers, root, path)
            if document is None:
                raise StaleError(f"{path} cannot be read any more; nothing was applied")
            edits = [edit for edit in suggestion.candidate.edits if edit.path == path]
            after = apply_edits(document.text, [(edit.span, edit.replacement) for edit in edits])
            is_open = self._server.buffers.at(root, path) is not None
            encoding = workspace.disk_encoding(root, path) if is_open else document.encoding
            files.append(ChangedFile(path, document.text, after, encoding))
        created = suggestion.pinned if keep else ()
        return (*files, *(ChangedFile(item.path, None, item.text) for item in created))

    async def _failed(self, journal: Journal, change: Change) -> None:
        with contextlib.suppress(InputError):
            now = await asyncio.to_thread(self._standing, change, Side.BASE)
            if not now.other and not now.foreign:
                await asyncio.to_thread(journal.forget, change)
                return
        change = await asyncio.to_thread(journal.settle, change, State.PARTIAL)
        self._server.later(self._offer_restore(journal, change))

    async def _offer_restore(self, journal: Journal, change: Change) -> None:
        says = (
            f"“{change.title}” was not applied as it was verified. Restore what was there before?"
        )
        if await self._ask(says, (RESTORE, LEAVE)) == RESTORE:
            self._show(await self._restore(journal, change, Side.BASE))

    # What the user asks for.

    async def undo(self, number: int | None) -> dict[str, object]:
        """Take back the last change, or the one with that number; what became of it.

        One that is just being made is waited for. Raises InputError where there is none.
        """
        async with self._making:
            journal = Journal()
        change = await asyncio.to_thread(self._wanted, journal, number)
        before = await asyncio.to_thread(self._standing, change, Side.BASE)
        if before.foreign and before.other:
            names = ", ".join(file.path for file in before.foreign)
            says = f"{names} changed since “{change.title}” and is left as it is."
            if await self._ask(says, (OTHERS, "Cancel")) != OTHERS:
                return {"undone": [], "message": f"{names} changed since; nothing was undone"}
        said = await self._restore(journal, change, Side.BASE)
        self._show(said)
        after = await asyncio.to_thread(self._standing, change, Side.BASE)
        undone = {file.path for file in before.other} - {file.path for file in after.other}
        if undone and not after.other:
            wanted = settings.load(change.root, self._server.client_settings)
            trace = self._traces.get((change.root, change.number), "")
            await answers.note(wanted, trace, answers.UNDONE)
        return {"undone": sorted(undone), "message": said}

    def _wanted(self, journal: Journal, number: int | None) -> Change:
        roots = {*map(str, self._server.buffers.folders), *self._server.buffers.roots}
        known = [change for root in roots for change in journal.changes(root)]
        for change in sorted(known, key=lambda item: -item.number):
            if number == change.number or (number is None and change.state is not State.UNDONE):
                return change
        if number is not None:
            raise InputError(f"no change {number} is known here")
        raise InputError("there is nothing to undo")

    # What is found at a start.

    async def look(self) -> None:
        """Notice what was interrupted, once the editor has opened what it had open."""
        await asyncio.sleep(SETTLE_SECONDS)
        journal = Journal()
        for root in map(str, self._server.buffers.folders):
            for change in await asyncio.to_thread(journal.interrupted, root):
                await self._interrupted(journal, change)

    async def _interrupted(self, journal: Journal, change: Change) -> None:
        for path in change.paths:
            await asyncio.to_thread(disk.sweep, change.root, path)
        now = await asyncio.to_thread(self._standing, change, Side.BASE)
        if not now.is_mixed:
            state = State.APPLIED if now.other else State.UNDONE
            await asyncio.to_thread(journal.settle, change, state)
            return
        made = len(now.other)
        says = (
            f"Trueup was interrupted while it applied “{change.title}”:"
            f" {made} of {len(change.files)} files have the change."
        )
        answer = await self._ask(says, (FINISH, UNDO, LEAVE))
        if answer == LEAVE:
            await asyncio.to_thread(journal.settle, change, State.LEFT)
        elif answer in {FINISH, UNDO}:
            side = Side.RESULT if answer == FINISH else Side.BASE
            self._show(await self._restore(journal, change, side))

    # How it is done.

    async def _restore(self, journal: Journal, change: Change, side: Side) -> str:
        """Bring every file that is the change's to `side`; what to tell the user."""
        now = await asyncio.to_thread(self._standing, change, side)
        left = [f"{file.path} changed since and was left as it is" for file in now.foreign]
        closed = []
        for file in now.other:
            buffer = self._server.buffers.at(change.root, file.path)
            text = file.text(side)
            if buffer is None or text is None:
                closed.append(file)
            elif why := await self._edit(buffer, text, change.title):
                left.append(why)
        put = await asyncio.to_thread(restoring.put, change, tuple(closed), side)
        left += [why for _, why in put.left]
        complete = State.UNDONE if side is Side.BASE else State.APPLIED
        await asyncio.to_thread(journal.settle, change, State.PARTIAL if left else complete)
        done = "undone" if side is Side.BASE else "finished"
        return f"“{change.title}” is {done}" + (f", but {'; '.join(left)}." if left else ".")

    async def _edit(self, buffer: Buffer, text: str, title: str) -> str:
        """Make the editor hold `text`; why it does not, "" where it does."""
        codec, document = self._server.buffers.codec, buffer.document
        edits = codec.text_edits(document, minimal_edits(document.path, document.text, text))
        item = types.OptionalVersionedTextDocumentIdentifier(buffer.uri, document.version)
        edit = edit_for([types.TextDocumentEdit(item, list(edits))], self._server.client)
        asked = types.ApplyWorkspaceEditParams(edit, label=f"Undo {title}")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._server.workspace_apply_edit_async(asked)
            if not answer.applied:
                return f"the editor did not restore {document.path}"
            if self._server.client.echoes_late:
                return ""
            async with asyncio.timeout(ECHO_SECONDS):
                while buffer.document.text != text:
                    await self._server.buffers.next_change()
        except (TimeoutError, JsonRpcException):
            return f"the editor did not restore {document.path}"
        return ""

    def _standing(self, change: Change, side: Side) -> Standing:
        """Raises InputError where a file cannot be looked at."""
        on_disk = restoring.text_on_disk(change)

        def text(path: str) -> str | None:
            buffer = self._server.buffers.at(change.root, path)
            if buffer is None:
                return on_disk(path)
            return buffer.document.text if self._server.buffers.knows(buffer) else _UNKNOWN

        return standing(change, text, side)

    async def _ask(self, says: str, choices: tuple[str, ...]) -> str:
        actions = [types.MessageActionItem(item) for item in choices]
        asked = types.ShowMessageRequestParams(types.MessageType.Warning, says, actions)
        try:
            answer = await self._server.request(types.WINDOW_SHOW_MESSAGE_REQUEST, asked)
        except JsonRpcException:
            # A client that has no such question.
            self._show(says)
            return ""
        return answer.title if isinstance(answer, types.MessageActionItem) else ""

    def _show(self, says: str) -> None:
        self._server.window_show_message(types.ShowMessageParams(types.MessageType.Info, says))
