"""Where boxes are, for one choice of boxes that are open.

Lengths are in pixels of the picture, from its top left. `page.js` computes the same from the same
numbers when a reader opens a box, also for `ways` and `layout`; who changes one changes both.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trueup.picture.ranks import row_names, rows_of
from trueup.picture.tree import Tree, columns, shortened, tree_of
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
    "lane": 5.0,  # between lines that pass the same box
    "lanes": 64.0,  # for all of them
    "inGap": 0.4,  # how much of a gap they may use
    "clear": 6.0,  # between a line and the boxes it passes
}
_G: Final = GEOMETRY


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


class Placing:
    """Sizes from the inside out, then places from the outside in."""

    def __init__(self, plan: Plan, opened: frozenset[int]) -> None:
        self.plan = plan
        self.opened = opened
        self.sizes: dict[int, tuple[float, float]] = {}
        self.inner: dict[int, list[list[tuple[int, ...]]]] = {}
        self.places: list[Place] = []
        self.bands: list[Band] = []
        self.walls: dict[int, tuple[float, float]] = {}
        """The sides of each open box, for what passes the boxes in it."""
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
        self.walls[number] = (x + _G["clear"], x + width - _G["clear"])
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
