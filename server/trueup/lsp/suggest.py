"""One picked action, from the click to the applied edit: progress, questions, verdict, apply.

Knows what the user sees and when. What is proposed and whether it holds is the engine's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trueup import StaleError, rebase, settings
from trueup.engine.messages import Declined, OpenDocument, Start, suggestion_to_json
from trueup.files import write_atomically
from trueup.lsp import answers, apply, reasons
from trueup.lsp.convert import uri_of
from trueup.lsp.documents import Buffer
from trueup.lsp.transport import Server
from trueup.snapshot import Snapshot
from trueup.suggestion import Candidate, Goal, NewFile, Outcome, Recipe, Ruling, Suggestion

REBASES_MAX: Final = 3
"""How often a suggestion is carried over typing and judged again before it is called stale."""

APPLY, APPLY_ANYWAY, DISCARD = "Apply", "Apply anyway", "Discard"
PIN, KEEP = "Pin the behaviour first", "Apply and keep the test"
INPUT_METHOD: Final = "trueup/input"

_tokens = itertools.count(1)


async def run_goal(
    server: Server, buffer: Buffer, goal: Goal, brings: tuple[NewFile, ...] = ()
) -> dict[str, object]:
    """Do what `goal` says and report: the verdict, and whether it was applied. `brings` are tests
    that the goal names and that are not in the project; the user may keep them.
    """
    goal = await _completed(server, buffer, goal)
    if goal.recipe in {Recipe.RENAME, Recipe.INSTRUCT} and not (goal.name or goal.instruction):
        return {"outcome": "cancelled", "applied": False}
    job = _Run(server, buffer.root, goal, brings)
    async with progress(server, goal.title) as say:
        try:
            suggestion = await job.judged(None, say)
        except StaleError as problem:
            return _refused(server, str(problem))
        if isinstance(suggestion, Declined):
            return _refused(server, suggestion.says)
    return await job.offered(suggestion)


async def renamed(server: Server, buffer: Buffer, goal: Goal) -> types.WorkspaceEdit:
    """The edit of a rename. Raises StaleError where there is none to be had, with the reason."""
    job = _Run(server, buffer.root, goal)
    async with progress(server, goal.title) as say:
        suggestion = await job.judged(None, say)
    if isinstance(suggestion, Declined):
        raise StaleError(suggestion.says)
    if not await job.wanted(suggestion):
        raise StaleError(headline(suggestion))
    if stale := apply.stale_paths(server.buffers, buffer.root, suggestion):
        raise StaleError(f"{stale[0]} changed in the meantime; nothing was applied")
    return apply.workspace_edits(server.buffers, buffer.root, suggestion, one_document_each=False)[
        0
    ]


async def _completed(server: Server, buffer: Buffer, goal: Goal) -> Goal:
    """The goal with the line of text that only the user can give."""
    if goal.recipe is Recipe.RENAME and not goal.name and server.can_ask:
        old = buffer.document.text[goal.span.start : goal.span.end]
        return replace(goal, name=await ask_for_line(server, f"New name of {old}", old))
    if goal.recipe is Recipe.INSTRUCT and not goal.instruction and server.can_ask:
        words = await ask_for_line(server, f"What should change in {goal.symbol}?", "")
        return replace(goal, instruction=words)
    return goal


async def ask_for_line(server: Server, prompt: str, value: str) -> str:
    answer = await server.protocol.send_request_async(
        INPUT_METHOD, {"prompt": prompt, "value": value}
    )
    return answer.strip() if isinstance(answer, str) else ""


def _refused(server: Server, says: str) -> dict[str, object]:
    show(server, says, types.MessageType.Warning)
    return {"outcome": "declined", "applied": False, "message": says}


class _Run:
    """One goal with the texts it was last judged on."""

    def __init__(
        self, server: Server, root: str, goal: Goal, brings: tuple[NewFile, ...] = ()
    ) -> None:
        self.server, self.root, self.goal, self.brings = server, root, goal, brings
        self.base = Snapshot.of(root, ())
        self.pin = False
        self.trace = ""
        """Of the job that made the suggestion; those that judge it again are not its makers."""

    async def judged(
        self, candidate: Candidate | None, say: Callable[[str], None]
    ) -> Suggestion | Declined:
        """A suggestion whose verdict is about the text that the editor holds now.

        Raises StaleError where the user changed what the candidate touches, or keeps typing.
        """
        for _ in range(1 + REBASES_MAX):
            self.base = Snapshot.of(
                self.root, (item.document for item in self.server.buffers.under(self.root))
            )
            done = await self.server.engine.run(self._start(candidate), say, self._ask)
            if isinstance(done, Declined):
                return done
            suggestion = replace(done.suggestion, pinned=(*self.brings, *done.suggestion.pinned))
            self.trace = self.trace or suggestion.trace
            if not apply.stale_paths(self.server.buffers, self.root, suggestion):
                return suggestion
            say("the text changed: judging again")
            candidate = self._rebased(suggestion)
        raise StaleError(f"{self.goal.path} keeps changing; nothing was applied")

    def _start(self, candidate: Candidate | None) -> Start:
        documents = tuple(OpenDocument(item.path, item.text, item.version) for item in self.base)
        documents += tuple(OpenDocument(item.path, item.text) for item in self.brings)
        return Start(
            0,
            self.root,
            self.goal,
            documents,
            candidate,
            dict(self.server.client_settings),
            pin=self.pin,
        )

    def _rebased(self, suggestion: Suggestion) -> Candidate:
        candidate = suggestion.candidate
        for path in apply.stale_paths(self.server.buffers, self.root, suggestion):
            old = self.base.get(path)
            new = apply.current(self.server.buffers, self.root, path)
            moved = rebase.rebased(candidate, old, new) if old and new else None
            if moved is None:
                raise StaleError(f"you changed what the suggestion was about in {path}")
            candidate = moved
        return candidate

    async def _ask(self, says: str, choices: tuple[str, ...]) -> str:
        return await ask(self.server, says, choices)

    async def offered(self, suggestion: Suggestion) -> dict[str, object]:
        """Show the verdict and apply it, at once or when the user says so."""
        while True:
            answer = await self.answered(suggestion)
            if answer not in {APPLY, APPLY_ANYWAY, PIN, KEEP}:
                if suggestion.verdict.outcome is not Ruling.REJECTED:
                    said = answers.REJECTED if answer == DISCARD else answers.DISMISSED
                    await self.note(said)
                    if answer == DISCARD:
                        await self._learn(suggestion)
                return report(suggestion, applied=False)
            try:
                if answer == PIN:
                    self.pin = True
                    suggestion = await self._again(suggestion.candidate)
                    continue
                if apply.stale_paths(self.server.buffers, self.root, suggestion):
                    # The user typed while deciding; what is applied is what was judged.
                    again = await self._again(self._rebased(suggestion))
                    worse = again.verdict.outcome is not suggestion.verdict.outcome
                    suggestion = again
                    if worse:
                        continue
                await self._apply(suggestion, keep=answer == KEEP)
            except StaleError as problem:
                return _refused(self.server, str(problem)) | {"suggestion": None}
            await self.note(answers.KEPT if answer == KEEP else answers.APPLIED)
            show(self.server, f"{headline(suggestion)} Applied.", types.MessageType.Info)
            return report(suggestion, applied=True)

    async def _apply(self, suggestion: Suggestion, *, keep: bool) -> None:
        """Raises StaleError where the text is not what was judged any more."""
        # Before it is applied: what it replaces may be on the disk only until then.
        change = await reasons.change_to_keep(self.base, suggestion)
        await apply.apply(
            self.server.buffers,
            self.root,
            suggestion,
            self._send,
            one_document_each=self.server.one_document_each,
        )
        if keep:
            send = self._send if self.server.can_create else None
            await apply.create(self.root, suggestion.pinned, send)
        if change is not None and (says := await reasons.taken(self.root, change)):
            show(self.server, says, types.MessageType.Warning)

    async def _learn(self, suggestion: Suggestion) -> None:
        """Ask why it was discarded, of a client that has just shown a question."""
        why = await ask(self.server, reasons.QUESTION, reasons.CHOICES)
        if says := await reasons.rejected(self.base, suggestion, why):
            show(self.server, says, types.MessageType.Info)

    async def note(self, said: str) -> None:
        """Write down what the user did."""
        await answers.note(settings.load(self.root, self.server.client_settings), self.trace, said)

    async def _again(self, candidate: Candidate) -> Suggestion:
        """Raises StaleError where the engine declines."""
        async with progress(self.server, self.goal.title) as say:
            again = await self.judged(candidate, say)
        if isinstance(again, Declined):
            raise StaleError(again.says)
        return again

    async def _send(self, edit: types.WorkspaceEdit) -> types.ApplyWorkspaceEditResult:
        return await self.server.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(edit, label=self.goal.title)
        )

    async def wanted(self, suggestion: Suggestion) -> bool:
        """Whether to apply it, where nothing but yes or no can be done."""
        return await self.answered(suggestion) in {APPLY, APPLY_ANYWAY, KEEP}

    async def answered(self, suggestion: Suggestion) -> str:
        """What to do with it: apply by itself where it is verified and deterministic, else as the
        user says.
        """
        outcome = suggestion.verdict.outcome
        if outcome is Ruling.REJECTED:
            show(self.server, headline(suggestion), types.MessageType.Warning)
            return DISCARD
        chosen = settings.load(self.root, self.server.client_settings).apply_model_changes
        at_once = suggestion.candidate.deterministic or chosen == "verified"
        if outcome is Ruling.VERIFIED and at_once and not suggestion.pinned:
            return APPLY
        await _show_diff(self.server, self.base, suggestion)
        choices = [APPLY if outcome is Ruling.VERIFIED else APPLY_ANYWAY]
        if suggestion.pinned:
            choices.append(KEEP)
        elif suggestion.pinnable:
            choices.append(PIN)
        return await ask(self.server, headline(suggestion), (*choices, DISCARD))


def headline(suggestion: Suggestion) -> str:
    """The verdict in one or two sentences, as a message shows it."""
    verdict = suggestion.verdict
    title = suggestion.candidate.title
    if verdict.outcome is Ruling.VERIFIED:
        said = {found.check: found.detail for found in verdict.evidence}
        parts = [said[name] for name in ("tests", "behaviour", "structure") if name in said]
        return f"Verified: {title}. {'; '.join(parts)}."
    why = verdict.missing[0] if verdict.missing else None
    if why is None:
        return f"{verdict.outcome.value.capitalize()}: {title}."
    place = f" ({why.path}:{why.line})" if why.path and why.line else ""
    return f"{verdict.outcome.value.capitalize()}: {title}. {why.check}: {why.detail}{place}."


def report(suggestion: Suggestion, *, applied: bool) -> dict[str, object]:
    """What the command answers: the suggestion as JSON, its outcome, and what became of it."""
    return {
        "outcome": suggestion.verdict.outcome.value,
        "applied": applied,
        "message": headline(suggestion),
        "suggestion": suggestion_to_json(suggestion),
    }


async def ask(server: Server, says: str, choices: tuple[str, ...]) -> str:
    """The user's choice; "" for none, and where the client cannot ask."""
    answer = await server.window_show_message_request_async(
        types.ShowMessageRequestParams(
            types.MessageType.Info, says, [types.MessageActionItem(item) for item in choices]
        )
    )
    return answer.title if answer is not None else ""


