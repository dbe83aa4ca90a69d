"""The code around a place: what it calls, what calls it, and the tests that see it.

What an editor holds open counts before the disk. Where the index of the project is not ready soon,
nothing around the place is shown, which makes an answer worse and no verdict less certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from trueup import InputError, workspace
from trueup.memory.index import Index
from trueup.memory.lookup import find_code
from trueup.memory.search import Place
from trueup.propose.context import Piece
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import Goal
from trueup.symbols import Outline

PLACES_MAX: Final = 12
TESTS_MAX: Final = 6
PIECE_CHARACTERS_MAX: Final = 6_000
"""A longer definition is left out: it would take the room of all the others."""

Hidden = Callable[[str], bool]


def places(goal: Goal, snapshot: Snapshot, symbol: str, hidden: Hidden) -> tuple[Piece, ...]:
    """What is one step away from the goal's place, the nearest first. `symbol` is its name with
    its module, "" for none. May take as long as to read the project.
    """
    with Index(snapshot.root) as index:
        index.refresh()
        found = find_code(index, "", Place(goal.path, symbol), limit=2 * PLACES_MAX, hidden=hidden)
    pieces = []
    for item in found:
        row = item.row
        own = row.path == goal.path and row.qualified == goal.symbol
        if own or workspace.is_test(row.path):
            continue
        place = f"{row.path}::{row.qualified}" if row.qualified else row.path
        piece = _piece(place, snapshot, f"{place} ({'; '.join(item.why)})")
        if piece is not None:
            pieces.append(piece)
    return tuple(pieces[:PLACES_MAX])


def named(place: str, snapshot: Snapshot) -> Piece | None:
    """A place that somebody wrote into a plan; None where there is none, or a very long one."""
    return _piece(place, snapshot, place)


def tests(goal: Goal, snapshot: Snapshot, names: tuple[str, ...]) -> tuple[Piece, ...]:
    """The text of the tests that name the goal's symbol, and then of the others, in few."""
    wanted = goal.symbol.rpartition(".")[2]
    pieces = []
    for place in _functions(snapshot, names):
        piece = _piece(place, snapshot, f"the test {place}")
        if piece is not None:
            pieces.append(piece)
    pieces.sort(key=lambda piece: not wanted or wanted not in piece.text)
    return tuple(pieces[:TESTS_MAX])


def _functions(snapshot: Snapshot, names: tuple[str, ...]) -> Iterator[str]:
    """Each test function that is meant; a file stands for all of its own."""
    for name in dict.fromkeys(name.partition("[")[0] for name in names):
        path, _, inner = name.partition("::")
        if inner:
            yield f"{path}::{inner.replace('::', '.')}"
            continue
        document = _document(path, snapshot)
        for symbol in Outline(document.text) if document is not None else ():
            if symbol.kind == "function" and symbol.qualified.rpartition(".")[2].startswith("test"):
                yield f"{path}::{symbol.qualified}"


def _piece(place: str, snapshot: Snapshot, heading: str) -> Piece | None:
    path, _, name = place.partition("::")
    document = _document(path, snapshot)
    if document is None:
        return None
    text = document.text
    if name:
        symbols = Outline(text).find(name)
        if not symbols:
            return None
        start = text.rfind("\n", 0, symbols[0].span.start) + 1
        text = text[start : symbols[0].span.end]
    if len(text) > PIECE_CHARACTERS_MAX:
        return None
    return Piece(heading, text, place)


def _document(path: str, snapshot: Snapshot) -> Document | None:
    held = snapshot.get(path)
    if held is not None:
        return held
    try:
        return workspace.read(snapshot.root, path)
    except (InputError, ValueError):
        return None
