"""Where boxes and bundles of imports are, for one choice of boxes that are open.

Lengths are in pixels of the picture, from its top left. `page.js` computes the same from the same
numbers when a reader opens a box; whoever changes one changes both.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from trueup.picture.ranks import row_names, rows_of
from trueup.picture.tree import Kind, Tree, columns, shortened, tree_of
from trueup.picture.values import Drawing

GEOMETRY: Final = {
    "column": 7.3,  # a character of the monospaced font, at its widest
    "least": 58.0,
    "counted": 96.0,  # has room for a number of modules
    "side": 11.0,  # beside a label
    "package": 42.0,  # height of a box that can be opened
    "module": 28.0,
    "gap": 22.0,
    "innerGap": 14.0,
    "line": 30.0,  # between lines of one row
    "innerLine": 22.0,
    "row": 54.0,
    "innerRow": 40.0,
    "wrap": 1080.0,  # a row that is wider is continued below
    "innerWrap": 430.0,
    "head": 28.0,  # above what is in an open box
    "pad": 16.0,
    "margin": 24.0,
    "band": 14.0,  # a band around its row
    "spread": 56.0,  # how much wider the gaps of a short line may be
    "wide": 640.0,  # a whole that is narrower has room beside its lines
    "clear": 6.0,  # between a line and the boxes it passes
}
_G: Final = GEOMETRY
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not change when boxes are opened."""

    tree: Tree
    rows: tuple[tuple[tuple[int, ...], ...], ...]
    names: tuple[str, ...]
    """Beside the rows of the whole."""


@dataclass(frozen=True, slots=True)
class Place:
    box: int
    x: float
    y: float
    width: float
    height: float
    open: bool

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Band:
    name: str
    y: float
    height: float


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


def plan_of(drawing: Drawing) -> Plan:
    tree = tree_of(drawing)
    rows = rows_of(tree)
    names = [layer.name for layer in drawing.layers]
    return Plan(tree, rows, tuple(map(shortened, row_names(tree, rows[0], names))))


def left_of(plan: Plan) -> float:
    """How far the boxes are from the left, where the names of rows are."""
    if not any(plan.names):
        return _G["margin"]
    return _G["margin"] + max(map(columns, plan.names)) * _G["column"] * 0.85 + _G["gap"]


def layout_of(plan: Plan, opened: frozenset[int]) -> Layout:
    placing = _Placing(plan, opened)
    left = left_of(plan)
    placing.put(0, left, _G["margin"] + _G["band"])
    width, height = placing.sizes[0]
    places = {place.box: place for place in placing.places}
    bundled, inside = _bundled(plan.tree, places)
    ways = _ways(plan.tree, places, placing.lines, list(bundled))
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


class _Placing:
    """Sizes from the inside out, then places from the outside in."""

    def __init__(self, plan: Plan, opened: frozenset[int]) -> None:
        self.plan = plan
        self.opened = opened
        self.sizes: dict[int, tuple[float, float]] = {}
        self.inner: dict[int, list[list[tuple[int, ...]]]] = {}
        self.places: list[Place] = []
        self.bands: list[Band] = []
        self.lines: dict[int, list[tuple[int, ...]]] = defaultdict(list)
        self._measure(0)

    def _measure(self, number: int) -> None:
        box = self.plan.tree.boxes[number]
        width = max(_G["least"], columns(box.label) * _G["column"] + 2 * _G["side"])
        if box.children:
            width = max(width, _G["counted"])
        if number not in self.opened:
            self.sizes[number] = (width, _G["package" if box.children else "module"])
            return
        for child in box.children:
            self._measure(child)
        rows = self.inner[number] = self._wrapped(number)
        gap, line, row = self._gaps(number)
        wide, high = 0.0, 0.0
        for lines in rows:
            for each in lines:
                wide = max(wide, self._length(each, gap))
                high += self._tallest(each) + line
            high += row - line
        high -= row
        if not number:
            wide = max(wide, _G["wide"])
        else:
            wide, high = wide + 2 * _G["pad"], high + _G["head"] + _G["pad"]
            wide = max(wide, width + 4 * _G["column"])
        self.sizes[number] = (wide, high)

    def _gaps(self, number: int) -> tuple[float, float, float]:
        names = ("innerGap", "innerLine", "innerRow") if number else ("gap", "line", "row")
        gap, line, row = (_G[name] for name in names)
        return gap, line, row

    def _length(self, line: Sequence[int], gap: float) -> float:
        return sum(self.sizes[number][0] for number in line) + gap * (len(line) - 1)

    def _apart(self, line: Sequence[int], gap: float, width: float) -> float:
        """The gap between the boxes of a line of the whole, where there is room for lines."""
        return gap + min(_G["spread"], (width - self._length(line, gap)) / (len(line) + 1))

    def _tallest(self, line: Sequence[int]) -> float:
        return max(self.sizes[number][1] for number in line)

    def _wrapped(self, number: int) -> list[list[tuple[int, ...]]]:
        """The rows of an open box, each as lines of about the same length."""
        gap = self._gaps(number)[0]
        children = self.plan.tree.boxes[number].children
        area = sum((self.sizes[at][0] + gap) * (self.sizes[at][1] + gap) for at in children)
        limit = max(_G["innerWrap" if number else "wrap"], math.sqrt(area) * 1.5)
        rows = []
        for row in self.plan.rows[number]:
            parts = math.ceil(self._length(row, gap) / limit)
            even = self._length(row, gap) / parts
            lines: list[list[int]] = [[]]
            for at in row:
                if lines[-1] and self._length([*lines[-1], at], gap) > max(
                    even + self.sizes[at][0] / 2, self.sizes[at][0]
                ):
                    lines.append([])
                lines[-1].append(at)
            rows.append([tuple(line) for line in lines])
        return rows

    def put(self, number: int, x: float, y: float) -> None:
        width, height = self.sizes[number]
        if number:
            self.places.append(Place(number, x, y, width, height, number in self.opened))
        if number not in self.opened:
            return
        gap, between, between_rows = self._gaps(number)
        top = y + (_G["head"] if number else 0.0)
        for at, lines in enumerate(self.inner[number]):
            start = top
            for line in lines:
                self.lines[number].append(line)
                tallest = self._tallest(line)
                apart = gap if number else self._apart(line, gap, width)
                left = x + (width - self._length(line, apart)) / 2
                for child in line:
                    size = self.sizes[child]
                    self.put(child, left, top + (tallest - size[1]) / 2)
                    left += size[0] + apart
                top += tallest + between
            if not number:
                high = top - between - start + 2 * _G["band"]
                self.bands.append(Band(self.plan.names[at], start - _G["band"], high))
            top += between_rows - between


