"""Which code concerns a question or a place, and why each was taken.

Three rankings, fused by reciprocal rank: the words (BM25 by field), what is one step away in the
code (what the place calls, what calls it), and an optional one that is given, such as embeddings.
Without that one nothing else changes. Files that must not be seen are left out of each before it is
ranked, and no result is given whose file has changed since it was indexed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from trueup.architecture import scan
from trueup.memory import words
from trueup.memory.fusion import fused
from trueup.memory.index import Index
from trueup.memory.scoping import NOWHERE, Place
from trueup.memory.store import Row, Store, Weights

CANDIDATES_MAX: Final = 200
NAMES_MAX: Final = 400
NAMED_MAX: Final = 5000
CALLERS_MAX: Final = 20
RESULTS_MAX: Final = 10
_IN_BODIES: Final = Weights(0.0, 0.0, 0.0, 1.0)
_CALLED: Final = re.compile(r"\b([A-Za-z_]\w*)\s*\(")

Semantic = Callable[[str, int], Sequence[Row]]
"""The rows that are nearest in meaning to a question, best first, at most so many."""


@dataclass(frozen=True, slots=True)
class FoundCode:
    """A chunk and why it was taken, each reason in words."""

    row: Row
    score: float
    why: tuple[str, ...]


def find_code(
    index: Index,
    question: str,
    place: Place = NOWHERE,
    *,
    limit: int = RESULTS_MAX,
    hidden: Callable[[str], bool] = lambda _: False,
    semantic: Semantic | None = None,
    wait: bool = False,
) -> tuple[FoundCode, ...]:
    """The chunks about `question` or `place`, best first, at most `limit`.

    The index answers as it is: refresh it before. `hidden` says which paths must not be seen.
    """
    for _ in range(2):
        found = _find(index, question, place, limit, hidden, semantic, wait=wait)
        changed = {item.row.path for item in found if not index.is_current(item.row)}
        if not changed:
            return found
        index.refresh(changed, wait=wait)
    return tuple(item for item in found if item.row.path not in changed)


def _find(
    index: Index,
    question: str,
    place: Place,
    limit: int,
    hidden: Callable[[str], bool],
    semantic: Semantic | None,
    *,
    wait: bool,
) -> tuple[FoundCode, ...]:
    nothing: tuple[str, ...] = ()
    unseen = index.ask(lambda store: tuple(filter(hidden, store.paths())), nothing, wait=wait)
    asked = words.words(question)
    lexical: Sequence[Row] = index.ask(
        lambda store: store.matching(asked, CANDIDATES_MAX, hidden=unseen), (), wait=wait
    )
    near: Mapping[Row, str] = {}
    text = index.text_at(place.path) if place.path and not hidden(place.path) else None
    if text is not None:
        near = index.ask(lambda store: _near(store, place, text, unseen), {}, wait=wait)
    meant = semantic(question, CANDIDATES_MAX) if semantic is not None else ()
    seen = [row for row in meant if row.path not in set(unseen)]
    rankings = tuple(_ranking(rows) for rows in (lexical, tuple(near), seen))
    rows = {row.key: row for row in (*seen, *near, *lexical)}
    because = {row.key: reason for row, reason in near.items()}
    scores = sorted((-score, key) for key, score in fused(rankings).items())
    return tuple(
        FoundCode(
            rows[key],
            -score,
            tuple(
                reason
                for reason in (
                    "it holds words of the question" if key in rankings[0] else "",
                    because.get(key, ""),
                    "it is near in meaning" if key in rankings[2] else "",
                )
                if reason
            ),
        )
        for score, key in scores[:limit]
    )


def _ranking(rows: Iterable[Row]) -> dict[tuple[str, int, str], int]:
    """Places from 1 on; what scores the same shares one."""
    places: dict[tuple[str, int, str], int] = {}
    last: float | None = None
    place = 0
    for number, row in enumerate(rows, 1):
        if row.score != last or not row.score:
            place, last = number, row.score
        places[row.key] = place
    return places


def _near(store: Store, place: Place, text: str, unseen: Iterable[str]) -> dict[Row, str]:
    """What is one step away from a place: first what it calls, in its file and then in the files
    that it imports, then what calls it.
    """
    hidden = set(unseen)
    body = store.chunk_text(place.path, _local(place), text)
    called = tuple(dict.fromkeys(_CALLED.findall(body)))[:NAMES_MAX]
    imported = imported_paths(place.path, text)
    here: list[Row] = []
    there: list[Row] = []
    for row in store.named(called, NAMED_MAX):
        if row.path in hidden:
            continue
        if row.path == place.path:
            if not place.symbol or place.symbol.endswith(row.qualified):
                continue
            here.append(row)
        elif any(row.path == path or row.path.endswith(f"/{path}") for path in imported):
            there.append(row)
    near = dict.fromkeys((*here, *there), f"{place.symbol or place.path} calls it")
    name = place.symbol.rpartition(".")[2]
    if name:
        wanted = words.words(name)[-1:]
        for row in store.matching(wanted, CALLERS_MAX, hidden=hidden, weights=_IN_BODIES):
            if row.score < 0:
                near.setdefault(row, f"it says {name}")
    return near


def _local(place: Place) -> tuple[str, ...]:
    """The names that a place may have inside its module, the longest first."""
    parts = place.symbol.split(".") if place.symbol else []
    return tuple(".".join(parts[start:]) for start in range(len(parts)))


def imported_paths(path: str, text: str) -> frozenset[str]:
    """The files that a text may import from, as ends of paths."""
    package = PurePosixPath(path).parent.parts
    found: set[str] = set()
    for imported in scan.imports(text):
        dots = len(imported.written) - len(imported.written.lstrip("."))
        parts = [part for part in imported.written.split(".") if part]
        if dots:
            parts = [*package[: len(package) - dots + 1], *parts]
        # The last name may be of a module or of something in one.
        for names in (parts, parts[:-1]):
            if names:
                found |= {f"{'/'.join(names)}.py", f"{'/'.join(names)}/__init__.py"}
    return frozenset(found)
