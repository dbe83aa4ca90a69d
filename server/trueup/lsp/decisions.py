"""Decisions where the code is that they are about: on hover, as lenses, and as offered actions.

What such an action does is for `deciding` to do. Text of a repository is shown as plain text: no
image, no link and no command comes out of it.
"""

from __future__ import annotations

from typing import Final

from lsprotocol import types

from trueup.lsp.documents import Buffer
from trueup.lsp.shown import SOURCE
from trueup.lsp.transport import Server
from trueup.memory import governing
from trueup.memory.decisions import Decision, Decisions, Status
from trueup.memory.hidden import one_line
from trueup.memory.staleness import Stale
from trueup.snapshot import Span
from trueup.symbols import Symbol

COMMAND: Final = "trueup.decision"
LIST, RECORD, ACCEPT, RETIRE, OPEN, EXCEPT = (
    "list", "record", "accept", "retire", "open", "except",
)  # fmt: skip
SUPERSEDE, REFRESH, FOLLOW, REVIEW, ALLOW = "supersede", "refresh", "follow", "review", "allow"
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
        symbols = tuple(buffer.outline)
        names = {symbol.qualified for symbol in symbols}
        governed = governing.of_symbols(known, path, names)
        for symbol in symbols:
            if count := len(governed[symbol.qualified]):
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
            found += _of_its_life(server, buffer, known, item)
        found += _of_its_evidence(server, buffer, known)
        if server.contracts.has_rejections(buffer.root):
            found.append(_action(buffer, "Allow a rejected suggestion again…", ALLOW, KIND))
    return found


def _of_its_life(
    server: Server, buffer: Buffer, known: Decisions, item: Decision
) -> list[types.CodeAction]:
    name, called = known.short(item), one_line(item.title)
    if item.status is Status.PROPOSED:
        return [_action(buffer, f"Accept decision {name}: {called}", ACCEPT, KIND,
                        decision=item.id)]  # fmt: skip
    found = [_action(buffer, f"Retire decision {name}: {called}", RETIRE, KIND, decision=item.id)]
    if server.can_ask:
        title = f"Supersede decision {name} by a new one…"
        found.append(_action(buffer, title, SUPERSEDE, KIND, decision=item.id))
    return found


def _of_its_evidence(server: Server, buffer: Buffer, known: Decisions) -> list[types.CodeAction]:
    """What can be said of decisions that this file has left behind: so it is now, or there."""
    found = []
    path = buffer.document.path
    for stale in server.contracts.stale(buffer.root):
        item, move = stale.decision, stale.move
        name = known.short(item)
        rests_here = any(anchor.path == path for anchor in item.evidence)
        if move is not None and path in {move.old.path, move.path}:
            title = (
                f"Decision {name} follows {one_line(move.names[0])} to {one_line(move.names[1])}"
            )
            found.append(_action(buffer, title, FOLLOW, KIND, decision=item.id))
        elif stale.why is Stale.EVIDENCE_CHANGED and rests_here:
            title = f"Decision {name} still holds for the code as it is now"
            found.append(_action(buffer, title, REFRESH, KIND, decision=item.id))
        if rests_here and item.status is Status.ACCEPTED:
            title = f"Decision {name} needs a review: only warn of it until then"
            found.append(_action(buffer, title, REVIEW, KIND, decision=item.id))
    unique = {item.title: item for item in found}
    return list(unique.values())


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