def _bundled(
    tree: Tree, places: dict[int, Place]
) -> tuple[dict[tuple[int, int], _Bundled], dict[int, tuple[int, ...]]]:
    # A walk meets each box after the one around it.
    seen: list[int] = []
    for number, box in enumerate(tree.boxes):
        seen.append(number if number in places or not number else seen[box.parent])
    found: dict[tuple[int, int], _Bundled] = defaultdict(_Bundled)
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


def _ways(
    tree: Tree,
    places: dict[int, Place],
    lines: dict[int, list[tuple[int, ...]]],
    pairs: Sequence[tuple[int, int]],
) -> dict[tuple[int, int], tuple[Point, ...]]:
    """For each bundle the points it goes through; two of one height are joined by an arc."""
    ports = _ports(places, pairs)
    line_at = {box: at for each in lines.values() for at, line in enumerate(each) for box in line}
    ways = {}
    for pair in pairs:
        start, end = ports[pair, 0], ports[pair, 1]
        down = start[1] < end[1]
        level = places[pair[0]].y < places[pair[1]].bottom and (
            places[pair[1]].y < places[pair[0]].bottom
        )
        passed: list[Point] = []
        for line in () if level else _passed(tree, lines, line_at, pair, down):
            passed += _pass(start, end, [places[number] for number in line])
        ways[pair] = (start, *passed, end)
    return ways


def _passed(
    tree: Tree,
    lines: dict[int, list[tuple[int, ...]]],
    line_at: dict[int, int],
    pair: tuple[int, int],
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


def _pass(start: Point, end: Point, line: Sequence[Place]) -> Iterator[Point]:
    """Two points of a straight way between the boxes of a line, as near as can be to the direct
    way.
    """
    top, bottom = min(place.y for place in line), max(place.bottom for place in line)
    part = ((top + bottom) / 2 - start[1]) / (end[1] - start[1])
    wished = start[0] + (end[0] - start[0]) * part
    clear = _G["clear"]
    x, best = wished, math.inf
    left = -math.inf
    for right, following in [*((place.x, place.x + place.width) for place in line), (math.inf, 0)]:
        at = min(max(wished, left + clear), right - clear)
        if abs(at - wished) < best:
            x, best = at, abs(at - wished)
        left = following
    near, far = (
        (top - clear, bottom + clear) if start[1] < end[1] else (bottom + clear, top - clear)
    )
    yield x, near
    yield x, far


def _ports(
    places: dict[int, Place], pairs: Sequence[tuple[int, int]]
) -> dict[tuple[tuple[int, int], int], Point]:
    """Where each bundle leaves (0) and arrives (1): spread along a side in the order of what is at
    the other end, so that lines of one box do not cross each other.
    """
    sides: dict[tuple[int, bool], list[tuple[float, tuple[int, int], int]]] = defaultdict(list)
    for pair in pairs:
        importer, imported = places[pair[0]], places[pair[1]]
        # Bundles of one line hang below it.
        leaves_below = importer.y < imported.bottom
        arrives_below = importer.bottom > imported.y
        sides[pair[0], leaves_below].append((imported.middle, pair, 0))
        sides[pair[1], arrives_below].append((importer.middle, pair, 1))
    found = {}
    for (number, below), ends in sides.items():
        place = places[number]
        for at, (_, pair, end) in enumerate(sorted(ends)):
            x = place.x + place.width * (at + 1) / (len(ends) + 1)
            found[pair, end] = (x, place.bottom if below else place.y)
    return found
