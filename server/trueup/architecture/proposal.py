"""Contracts that would hold today: the layers that a package has already, and its cycles.

Packages that import each other in a circle share a layer. What is proposed is a starting point for
people, and is judged like any other contract: what it does not hold for goes to the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trueup.architecture.graph import ImportGraph

LAYERS_MAX: Final = 12
"""More layers than this say little; the lowest are then put together."""
CHILDREN_MAX: Final = 60
"""A package of more is a collection, not a stack of layers."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for one package: its layers from high to low, each a level's children, and
    the groups of children that import each other in circles.
    """

    package: str
    levels: tuple[tuple[str, ...], ...]
    cycles: tuple[tuple[str, ...], ...]

    def table(self) -> str:
        """The contracts as they stand in `pyproject.toml`."""
        rows = "".join(f'  "{row}",\n' for row in map(self._row, self.levels))
        identity = self.package.replace(".", "-")
        return (
            "\n[[tool.trueup.contracts]]\n"
            f'id = "{identity}-layers"\n'
            f'name = "The layers of {self.package}"\n'
            'kind = "layers"\n'
            f'within = ["{self.package}"]\n'
            f"layers = [\n{rows}]\n"
            "\n[[tool.trueup.contracts]]\n"
            f'id = "{identity}-cycles"\n'
            f'name = "No circles in {self.package}"\n'
            'kind = "acyclic_siblings"\n'
            f'within = ["{self.package}"]\n'
            "depth = 0\n"
        )

    def _row(self, level: tuple[str, ...]) -> str:
        circling = {name for cycle in self.cycles for name in cycle}
        return (" : " if circling & set(level) else " | ").join(level)


def propose(graph: ImportGraph, package: str) -> Proposal | None:
    """Layers for the children of `package`; None where it has fewer than two or too many."""
    children = [name.rpartition(".")[2] for name in graph.children(package)]
    if not 2 <= len(children) <= CHILDREN_MAX:
        return None
    needs = _quotient(graph, package, children)
    groups = _circles(children, needs)
    heights: dict[str, int] = {}
    # Groups come in reverse topological order: what a group needs has its height already.
    for group in groups:
        below = {other for name in group for other in needs[name]} - set(group)
        height = 1 + max((heights[other] for other in below), default=-1)
        heights.update(dict.fromkeys(group, height))
    top = max(heights.values())
    lift = max(0, top + 1 - LAYERS_MAX)
    levels: dict[int, list[str]] = {}
    for name, height in heights.items():
        levels.setdefault(max(0, height - lift), []).append(name)
    # Children that were put together may import each other, as may those of one circle: a level
    # that has a circle has it alone.
    rows: list[tuple[str, ...]] = []
    cycles = tuple(tuple(sorted(group)) for group in groups if len(group) > 1)
    for height in sorted(levels, reverse=True):
        rows += _parted(levels[height], cycles)
    return Proposal(package, tuple(rows), cycles)


def _parted(level: list[str], cycles: tuple[tuple[str, ...], ...]) -> list[tuple[str, ...]]:
    within = [cycle for cycle in cycles if set(cycle) <= set(level)]
    circling = {name for cycle in within for name in cycle}
    rest = tuple(sorted(name for name in level if name not in circling))
    return [*within, *([rest] if rest else [])]


def _quotient(graph: ImportGraph, package: str, children: list[str]) -> dict[str, set[str]]:
    """Which child imports which, all below counted as the child."""
    of: dict[int, str] = {}
    for child in children:
        for number in graph.below(f"{package}.{child}"):
            of[number] = child
    needs: dict[str, set[str]] = {child: set() for child in children}
    for number, child in of.items():
        for target in graph.out[number]:
            other = of.get(target)
            if other is not None and other != child:
                needs[child].add(other)
    return needs


def _circles(names: list[str], needs: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components in reverse topological order. Tarjan (1972),
    doi:10.1137/0201010.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(needs[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            found.append(stack[at:])
            del stack[at:]

    # At most CHILDREN_MAX deep.
    for name in names:
        if name not in index:
            visit(name)
    return found
