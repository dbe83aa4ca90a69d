"""Boxes of one level put into rows: who imports above whom is imported, with few long ways.

Declared layers are rows as they are declared. Elsewhere rows follow from the imports; where these
go round in circles, the fewest are turned against the order that a greedy choice finds.
Knows numbers only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from trueup.picture.tree import Kind, Tree

Weights = Mapping[tuple[int, int], int]
"""How many imports lead from one box to another of the same level."""
Rows = tuple[tuple[int, ...], ...]

SWEEPS: Final = 12


def rows_of(tree: Tree) -> tuple[Rows, ...]:
    """For each box the rows of its children from the top, () where it has none."""
    weights: list[dict[tuple[int, int], int]] = [defaultdict(int) for _ in tree.boxes]
    paths = {number: tree.path(number) for pair in tree.imports for number in pair}
    for importer, imported in tree.imports:
        left, right = paths[importer][::-1], paths[imported][::-1]
        at = 0
        while left[at + 1] == right[at + 1]:
            at += 1
        weights[left[at]][left[at + 1], right[at + 1]] += 1
    return tuple(
        _rows(tree, box.children, weights[number]) for number, box in enumerate(tree.boxes)
    )


def row_names(tree: Tree, rows: Rows, names: Sequence[str]) -> tuple[str, ...]:
    """What is written beside the rows of the whole; "" where there is nothing to say."""
    layered = any(tree.boxes[number].layer >= 0 for row in rows for number in row)
    found = []
    for row in rows:
        box = tree.boxes[row[0]]
        if box.kind is Kind.OUTSIDE:
            found.append("outside the project")
        elif box.layer >= 0:
            found.append(names[box.layer])
        else:
            found.append("in no layer" if layered else "")
    return tuple(found)


def _rows(tree: Tree, items: Sequence[int], weights: Weights) -> Rows:
    boxes = tree.boxes
    outside = [number for number in items if boxes[number].kind is Kind.OUTSIDE]
    inside = [number for number in items if boxes[number].kind is not Kind.OUTSIDE]
    layers = sorted({boxes[number].layer for number in inside} - {-1})
    if layers and boxes[items[0]].parent == 0:
        rows = [[number for number in inside if boxes[number].layer == at] for at in layers]
        rows += _ranked([number for number in inside if boxes[number].layer < 0], weights)
    else:
        rows = _ranked(inside, weights)
    return _ordered([row for row in (*rows, outside) if row], weights)


def _ranked(items: Sequence[int], weights: Weights) -> list[list[int]]:
    """Rows by the longest way down; boxes without any import to or from the others are last."""
    reach = _reach(items, weights)
    greedy = {number: at for at, number in enumerate(_greedy_order(items, weights))}
    # Who reaches more is first, so that an import can only lead backwards inside a circle.
    order = sorted(
        items,
        key=lambda at: (-reach[at].bit_count(), min(_circle(at, items, reach)), greedy[at]),
    )
    place = {number: at for at, number in enumerate(order)}
    below = defaultdict(list)
    for importer, imported in weights:
        if importer in place and imported in place and place[importer] < place[imported]:
            below[importer].append(imported)
    touched = {number for pair in weights if set(pair) <= place.keys() for number in pair}
    heights: dict[int, int] = {}
    for number in reversed(order):
        heights[number] = 1 + max((heights[other] for other in below[number]), default=-1)
    rows: dict[int, list[int]] = defaultdict(list)
    for number in items:
        rows[heights[number] if number in touched else -1].append(number)
    return [rows[height] for height in sorted(rows, reverse=True)]


def _reach(items: Sequence[int], weights: Weights) -> dict[int, int]:
    """For each box a bit for every box that its imports lead to in the end, itself included."""
    bit = {number: 1 << at for at, number in enumerate(items)}
    reach = dict(bit)
    pairs = [pair for pair in sorted(weights) if pair[0] in bit and pair[1] in bit]
    changed = True
    while changed:
        changed = False
        for importer, imported in reversed(pairs):
            more = reach[importer] | reach[imported]
            changed = changed or more != reach[importer]
            reach[importer] = more
    return reach


def _circle(number: int, items: Sequence[int], reach: Mapping[int, int]) -> Iterator[int]:
    """The boxes that reach the same as this one: those of its circle, and itself."""
    return (other for other in items if reach[other] == reach[number])


def _greedy_order(items: Sequence[int], weights: Weights) -> list[int]:
    """An order in which few imports lead backwards.

    Eades, Lin, Smyth (1993), doi:10.1016/0020-0190(93)90079-O, with weights.
    """
    out: dict[int, dict[int, int]] = {number: {} for number in items}
    into: dict[int, dict[int, int]] = {number: {} for number in items}
    for (importer, imported), weight in sorted(weights.items()):
        if importer in out and imported in out:
            out[importer][imported] = weight
            into[imported][importer] = weight
    first: list[int] = []
    last: list[int] = []
    left = sorted(items)
    while left:
        sinks = [number for number in left if not out[number]]
        sources = [number for number in left if not into[number]]
        if sinks:
            chosen = sinks[0]
            last.append(chosen)
        elif sources:
            chosen = sources[0]
            first.append(chosen)
        else:
            chosen = max(left, key=lambda at: (sum(out[at].values()) - sum(into[at].values()), -at))
            first.append(chosen)
        left.remove(chosen)
        for other in out.pop(chosen):
            del into[other][chosen]
        for other in into.pop(chosen):
            del out[other][chosen]
    return first + last[::-1]


def _ordered(rows: list[list[int]], weights: Weights) -> Rows:
    """Each row in the order of its neighbours' middles, as Sugiyama, Tagawa, Toda (1981) do it,
    doi:10.1109/TSMC.1981.4308636; the best of some sweeps down and up.
    """
    row_at = {number: at for at, row in enumerate(rows) for number in row}
    near: dict[int, list[tuple[int, int]]] = {number: [] for number in row_at}
    for (importer, imported), weight in sorted(weights.items()):
        if importer in near and imported in near:
            near[importer].append((imported, weight))
            near[imported].append((importer, weight))
    best = [list(row) for row in rows]
    best_cost = _cost(best, weights)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        middle = _middles(rows)
        for at in range(len(rows)) if down else range(len(rows) - 1, -1, -1):
            wished = {
                number: _wished(
                    middle[number],
                    [
                        (middle[other], weight)
                        for other, weight in near[number]
                        if (row_at[other] < at if down else row_at[other] > at)
                    ],
                )
                for number in rows[at]
            }
            # Stable, so that boxes without a wish stay beside each other.
            rows[at].sort(key=wished.__getitem__)
            middle.update(_middles([rows[at]]))
        cost = _cost(rows, weights)
        if cost < best_cost:
            best, best_cost = [list(row) for row in rows], cost
    return tuple(map(tuple, best))


def _wished(own: float, beside: Sequence[tuple[float, int]]) -> float:
    """The middle of the neighbours, by weight; its own where there is none."""
    if not beside:
        return own
    return sum(x * weight for x, weight in beside) / sum(weight for _, weight in beside)


def _middles(rows: Sequence[Sequence[int]]) -> dict[int, float]:
    return {number: at - (len(row) - 1) / 2 for row in rows for at, number in enumerate(row)}


def _cost(rows: Sequence[Sequence[int]], weights: Weights) -> float:
    """How far imports lead sideways, in boxes."""
    middle = _middles(rows)
    return sum(
        min(weight, 4) * abs(middle[importer] - middle[imported])
        for (importer, imported), weight in weights.items()
        if importer in middle and imported in middle
    )
