"""Turning a suggestion into a versioned edit, and refusing where the text is not what was judged.

Nothing is written behind the editor's back: the editor applies, and what it then holds is compared
with what was verified.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from lsprotocol import types

from trueup import InputError, StaleError, workspace
from trueup.files import write_atomically
from trueup.guards import permission
from trueup.lines import LINE_END
from trueup.lsp.clients import Client
from trueup.lsp.convert import uri_of
from trueup.lsp.documents import Buffers
from trueup.snapshot import Document, apply_edits
from trueup.suggestion import NewFile, Suggestion
from trueup.undo import disk

ECHO_SECONDS: Final = 2.0
"""How long an editor may take to send back the edit that it says it has applied."""

ANSWER_SECONDS: Final = 30.0
"""How long an editor may take to say whether it applied an edit."""

Send = Callable[[types.WorkspaceEdit], Awaitable[types.ApplyWorkspaceEditResult]]


def current(buffers: Buffers, root: str, path: str) -> Document | None:
    """The text as the editor holds it, or as the disk does where it is not open; None where it is
    not known.
    """
    buffer = buffers.at(root, path)
    if buffer is not None:
        return buffer.document if buffers.knows(buffer) else None
    try:
        return workspace.read(root, path)
    except InputError:
        return None


def stale_paths(buffers: Buffers, root: str, suggestion: Suggestion) -> tuple[str, ...]:
    """Documents that are no longer the bytes the verdict was computed on."""
    stale = []
    for stamp in suggestion.ticket:
        document = current(buffers, root, stamp.path)
        if (document.digest if document else None) != stamp.base:
            stale.append(stamp.path)
    return tuple(stale)


def workspace_edits(
    buffers: Buffers, root: str, suggestion: Suggestion, client: Client
) -> tuple[types.WorkspaceEdit, ...]:
    """The edits to send, minimal and versioned; several where a client checks only the first."""
    beside = {path for path, _, _ in _on_disk(buffers, root, suggestion)}
    changes = _changes(buffers, root, suggestion, beside)
    groups = [[change] for change in changes] if client.one_document_each else [changes]
    return tuple(edit_for(group, client) for group in groups if group)


def workspace_edit(
    buffers: Buffers, root: str, suggestion: Suggestion, client: Client
) -> types.WorkspaceEdit:
    """All of it in one, for an answer that holds no more."""
    return edit_for(_changes(buffers, root, suggestion, set()), client)


def edit_for(changes: list[types.TextDocumentEdit], client: Client) -> types.WorkspaceEdit:
    """Changes of texts in the form that `client` takes, with versions where it looks at them."""
    if client.versions:
        return types.WorkspaceEdit(document_changes=list(changes))
    texts = {
        change.text_document.uri: [
            item for item in change.edits if isinstance(item, types.TextEdit)
        ]
        for change in changes
    }
    return types.WorkspaceEdit(changes=texts)


def _changes(
    buffers: Buffers, root: str, suggestion: Suggestion, without: set[str]
) -> list[types.TextDocumentEdit]:
    changes = []
    for stamp in suggestion.ticket:
        document = current(buffers, root, stamp.path)
        if document is None or stamp.result is None:
            raise StaleError(f"{stamp.path} cannot be created or deleted through the editor")
        if stamp.path in without:
            continue
        buffer = buffers.at(root, stamp.path)
        uri = buffer.uri if buffer else uri_of(Path(root, stamp.path))
        changes.append(
            types.TextDocumentEdit(
                types.OptionalVersionedTextDocumentIdentifier(uri, document.version),
                list(buffers.codec.text_edits(document, suggestion.candidate.edits)),
            )
        )
    return changes


def survives_an_editor(document: Document) -> bool:
    """Whether an editor that opens a file, changes it and saves it changes nothing else.

    Editors take what is not UTF-8 for UTF-8, lose byte order marks, make line ends alike and end
    the last line. What would not survive that is changed on disk while it is closed.
    """
    ends = set(LINE_END.findall(document.text))
    alike = ends in (set(), {"\n"}, {"\r\n"})
    complete = not document.text or document.text.endswith("\n")
    return document.encoding == "utf-8" and alike and complete


def _on_disk(
    buffers: Buffers, root: str, suggestion: Suggestion
) -> tuple[tuple[str, bytes, bytes], ...]:
    """Files that are changed on disk, with their bytes before and after.

    Raises StaleError where the encoding of one cannot hold the change.
    """
    found = []
    for path in suggestion.candidate.paths:
        document = current(buffers, root, path)
        if document is None or document.version is not None or survives_an_editor(document):
            continue
        edits = [edit for edit in suggestion.candidate.edits if edit.path == path]
        text = apply_edits(document.text, [(edit.span, edit.replacement) for edit in edits])
        try:
            found.append((path, document.to_bytes(), text.encode(document.encoding)))
        except UnicodeEncodeError:
            raise StaleError(f"{path} cannot hold the change: it is {document.encoding}") from None
    return tuple(found)


def _replace(root: str, files: tuple[tuple[str, bytes, bytes], ...]) -> None:
    """Raises StaleError where one is not what it was, or cannot be written."""
    for path, old, new in files:
        try:
            if not disk.replace(root, path, old, new):
                raise StaleError(f"{path} changed in the meantime")
        except InputError as problem:
            raise StaleError(str(problem)) from None


async def apply(
    buffers: Buffers, root: str, suggestion: Suggestion, send: Send, client: Client
) -> None:
    """Apply through the editor and look at what came of it, unless it says that too late.

    Raises StaleError where the text changed, where the editor refused, or where what it holds
    afterwards is not what was verified.
    """
    if stale := stale_paths(buffers, root, suggestion):
        raise StaleError(f"{stale[0]} changed in the meantime; nothing was applied")
    beside = _on_disk(buffers, root, suggestion)
    for edit in workspace_edits(buffers, root, suggestion, client):
        answer = await _answered(send(edit))
        if not answer.applied:
            why = f": {answer.failure_reason}" if answer.failure_reason else ""
            raise StaleError(f"the editor did not apply the change{why}")
    await asyncio.to_thread(_replace, root, beside)
    if not client.echoes_late:
        await echoed(buffers, root, suggestion)


async def echoed(buffers: Buffers, root: str, suggestion: Suggestion) -> None:
    """Wait until the editor has said that it holds what was verified.

    Raises StaleError where it does not within ECHO_SECONDS.
    """
    opened = [stamp for stamp in suggestion.ticket if buffers.at(root, stamp.path) is not None]

    def differing() -> list[str]:
        return [
            stamp.path
            for stamp in opened
            if (buffer := buffers.at(root, stamp.path)) is not None
            and buffer.document.digest != stamp.result
        ]

    try:
        async with asyncio.timeout(ECHO_SECONDS):
            while differing():
                await buffers.next_change()
    except TimeoutError:
        raise StaleError(
            f"{differing()[0]} is not what was verified after the editor applied the change;"
            " undo restores it"
        ) from None


async def _answered(
    sent: Awaitable[types.ApplyWorkspaceEditResult],
) -> types.ApplyWorkspaceEditResult:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await sent
    except TimeoutError:
        raise StaleError("the editor did not say whether it applied the change") from None


async def create(root: str, files: tuple[NewFile, ...], send: Send | None) -> None:
    """Create files through an editor that can (`send`), else on disk; none is ever overwritten.

    Raises StaleError where one exists or the editor refuses.
    """
    for file in files:
        target = Path(root, file.path)
        if refused := await asyncio.to_thread(permission.where, root, file.path):
            raise StaleError(f"{file.path} was not written: that is a place {refused.says}")
        if await asyncio.to_thread(target.exists):
            raise StaleError(f"{file.path} exists already; it was not written")
        if send is None:
            await asyncio.to_thread(_write_new, target, file.text)
            continue
        uri = uri_of(target)
        start = types.Position(0, 0)
        answer = await send(
            types.WorkspaceEdit(
                document_changes=[
                    types.CreateFile(uri=uri, options=types.CreateFileOptions(overwrite=False)),
                    types.TextDocumentEdit(
                        types.OptionalVersionedTextDocumentIdentifier(uri, None),
                        [types.TextEdit(types.Range(start, start), file.text)],
                    ),
                ]
            )
        )
        if not answer.applied:
            raise StaleError(f"the editor did not create {file.path}")


def _write_new(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, text.encode(), mode=0o644)
