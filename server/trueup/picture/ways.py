"""The ways of bundles: from box to box, between the boxes that are in between.

Knows places, not what is imported.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from trueup.picture.placing import GEOMETRY, Place, Placing
from trueup.picture.tree import Tree

Point = tuple[float, float]
Pair = tuple[int, int]
_G: Final = GEOMETRY


def ways_of(placing: Placing, pairs: Sequence[Pair]) -> dict[Pair, tuple[Point, ...]]:
    """For each bundle the points it goes through; two of one height are joined by an arc."""
    tree, lines = placing.plan.tree, placing.lines
    places = {place.box: place for place in placing.places}
    ports = _ports(places, pairs)
    line_at = {box: at for each in lines.values() for at, line in enumerate(each) for box in line}
    passed: dict[Pair, list[tuple[int, ...]]] = {}
    for pair in pairs:
        importer, imported = places[pair[0]], places[pair[1]]
        if importer.y <= imported.bottom and imported.y <= importer.bottom:
            continue
        down = ports[pair, 0][1] < ports[pair, 1][1]
        passed[pair] = list(_passed(tree, lines, line_at, pair, down))
    lanes = _lanes([pair for pair in pairs if passed.get(pair)], ports)
    ways = {}
    for pair in pairs:
        start, end = ports[pair, 0], ports[pair, 1]
        way = [start]
        for line in passed.get(pair, ()):
            walls = placing.walls[tree.boxes[line[0]].parent]
            found = [places[number] for number in line]
            way += _pass((start, end), found, walls, lanes[pair])
        ways[pair] = (*way, end)
    return ways


def _lanes(pairs: Sequence[Pair], ports: dict[tuple[Pair, int], Point]) -> dict[Pair, float]:
    """How far from the boxes that they pass bundles go: the longer, the farther, so that one can
    tell them from each other.
    """

    def height(pair: Pair) -> int:
        return math.floor(abs(ports[pair, 0][1] - ports[pair, 1][1]) + 0.5)

    room = min(_G["lanes"], _G["lane"] * len(pairs))
    ordered = sorted(pairs, key=height)
    return {pair: room * at / len(ordered) for at, pair in enumerate(ordered)}


def _passed(
    tree: Tree,
    lines: dict[int, list[tuple[int, ...]]],
    line_at: dict[int, int],
    pair: Pair,
    down: bool,
) -> Iterator[tuple[int, ...]]:
    """The lines of boxes that a bundle goes through, in its direction: out of the boxes around its
    start, past what is between, and into the boxes around its end.
    """
    out, into = tree.path(pair[0]), tree.path(pair[1])
    shared = 1
    while out[-shared - 1] == into[-shared - 1]:
        shared += 1
    step = 1 if down else -1
    for box in out[: -shared - 1]:
        yield from (
            lines[tree.boxes[box].parent][line_at[box] + step :: step]
            if (line_at[box] + step >= 0)
            else ()
        )
    first, last = line_at[out[-shared - 1]], line_at[into[-shared - 1]]
    between = lines[out[-shared]]
    yield from (between[at] for at in range(first + step, last, step))
    for box in into[-shared - 2 :: -1]:
        around = lines[tree.boxes[box].parent]
        before = around[: line_at[box]] if down else around[: line_at[box] : -1]
        yield from before


def _pass(
    ends: tuple[Point, Point], line: Sequence[Place], walls: tuple[float, float], lane: float
) -> Iterator[Point]:
    """Two points of an upright way between the boxes of a line, as near as can be to the direct
    way.
    """
    start, end = ends
    clear = _G["clear"]
    top, bottom = min(place.y for place in line), max(place.bottom for place in line)
    part = ((top + bottom) / 2 - start[1]) / (end[1] - start[1])
    wished = start[0] + (end[0] - start[0]) * part
    x, best = wished, math.inf
    for at in range(len(line) + 1):
        left = line[at - 1].x + line[at - 1].width + clear if at else walls[0]
        right = line[at].x - clear if at < len(line) else walls[1]
        off = min(lane, max(0.0, right - left) * _G["inGap"])
        low = min(left + off, right) if at else left
        high = max(right - off, low) if at < len(line) else max(right, low)
        near = min(max(wished, low), high)
        if abs(near - wished) < best:
            x, best = near, abs(near - wished)
    near, far = (
        (top - clear, bottom + clear) if start[1] < end[1] else (bottom + clear, top - clear)
    )
    yield x, near
    yield x, far


def _ports(places: dict[int, Place], pairs: Sequence[Pair]) -> dict[tuple[Pair, int], Point]:
    """Where each bundle leaves (0) and arrives (1): spread along a side in the order of what is at
    the other end, so that lines of one box do not cross each other.
    """
    sides: dict[tuple[int, bool], list[tuple[float, Pair, int]]] = defaultdict(list)
    for pair in pairs:
        importer, imported = places[pair[0]], places[pair[1]]
        # Bundles of one line hang below it.
        leaves_below = importer.y <= imported.bottom
        arrives_below = importer.bottom >= imported.y
        sides[pair[0], leaves_below].append((imported.middle, pair, 0))
        sides[pair[1], arrives_below].append((importer.middle, pair, 1))
    found = {}
    for (number, below), ends in sides.items():
        place = places[number]
        for at, (_, pair, end) in enumerate(sorted(ends)):
            x = place.x + place.width * (at + 1) / (len(ends) + 1)
            found[pair, end] = (x, place.bottom if below else place.y)
    return found
