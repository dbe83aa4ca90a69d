"""Suggestions without an engine: what applying and undoing need of one."""

from __future__ import annotations

from lsprotocol import types

from trueup.lsp import apply
from trueup.lsp.clients import Client
from trueup.lsp.transport import Server
from trueup.snapshot import Document, Edit, Span, digest
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe, Stamp, Suggestion, Verdict

MARK = "# made by the change"


def marked(document: Document) -> str:
    """The text with a line more at its beginning, and with the same behind its end."""
    mark = MARK + document.newline
    return mark + document.text + mark


def suggestion(*documents: Document) -> Suggestion:
    """One that marks each of these documents, which are not empty."""
    edits, ticket = [], []
    for document in documents:
        path, end, mark = document.path, len(document.text), MARK + document.newline
        edits += [Edit(path, Span(0, 0), mark), Edit(path, Span(end, end), mark)]
        ticket.append(Stamp(path, document.digest, digest(marked(document))))
    goal = Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, documents[0].path, Span(0, 0))
    candidate = Candidate("Mark it", tuple(edits), "test")
    return Suggestion(goal, candidate, Verdict((), ()), tuple(ticket))


async def make(server: Server, root: str, made: Suggestion, client: Client) -> None:
    """Apply as a session does. Raises StaleError."""

    async def send(edit: types.WorkspaceEdit) -> types.ApplyWorkspaceEditResult:
        return await server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit))

    async with server.changes.recorded(root, made, made.candidate.title, keep=False):
        await apply.apply(server.buffers, root, made, send, client)
