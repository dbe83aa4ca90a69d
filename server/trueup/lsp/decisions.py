"""Decisions where the code is that they are about: on hover, as lenses, and as actions.

Text of a repository is shown as plain text: no image, no link and no command comes out of it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from lsprotocol import types

from trueup import InputError
from trueup.lsp.apply import edit_for
from trueup.lsp.convert import uri_of
from trueup.lsp.documents import Buffer
from trueup.lsp.shown import SOURCE
from trueup.lsp.suggest import ask, ask_for_line
from trueup.lsp.transport import Server
from trueup.memory import evidence, governing, lifecycle
from trueup.memory.decisions import Decision, Decisions, Scope, Status
from trueup.memory.evaluate import module_of
from trueup.memory.hidden import one_line
from trueup.snapshot import Span
from trueup.symbols import Symbol

COMMAND: Final = "trueup.decision"
LIST, RECORD, ACCEPT, RETIRE, OPEN, EXCEPT = (
    "list", "record", "accept", "retire", "open", "except",
)  # fmt: skip
SHOWN_MAX: Final = 5
"""Decisions that one hover tells of."""
LENSES_MAX: Final = 50


def hover(server: Server, buffer: Buffer, offset: int) -> types.Hover | None:
    """What governs the symbol whose name is at `offset`."""
    known = server.contracts.decisions(buffer.root)
    symbol = buffer.outline.enclosing(Span(offset, offset)) if known else None
    if known is None or symbol is None or not symbol.name.contains(Span(offset, offset)):
        return None
    found = governing.of_symbol(known, buffer.document.path, symbol.qualified)
    if not found:
        return None
    said = [one_lines(governing.brief(item, known.short(item))) for item in found[:SHOWN_MAX]]
    if len(found) > SHOWN_MAX:
        said.append(f"and {len(found) - SHOWN_MAX} more")
    content = types.MarkupContent(types.MarkupKind.PlainText, "\n\n".join(said))
    return types.Hover(content, server.buffers.codec.range(buffer.document, symbol.name))


def one_lines(text: str) -> str:
    """Each line without what cannot be seen."""
    return "\n".join(map(one_line, text.split("\n")))


def lenses(server: Server, buffer: Buffer) -> list[types.CodeLens]:
    """How many decisions govern the file, and each of its symbols that some name."""
    known = server.contracts.decisions(buffer.root)
    if known is None:
        return []
    path = buffer.document.path
    found = []
    of_file = governing.of_file(known, path)
    if of_file:
        place = types.Position(0, 0)
        found.append(_lens(buffer, types.Range(place, place), "", len(of_file)))
    if any(item.scope.symbols for item in known):
        for symbol in buffer.outline:
            count = len(governing.of_symbol(known, path, symbol.qualified))
            if count:
                where = server.buffers.codec.range(buffer.document, symbol.name)
                found.append(_lens(buffer, where, symbol.qualified, count))
    return found[:LENSES_MAX]


def _lens(buffer: Buffer, where: types.Range, symbol: str, count: int) -> types.CodeLens:
    title = "1 decision" if count == 1 else f"{count} decisions"
    argument: types.LSPAny = {"uri": buffer.uri, "what": LIST, "symbol": symbol}
    return types.CodeLens(where, types.Command(title, COMMAND, arguments=[argument]))


def offered(
    server: Server, buffer: Buffer, symbol: Symbol | None, diagnostics: list[types.Diagnostic]
) -> list[types.CodeAction]:
    """What can be done about decisions here; on a diagnostic, about the one that it cites."""
    known = server.contracts.decisions(buffer.root)
    if known is None:
        return []
    found = []
    for diagnostic in diagnostics:
        about = diagnostic.data if isinstance(diagnostic.data, dict) else {}
        cited = known.find(str(about.get("decision") or "")) if about.get("decision") else ()
        if diagnostic.source != SOURCE or len(cited) != 1:
            continue
        name = known.short(cited[0])
        place = diagnostic.range.start.line
        if server.can_ask and not about.get("contract"):
            found.append(
                _action(buffer, f"Make an exception from decision {name} here, with a reason",
                        EXCEPT, "quickfix", (diagnostic,), decision=cited[0].id, line=place)
            )  # fmt: skip
        found.append(
            _action(buffer, f"Open decision {name}: {one_line(cited[0].title)}",
                    OPEN, "quickfix", (diagnostic,), decision=cited[0].id)
        )  # fmt: skip
    if symbol is not None:
        if server.can_ask:
            title = f"Record a decision about {symbol.qualified}…"
            found.append(_action(buffer, title, RECORD, KIND, symbol=symbol.qualified))
        for item in governing.of_symbol(known, buffer.document.path, symbol.qualified):
            name, called = known.short(item), one_line(item.title)
            if item.status is Status.PROPOSED:
                title = f"Accept decision {name}: {called}"
                found.append(_action(buffer, title, ACCEPT, KIND, decision=item.id))
            else:
                title = f"Retire decision {name}: {called}"
                found.append(_action(buffer, title, RETIRE, KIND, decision=item.id))
    return found


KIND: Final = "source.decision.trueup"


def _action(
    buffer: Buffer,
    title: str,
    what: str,
    kind: str,
    diagnostics: tuple[types.Diagnostic, ...] = (),
    **more: object,
) -> types.CodeAction:
    argument: types.LSPAny = {"uri": buffer.uri, "what": what, **more}
    return types.CodeAction(
        title=title,
        kind=kind,
        diagnostics=list(diagnostics) or None,
        command=types.Command(title, COMMAND, arguments=[argument]),
    )


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
    decision = lifecycle.clear(known, str(request.get("decision")))
    match what:
        case "open":
            await _open(server, buffer.root, decision.path)
            return {"outcome": "opened", "path": decision.path}
        case "accept":
            # It reads the code that the decision is about.
            await asyncio.to_thread(evidence.accept, buffer.root, decision)
        case "retire":
            lifecycle.retire(buffer.root, decision)
        case "except":
            line = request.get("line")
            return await _except(server, buffer, known.short(decision), line)
        case other:
            raise InputError(f"{COMMAND} cannot {other}")
    server.contracts.reread(buffer.root)
    return {"outcome": f"{what}ed" if what == "accept" else f"{what}d", "path": decision.path}


async def _record(server: Server, buffer: Buffer, symbol: str) -> dict[str, object]:
    title = await ask_for_line(server, f"What was decided about {symbol}?", "")
    if not title:
        return {"outcome": "cancelled"}
    document = buffer.document
    decisions = server.contracts.decisions(buffer.root) or Decisions()
    module, _ = module_of(document.path, decisions.roots)
    scope = Scope(paths=(document.path,), symbols=(f"{module}.{symbol}",))
    path = lifecycle.add(buffer.root, lifecycle.Draft(title, scope=scope))
    server.contracts.reread(buffer.root)
    await _open(server, buffer.root, path)
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