def show(server: Server, says: str, kind: types.MessageType) -> None:
    server.window_show_message(types.ShowMessageParams(kind, says))


async def _show_diff(server: Server, base: Snapshot, suggestion: Suggestion) -> None:
    """The diff and the evidence, in a document of its own where the client can show one."""
    window = server.client_capabilities.window
    text = _page(base, suggestion)
    if window is None or window.show_document is None or not window.show_document.support:
        server.window_log_message(types.LogMessageParams(types.MessageType.Info, text))
        return
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = settings.cache_folder() / "suggestions" / f"{name}.diff"
    with contextlib.suppress(OSError, JsonRpcException):
        await asyncio.to_thread(write_atomically, path, text.encode())
        await server.window_show_document_async(
            types.ShowDocumentParams(uri_of(Path(path)), external=False, take_focus=False)
        )


def _page(base: Snapshot, suggestion: Suggestion) -> str:
    """A patch that tools can read, with the verdict above it."""
    marks = {Outcome.PASSED: "passed", Outcome.FAILED: "FAILED", Outcome.UNKNOWN: "unknown"}
    lines = [f"# {headline(suggestion)}", "#"]
    lines += [
        f"# {marks[found.outcome]:8}{found.check}: {found.detail}"
        for found in suggestion.verdict.evidence
    ]
    lines += [f"# isolation: {suggestion.isolation}" if suggestion.isolation else "#", ""]
    touched = [path for path in suggestion.candidate.paths if base.get(path)]
    known = [edit for edit in suggestion.candidate.edits if edit.path in touched]
    after = base.edited(known)
    for path in touched:
        old, new = base.documents[path], after.documents[path]
        lines += difflib.unified_diff(
            old.text.splitlines(), new.text.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
        )
    for kept in suggestion.pinned:
        added = kept.text.splitlines()
        lines += difflib.unified_diff([], added, "/dev/null", f"b/{kept.path}", lineterm="")
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def progress(server: Server, title: str) -> AsyncIterator[Callable[[str], None]]:
    """Progress with a cancel button, where the client shows any; cancelling it cancels the task."""
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        yield lambda _: None
        return
    token = f"trueup-{next(_tokens)}"
    progress = server.work_done_progress
    await progress.create_async(token)
    task = asyncio.current_task()
    pressed = progress.tokens[token]
    pressed.add_done_callback(lambda item: task.cancel() if item.cancelled() and task else None)
    progress.begin(token, types.WorkDoneProgressBegin(title, cancellable=True))
    try:
        yield lambda says: progress.report(token, types.WorkDoneProgressReport(message=says))
    finally:
        progress.end(token, types.WorkDoneProgressEnd())
        # pygls keeps every token it has ever seen.
        progress.tokens.pop(token, None)
