"""*Verify my changes*: the working tree, or what is staged, through the gate without leaving the
editor.

What is in open buffers counts as it stands there, saved or not. Nothing is applied, so there is
nothing to ask: the verdict is shown as a page to read, and answered to the command.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lsprotocol import types

from trueup import InputError
from trueup.engine.messages import Declined, OpenDocument, Start
from trueup.lsp import showing
from trueup.lsp.asking import ask, progress, show
from trueup.lsp.pages import Page, headline, new_id, report
from trueup.lsp.transport import Server
from trueup.propose import patch
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Goal, GoalKind, Recipe, Suggestion

COMMAND: Final = "trueup.verify"
_LEVELS: Final = {
    "verified": types.MessageType.Info,
    "unproven": types.MessageType.Info,
    "rejected": types.MessageType.Warning,
}


async def run(server: Server, request: dict[str, object]) -> dict[str, object]:
    """Judge what differs from HEAD; with `staged`, what the next commit would change.

    `uri` is of a document in the workspace that is meant, else it is the one where the user was
    last; `kind` is what the change claims to be, "refactor" unless it is said. Raises InputError.
    """
    root = _root(server, str(request.get("uri") or ""))
    staged = request.get("staged") is True
    kind = GoalKind.FIX if request.get("kind") == GoalKind.FIX.value else GoalKind.REFACTOR
    opened = tuple(buffer.document for buffer in server.buffers.under(root))
    async with progress(server, "Verify my changes") as say:
        try:
            change = await asyncio.to_thread(_change, root, opened, staged=staged)
        except patch.NothingToJudgeError as nothing:
            says = f"Verify my changes: {nothing}."
            show(server, says, types.MessageType.Info)
            return {"outcome": "nothing", "applied": False, "message": says}
        goal = Goal(kind, Recipe.PATCH, change.candidate.paths[0], Span(0, 0))
        start = Start(
            0,
            root,
            goal,
            tuple(OpenDocument(item.path, item.text) for item in change.before),
            change.candidate,
            dict(server.client_settings),
            change.absent,
            trusted=server.trusted,
        )
        done = await server.engine.run(start, say, lambda says, choices: ask(server, says, choices))
    if isinstance(done, Declined):
        raise InputError(done.says)
    return await _shown(server, root, change, done.suggestion)


async def _shown(
    server: Server, root: str, change: patch.Change, suggestion: Suggestion
) -> dict[str, object]:
    before = Snapshot.of(root, change.before)
    after = before.edited(suggestion.candidate.edits, suggestion.candidate.deletes)
    page = Page(
        new_id(),
        suggestion,
        before,
        after,
        decisions=server.contracts.decisions(root),
        trace=await showing.trace_of(suggestion),
    )
    said = headline(suggestion)
    if server.shows_evidence:
        showing.told(server, page)
        showing.settled(server, page.id, said, applied=False)
    else:
        await showing.as_a_patch(server, page)
        show(server, said, _LEVELS[suggestion.verdict.outcome.value])
    return report(suggestion, applied=False)


def _change(root: str, opened: tuple[Document, ...], *, staged: bool) -> patch.Change:
    return patch.staged(root) if staged else patch.working_tree(root, opened=opened)


def _root(server: Server, uri: str) -> str:
    buffer = server.buffers.get(uri) if uri else server.buffers.latest
    if buffer is not None:
        return buffer.root
    if server.buffers.folders:
        return str(server.buffers.folders[0])
    raise InputError("there is no folder open whose changes could be verified")
