"""What is seen for one choice of boxes that are open: their places, and imports in bundles.

Knows which import breaks a contract, and which leads up; knows no colours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from trueup.picture.placing import GEOMETRY, Band, Place, Placing, Plan, left_of
from trueup.picture.tree import Kind, Tree
from trueup.picture.ways import Pair, Point, ways_of

_G: Final = GEOMETRY


@dataclass(frozen=True, slots=True)
class Bundle:
    """All imports from one seen box to another. `broken` are indexes of violations."""

    importer: int
    imported: int
    count: int
    broken: tuple[int, ...]
    up: bool
    """Whether one of them leads to a higher declared layer."""
    circular: bool
    """Whether it leads back up a circle of imports that no declared layer forbids."""
    way: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    width: float
    height: float
    places: tuple[Place, ...]
    bands: tuple[Band, ...]
    bundles: tuple[Bundle, ...]
    """In the order in which they are drawn: what breaks a contract is last."""
    inside: dict[int, tuple[int, ...]]
    """Violations whose both ends are in one closed box, by box."""


@dataclass(slots=True)
class _Bundled:
    count: int = 0
    broken: list[int] = field(default_factory=list)
    up: bool = False


def layout_of(plan: Plan, opened: frozenset[int]) -> Layout:
    placing = Placing(plan, opened)
    left = left_of(plan)
    placing.put(0, left, _G["margin"] + _G["band"])
    width, height = placing.sizes[0]
    places = {place.box: place for place in placing.places}
    bundled, inside = _bundled(plan.tree, places)
    ways = ways_of(placing, list(bundled))
    bundles = [
        Bundle(
            *pair,
            found.count,
            tuple(found.broken),
            found.up,
            _turned(plan.tree, places, pair),
            ways[pair],
        )
        for pair, found in bundled.items()
    ]
    bundles.sort(key=lambda bundle: (bool(bundle.broken), bundle.up, bundle.importer))
    return Layout(
        width + left + _G["margin"],
        height + 2 * (_G["margin"] + _G["band"]),
        tuple(placing.places),
        tuple(placing.bands),
        tuple(bundles),
        inside,
    )


def _bundled(
    tree: Tree, places: Container[int]
) -> tuple[dict[Pair, _Bundled], dict[int, tuple[int, ...]]]:
    # A walk meets each box after the one around it.
    seen: list[int] = []
    for number, box in enumerate(tree.boxes):
        seen.append(number if number in places or not number else seen[box.parent])
    found: dict[Pair, _Bundled] = defaultdict(_Bundled)
    for importer, imported in tree.imports:
        pair = seen[importer], seen[imported]
        if pair[0] != pair[1]:
            bundle = found[pair]
            bundle.count += 1
            low, high = tree.boxes[importer].layer, tree.boxes[imported].layer
            bundle.up = bundle.up or low > high >= 0
    inside: dict[int, list[int]] = defaultdict(list)
    for index, (importer, imported) in enumerate(tree.broken):
        pair = seen[importer], seen[imported]
        if pair in found:
            found[pair].broken.append(index)
        else:
            inside[pair[0] or pair[1]].append(index)
    return dict(sorted(found.items())), {at: tuple(each) for at, each in inside.items()}


def _turned(tree: Tree, places: dict[int, Place], pair: tuple[int, int]) -> bool:
    """Whether an import leads up the page where no declared layer says which way is up: the rows
    are such that it then is part of a circle.
    """
    importer, imported = (tree.boxes[number] for number in pair)
    if importer.layer != imported.layer:
        return False
    if Kind.OUTSIDE in {importer.kind, imported.kind}:
        return False
    return places[pair[0]].y >= places[pair[1]].bottom
