"""Modules gathered into boxes, so that at no level more are seen at once than one can read.

A box is a package, a module, or a drawer: neighbours by alphabet of a package that has too many
children to show each. Knows names and numbers; knows no places.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from trueup.picture.values import Drawing

BOXES: Final = 40
"""How many boxes are seen at first."""
CHILDREN: Final = 60
"""How many children an open package shows before some of them are put into drawers."""
ALONE: Final = 24
"""How many of too many children keep a box of their own: those with the most imports."""
DEPTH: Final = 30
"""How many packages deep names are taken apart; the rest of a deeper name is one."""
LABEL_COLUMNS: Final = 30
"""Longer labels lose their middle; the whole name is in the tooltip."""


class Kind(StrEnum):
    WHOLE = "whole"
    PACKAGE = "package"
    MODULE = "module"
    DRAWER = "drawer"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Box:
    """`name` is dotted, that of the package around it for a drawer. `parent` and `children` are
    numbers of boxes; a box without children stands for the one module `name`.
    """

    name: str
    label: str
    kind: Kind
    parent: int
    children: tuple[int, ...]
    modules: int
    """How many modules it holds."""
    layer: int
    """The index of its declared layer, -1 where it is in none, or in several."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Boxes in the order of a walk; number 0 is the whole, and its children are seen first.

    `imports` and `broken` are pairs of numbers of boxes without children: the distinct imports,
    and one pair for each of the drawing's violations in the order of `violations_of`.
    """

    boxes: tuple[Box, ...]
    imports: tuple[tuple[int, int], ...]
    broken: tuple[tuple[int, int], ...]
    opened: frozenset[int]
    """The boxes that are open at first."""

    def path(self, number: int) -> tuple[int, ...]:
        """The box and all around it, from the inside out; the whole is last."""
        found = [number]
        while found[-1]:
            found.append(self.boxes[found[-1]].parent)
        return tuple(found)


@dataclass(slots=True, eq=False)
class _Node:
    name: str
    label: str
    kind: Kind
    children: list[_Node] = field(default_factory=list)
    modules: int = 0
    weight: int = 0
    """How often imports touch it."""


def columns(text: str) -> int:
    """The width of a text in a monospaced font, in columns."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def shortened(text: str, limit: int = LABEL_COLUMNS) -> str:
    """The text without its middle where it is wider than `limit` columns."""
    if columns(text) <= limit:
        return text
    half = limit // 2 - 1
    return f"{text[:half]}…{text[-half:]}"


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def tree_of(drawing: Drawing) -> Tree:
    """The boxes of a drawing, the same for the same content in whatever order."""
    imports = {pair for pair in drawing.imports if pair[0] != pair[1]}
    broken = tuple((found.importer, found.imported) for found in drawing.violations)
    imports |= {(importer, imported) for importer, imported in broken if importer != imported}
    imports = {pair for pair in imports if all(pair)}
    touched = Counter(itertools.chain.from_iterable(imports))
    # What breaks a contract is never put into a drawer while there is room beside it.
    for name in itertools.chain.from_iterable(broken):
        touched[name] += 1_000_000
    roots = _roots(drawing, touched)
    fences = frozenset(prefix for layer in drawing.layers for prefix in layer.modules)
    stage = _stage(roots, fences)
    boxes, leaves = _numbered(drawing, stage)
    return Tree(
        boxes,
        tuple(sorted((leaves[importer], leaves[imported]) for importer, imported in imports)),
        tuple((leaves.get(importer, 0), leaves.get(imported, 0)) for importer, imported in broken),
        _opened(boxes),
    )


def _roots(drawing: Drawing, touched: Counter[str]) -> list[_Node]:
    inside = set(drawing.modules) - {""}
    nodes: dict[str, _Node] = {}
    roots: list[_Node] = []
    for name in sorted(inside | (set(touched) - {""})):
        kind = Kind.MODULE if name in inside else Kind.OUTSIDE
        around: _Node | None = None
        parts = name.split(".", DEPTH)
        for end in range(1, len(parts) + 1):
            at = ".".join(parts[:end])
            if at not in nodes:
                nodes[at] = _Node(at, parts[end - 1], kind)
                (around.children if around else roots).append(nodes[at])
            around = nodes[at]
            around.weight += touched[name]
            around.modules += 1
            if kind is Kind.MODULE and around.kind is Kind.OUTSIDE:
                around.kind = Kind.MODULE
    for name, node in nodes.items():
        if not node.children:
            continue
        outside = node.kind is Kind.OUTSIDE
        node.kind = Kind.PACKAGE
        # An empty __init__ that nobody asks for is not worth a box.
        if touched[name]:
            kind = Kind.OUTSIDE if outside else Kind.MODULE
            node.children.insert(0, _Node(name, "__init__", kind, [], 1, touched[name]))
    return roots


