"""What is done about a decision from the editor: recorded, accepted, superseded, and so on.

A page is read again before it is changed, since the user may have edited it a moment ago; and it is
changed only while it is what was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from lsprotocol import types

from trueup import InputError
from trueup.lsp.apply import edit_for
from trueup.lsp.asking import ask, ask_for_line
from trueup.lsp.convert import uri_of
from trueup.lsp.decisions import (
    ACCEPT,
    ALLOW,
    COMMAND,
    EXCEPT,
    FOLLOW,
    LIST,
    OPEN,
    RECORD,
    REFRESH,
    RETIRE,
    REVIEW,
    SUPERSEDE,
)
from trueup.lsp.documents import Buffer
from trueup.lsp.transport import Server
from trueup.memory import evidence, governing, journal, lifecycle, places
from trueup.memory.decisions import Decision, Decisions, Scope
from trueup.memory.evaluate import module_of
from trueup.memory.hidden import one_line

REJECTIONS_MAX: Final = 20
"""Rejections among which the user chooses, the latest ones."""

_CHANGES: Final = MappingProxyType(
    {
        ACCEPT: (evidence.put_in_force, "accepted"),
        RETIRE: (lambda root, _, item: lifecycle.retire(root, item), "retired"),
        REVIEW: (lambda root, _, item: evidence.review(root, item), "needs-review"),
        REFRESH: (lambda root, _, item: evidence.refresh(root, item), "refreshed"),
        FOLLOW: (evidence.follow, "followed"),
    }
)
"""What changes a page without asking anybody, and what is answered then."""


async def run(server: Server, buffer: Buffer, request: dict[str, object]) -> dict[str, object]:
    """Do one of them. Raises InputError with the reason where it cannot be done."""
    known = server.contracts.decisions(buffer.root)
    if known is None:
        raise InputError("the decisions of this project are still being read")
    what, symbol = request.get("what"), str(request.get("symbol") or "")
    if what == RECORD:
        return await _record(server, buffer, symbol)
    if what == LIST:
        return await _list(server, buffer, known, symbol)
    if what == ALLOW:
        return await _allow(server, buffer.root)
    name = str(request.get("decision"))
    if isinstance(what, str) and what in _CHANGES:
        change, outcome = _CHANGES[what]
        path = await asyncio.to_thread(_changed, buffer.root, name, change)
        server.contracts.reread(buffer.root)
        return {"outcome": outcome, "path": path}
    decision = lifecycle.clear(known, name)
    if what == OPEN:
        await _open(server, buffer.root, decision.path)
        return {"outcome": "opened", "path": decision.path}
    if what == EXCEPT:
        return await _except(server, buffer, known.short(decision), request.get("line"))
    if what == SUPERSEDE:
        return await _supersede(server, buffer.root, known, decision)
    raise InputError(f"{COMMAND} cannot {what}")


def _changed(root: str, name: str, change: Callable[[str, Decisions, Decision], object]) -> str:
    known = places.load(root, instructions=False)
    decision = lifecycle.clear(known, name)
    change(root, known, decision)
    return decision.path


async def _record(server: Server, buffer: Buffer, symbol: str) -> dict[str, object]:
    title = await ask_for_line(server, f"What was decided about {symbol}?", "")
    if not title:
        return {"outcome": "cancelled"}
    document = buffer.document
    decisions = server.contracts.decisions(buffer.root) or Decisions()
    module, _ = module_of(document.path, decisions.roots)
    scope = Scope(paths=(document.path,), symbols=(f"{module}.{symbol}",))
    return await _added(server, buffer.root, lifecycle.Draft(title, scope=scope))


async def _supersede(
    server: Server, root: str, known: Decisions, old: Decision
) -> dict[str, object]:
    """A new one that names the old one, which holds until somebody accepts the new one."""
    asked = f"What is decided instead of {known.short(old)} {one_line(old.title)}?"
    title = await ask_for_line(server, asked, "")
    if not title:
        return {"outcome": "cancelled"}
    draft = lifecycle.Draft(title, severity=old.severity, scope=old.scope, supersedes=(old.id,))
    return await _added(server, root, draft)


async def _added(server: Server, root: str, draft: lifecycle.Draft) -> dict[str, object]:
    path = await asyncio.to_thread(lifecycle.add, root, draft)
    server.contracts.reread(root)
    await _open(server, root, path)
    return {"outcome": "recorded", "path": path}


async def _list(server: Server, buffer: Buffer, known: Decisions, symbol: str) -> dict[str, object]:
    path = buffer.document.path
    found: tuple[Decision, ...] = (
        governing.of_symbol(known, path, symbol) if symbol else governing.of_file(known, path)
    )
    titles = {f"{known.short(item)} {one_line(item.title)}": item for item in found}
    chosen = await ask(server, f"What governs {symbol or path}:", tuple(titles))
    if chosen in titles:
        await _open(server, buffer.root, titles[chosen].path)
    return {"outcome": "listed", "decisions": [item.id for item in found]}


async def _allow(server: Server, root: str) -> dict[str, object]:
    """Take back a rejection that the user chooses among the latest."""
    kept = await asyncio.to_thread(journal.read, root)
    latest = kept.rejections[: -REJECTIONS_MAX - 1 : -1]
    listed = {
        one_line(f"{item.date} {item.kind} {item.symbol}: {item.reason or 'no reason'} "
                 f"({item.id[-4:]})"): item
        for item in latest
    }  # fmt: skip
    chosen = await ask(server, "Which suggestion may be made again?", tuple(listed))
    if chosen not in listed:
        return {"outcome": "listed", "rejections": [item.id for item in latest]}
    undone = await asyncio.to_thread(journal.undo, root, listed[chosen].id)
    server.contracts.reread(root)
    return {"outcome": "allowed", "rejection": undone.id}


async def _except(server: Server, buffer: Buffer, name: str, line: object) -> dict[str, object]:
    reason = await ask_for_line(server, f"Why is this an exception from decision {name}?", "")
    if not reason or not isinstance(line, int):
        return {"outcome": "cancelled"}
    document = buffer.document
    span = document.line_span(line)
    comment = f"  # trueup: ignore[{name}] {' '.join(reason.split())}"
    position = server.buffers.codec.position(document, span.end)
    edit = types.TextEdit(types.Range(position, position), comment)
    versioned = types.OptionalVersionedTextDocumentIdentifier(buffer.uri, document.version)
    await server.workspace_apply_edit_async(
        types.ApplyWorkspaceEditParams(
            edit_for([types.TextDocumentEdit(versioned, [edit])], server.client),
            label=f"Exception from decision {name}",
        )
    )
    return {"outcome": "excepted"}


async def _open(server: Server, root: str, path: str) -> None:
    await server.window_show_document_async(
        types.ShowDocumentParams(uri_of(Path(root, path)), take_focus=True)
    )
