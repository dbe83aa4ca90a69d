"""The code around a place: what it calls, what calls it, and the tests that see it.

What an editor holds open counts before the disk. Where the index of the project is not ready soon,
nothing around the place is shown, which makes an answer worse and no verdict less certain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from trueup import InputError, workspace
from trueup.memory.index import Index
from trueup.memory.lookup import find_code
from trueup.memory.scoping import Place
from trueup.propose.context import Piece
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import Goal
from trueup.symbols import Outline, Symbol

PLACES_MAX: Final = 12
TESTS_MAX: Final = 6
TEST_FILES_MAX: Final = 40
"""How many files of tests are looked into for those that name the place."""
PIECE_CHARACTERS_MAX: Final = 6_000
"""A longer definition is left out: it would take the room of all the others."""

Hidden = Callable[[str], bool]


def places(
    goal: Goal, snapshot: Snapshot, symbol: str, hidden: Hidden, *, own_file: bool
) -> tuple[Piece, ...]:
    """What is one step away from the goal's place, the nearest first. `symbol` is its name with
    its module; `own_file`: that of its own file too. May take as long as to read the project.
    """
    with Index(snapshot.root) as index:
        index.refresh()
        place = Place(goal.path, symbol)
        found = find_code(index, "", place, limit=4 * PLACES_MAX, hidden=hidden)
    calls = re.compile(rf"(?<!\w){re.escape(goal.symbol.rpartition('.')[2])}(?!\w)")
    pieces = []
    for item in found:
        row = item.row
        own = row.path == goal.path
        if (own and (row.qualified == goal.symbol or not own_file)) or workspace.is_test(row.path):
            continue
        name = f"{row.path}::{row.qualified}" if row.qualified else row.path
        piece = _piece(name, snapshot, name, "; ".join(item.why))
        # The index finds words, whose forms may be others; what calls a place has its very name.
        is_called = any(why.endswith(" calls it") for why in item.why)
        if piece is not None and (is_called or calls.search(piece.text)):
            pieces.append(piece)
    return tuple(pieces[:PLACES_MAX])


def named(place: str, snapshot: Snapshot) -> Piece | None:
    """A place that somebody wrote into a plan; None where there is none, or a very long one."""
    return _piece(place, snapshot, place, "the plan names it")


def tests(goal: Goal, snapshot: Snapshot, names: tuple[str, ...]) -> tuple[Piece, ...]:
    """The text of the tests that name the goal's symbol, and then of the others, in few."""
    wanted = goal.symbol.rpartition(".")[2]
    by_file: dict[str, set[str]] = {}
    for name in names:
        path, _, inner = name.partition("[")[0].partition("::")
        by_file.setdefault(path, set()).add(inner.replace("::", "."))
    read = (_document(path, snapshot) for path in by_file)
    documents = [document for document in read if document is not None]
    documents.sort(key=lambda document: wanted not in document.text)
    pieces: list[Piece] = []
    for document in documents[:TEST_FILES_MAX]:
        pieces += _functions(document, by_file[document.path])
        if sum(wanted in piece.text for piece in pieces) >= TESTS_MAX:
            break
    pieces.sort(key=lambda piece: wanted not in piece.text)
    return tuple(pieces[:TESTS_MAX])


def _functions(document: Document, names: set[str]) -> Iterator[Piece]:
    """The test functions of a file that are meant; "" stands for all of them."""
    for symbol in Outline(document.text):
        is_test = symbol.kind == "function" and symbol.qualified.rpartition(".")[2].startswith(
            "test"
        )
        if symbol.qualified in names or ("" in names and is_test):
            text = _text(document, symbol)
            if len(text) <= PIECE_CHARACTERS_MAX:
                place = f"{document.path}::{symbol.qualified}"
                yield Piece(f"the test {place}", text, place, "it sees the place")


def _piece(place: str, snapshot: Snapshot, heading: str, why: str) -> Piece | None:
    path, _, name = place.partition("::")
    document = _document(path, snapshot)
    if document is None:
        return None
    text = document.text
    if name:
        symbols = Outline(text).find(name)
        if not symbols:
            return None
        text = _text(document, symbols[0])
    return Piece(heading, text, place, why) if len(text) <= PIECE_CHARACTERS_MAX else None


def _text(document: Document, symbol: Symbol) -> str:
    """The lines of a symbol, as indented as they stand."""
    start = document.line_span(document.line_at(symbol.span.start)).start
    return document.text[start : symbol.span.end]


def _document(path: str, snapshot: Snapshot) -> Document | None:
    held = snapshot.get(path)
    if held is not None:
        return held
    try:
        return workspace.read(snapshot.root, path)
    except (InputError, ValueError):
        return None