def _stage(roots: list[_Node], fences: frozenset[str]) -> list[_Node]:
    """What is seen first: packages are taken apart until each declared layer is by itself."""
    around = {
        fence[:at] for fence in fences for at, character in enumerate(fence) if character == "."
    }
    apart: list[list[_Node]] = []

    def taken(nodes: Iterable[_Node]) -> Iterator[_Node]:
        for node in nodes:
            if node.children and node.name in around:
                inner = list(taken(node.children))
                apart.append(inner)
                yield from inner
            else:
                yield node

    stage = list(taken(roots))
    inside = [node for node in stage if node.kind is not Kind.OUTSIDE]
    while len(inside) == 1 and inside[0].children and inside[0].name not in fences:
        stage = [node for node in stage if node is not inside[0]] + inside[0].children
        inside = inside[0].children

    for node in stage:
        _gather(node)
    return _gathered("", stage, BOXES, lambda node: node.name in fences)


def _gather(node: _Node) -> None:
    for child in node.children:
        _gather(child)
    node.children = _gathered(node.name, node.children, CHILDREN)


def _gathered(
    name: str,
    nodes: Sequence[_Node],
    limit: int,
    keep: Callable[[_Node], bool] = lambda _: False,
) -> list[_Node]:
    """At most `limit` nodes, unless more are to be kept: the others in drawers, by alphabet."""
    if len(nodes) <= limit:
        return list(nodes)
    by_weight = sorted(nodes, key=lambda node: (not keep(node), -node.weight, node.name))
    room = max(ALONE, sum(map(keep, nodes)))
    alone = set(map(id, by_weight[:room]))
    rest = sorted((node for node in nodes if id(node) not in alone), key=lambda node: node.name)
    if not rest:
        return list(nodes)
    count = max(1, min(BOXES - ALONE, math.ceil(len(rest) / BOXES)))
    size = math.ceil(len(rest) / count)
    drawers = [
        _Node(
            name,
            f"{chunk[0].label} … {chunk[-1].label}" if len(chunk) > 1 else chunk[0].label,
            Kind.DRAWER,
            _gathered(name, chunk, CHILDREN),
            sum(node.modules for node in chunk),
            sum(node.weight for node in chunk),
        )
        for chunk in (rest[at : at + size] for at in range(0, len(rest), size))
    ]
    return [node for node in nodes if id(node) in alone] + drawers


def _numbered(drawing: Drawing, stage: list[_Node]) -> tuple[tuple[Box, ...], dict[str, int]]:
    """The nodes as boxes, and the number of each module's box."""
    prefixes = {
        prefix: index for index, layer in enumerate(drawing.layers) for prefix in layer.modules
    }
    named = (node for node in stage if node.kind not in {Kind.OUTSIDE, Kind.DRAWER})
    shared = _shared([node.name for node in named])
    boxes: list[Box] = []
    leaves: dict[str, int] = {}

    def number(node: _Node, parent: int) -> int:
        at = len(boxes)
        boxes.append(Box(node.name, "", node.kind, parent, (), node.modules, -1))
        children = tuple(number(child, at) for child in node.children)
        if parent == 0 and node.label != "__init__" and node.kind is not Kind.DRAWER:
            label = node.name[shared:] if node.kind is not Kind.OUTSIDE else node.name
        else:
            label = node.label
        layers = {boxes[child].layer for child in children} or {_layer(node.name, prefixes)}
        layer = layers.pop() if len(layers) == 1 else -1
        if not children:
            leaves[node.name] = at
        label = shortened(label) or "(no name)"
        boxes[at] = Box(node.name, label, node.kind, parent, children, node.modules, layer)
        return at

    number(_Node("", drawing.title, Kind.WHOLE, stage, sum(node.modules for node in stage)), 0)
    return tuple(boxes), leaves


def _shared(names: Sequence[str]) -> int:
    """The length of the package that all names are in, its dot included."""
    if len(names) < 2:
        return 0
    # A package's own module has the name of the package.
    first, last = min(names), max(names)
    parts = 0
    for left, right in zip(first.split("."), last.split("."), strict=False):
        if left != right:
            break
        parts += len(left) + 1
    return parts if all(len(name) > parts or name == first[: parts - 1] for name in names) else 0


def _layer(name: str, prefixes: dict[str, int]) -> int:
    """The layer of the longest prefix that holds the name."""
    at = name
    while at:
        if at in prefixes:
            return prefixes[at]
        at = at.rpartition(".")[0]
    return -1


def _opened(boxes: tuple[Box, ...]) -> frozenset[int]:
    """Level after level, as long as all that is then seen can be read; then, as long as there is
    room, the one that holds most of the modules.
    """
    opened = {0}
    seen = list(boxes[0].children)
    while True:
        closed = [at for at in seen if boxes[at].children]
        wanted = sum(len(boxes[at].children) - 1 for at in closed)
        if len(seen) + wanted > BOXES:
            closed = [
                at
                for at in closed
                if len(seen) + len(boxes[at].children) <= BOXES
                and boxes[at].modules * 2 > boxes[0].modules
            ]
        if not closed:
            return frozenset(opened)
        opened.update(closed)
        seen = [at for at in seen if at not in opened]
        seen += itertools.chain.from_iterable(boxes[at].children for at in closed)
