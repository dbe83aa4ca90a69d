"""Judges contracts that forbid circles among the modules of one package.

Every module directly in a package stands for all below it. An import between two of them belongs to
this package alone: the deepest that holds both ends. So an edge asks for one package at most, and
that one is looked at again only when the first import between two of its modules comes, or the
last one goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trueup.architecture.contracts import Problem, Severity, Violation
from trueup.architecture.graph import ImportGraph
from trueup.architecture.judging import View, resolved, sentence
from trueup.architecture.kinds import AcyclicSiblings, Scope
from trueup.architecture.labels import components

Pair = tuple[str, str]


@dataclass(slots=True)
class _Package:
    """Imports between the modules of a package, each with all that is below it."""

    imports: dict[Pair, set[tuple[int, int]]] = field(default_factory=dict)
    circular: frozenset[Pair] = frozenset()

    def add(self, pair: Pair, edge: tuple[int, int]) -> bool:
        """Whether it is the first between these two."""
        edges = self.imports.get(pair)
        if edges is None:
            self.imports[pair] = {edge}
            return True
        edges.add(edge)
        return False

    def remove(self, pair: Pair, edge: tuple[int, int]) -> bool:
        """Whether it was the last between these two."""
        edges = self.imports[pair]
        edges.discard(edge)
        if not edges:
            del self.imports[pair]
        return not edges

    def look(self) -> frozenset[Pair]:
        """Which pairs lie on a circle now, other than before or no more."""
        before, self.circular = self.circular, _circular(self.imports)
        return before ^ self.circular


class AcyclicJudge:
    """A Judge of the packages that the contract names and, to its depth, of those below."""

    def __init__(self, contract: AcyclicSiblings, graph: ImportGraph, scope: Scope) -> None:
        self.terms = contract.terms
        self.touched: set[int] = set()
        self._view = View(graph, contract.terms)
        self._problems: list[Problem] = []
        wanted = _packages(contract, graph, scope, self._problems)
        self._packages = {name: _Package() for name in wanted}
        self._paths = _paths(graph)
        for importer, path in enumerate(self._paths):
            for imported in self._view.out(importer):
                place = _parting(path, self._paths[imported])
                if place is not None and place[0] in self._packages:
                    self._packages[place[0]].add(place[1], (importer, imported))
        for package in self._packages.values():
            package.look()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*self._problems, *self._view.unmatched)

    @property
    def circular(self) -> tuple[str, ...]:
        """The packages that have a circle, sorted."""
        return tuple(sorted(name for name, found in self._packages.items() if found.circular))

    def grow(self) -> None:
        self._paths = _paths(self._view.graph)

    def added(self, importer: int, imported: int) -> None:
        place = self._place(importer, imported)
        if self._view.added(importer, imported) and place is not None:
            package = self._packages[place[0]]
            if package.add(place[1], (importer, imported)):
                self._look(package)
            self.touched.add(importer)

    def removed(self, importer: int, imported: int) -> None:
        place = self._place(importer, imported)
        if self._view.removed(importer, imported) and place is not None:
            package = self._packages[place[0]]
            if package.remove(place[1], (importer, imported)):
                self._look(package)
            self.touched.add(importer)

    def illegal(self, importer: int) -> Iterator[tuple[int, Severity]]:
        for imported in self._view.out(importer):
            place = self._place(importer, imported)
            if place is not None and place[1] in self._packages[place[0]].circular:
                yield imported, Severity.ERROR

    def all_illegal(self) -> Iterator[tuple[int, int, Severity]]:
        for package in self._packages.values():
            for pair in package.circular:
                for importer, imported in package.imports[pair]:
                    yield importer, imported, Severity.ERROR

    def explain(self, importer: int, imported: int) -> Violation:
        names = self._view.graph.names
        one, other = names[importer], names[imported]
        place = self._place(importer, imported)
        if (
            place is None
            or imported not in self._view.out(importer)
            or place[1] not in self._packages[place[0]].circular
        ):
            raise ValueError(f"{one} -> {other} breaks no contract")
        package, pair = place
        circle = " -> ".join((pair[0], *_way(self._packages[package].circular, pair[1], pair[0])))
        why = f"{one} must not import {other}: in {package} this closes the circle {circle}"
        return Violation(self.terms.id, one, other, sentence(why, self.terms), (one, other))

    def _look(self, package: _Package) -> None:
        for pair in package.look():
            self.touched.update(importer for importer, _ in package.imports.get(pair, ()))

    def _place(self, importer: int, imported: int) -> tuple[str, Pair] | None:
        """The package that an import is judged in, and the two modules of it that it is between."""
        place = _parting(self._paths[importer], self._paths[imported])
        return place if place is not None and place[0] in self._packages else None


def _parting(one: Sequence[str], other: Sequence[str]) -> tuple[str, Pair] | None:
    """The deepest package that is in both paths, and what follows it in each."""
    package = ""
    for name, counterpart in zip(one, other, strict=False):
        if name != counterpart:
            return package, (name, counterpart)
        package = name
    return None


def _paths(graph: ImportGraph) -> list[tuple[str, ...]]:
    """For every module, the packages that it is in, from the top down, and itself."""
    known: dict[str, tuple[str, ...]] = {"": ()}
    for name in graph.names:
        unknown: list[str] = []
        at = name
        while at not in known:
            unknown.append(at)
            at = at.rpartition(".")[0]
        for following in reversed(unknown):
            known[following] = (*known[at], following)
            at = following
    return [known[name] for name in graph.names]


def _packages(
    contract: AcyclicSiblings, graph: ImportGraph, scope: Scope, problems: list[Problem]
) -> set[str]:
    """The packages whose modules must not import each other in a circle."""
    ancestors = resolved(graph, contract.ancestors, problems, Severity.ERROR)
    skipped = resolved(graph, contract.skipped, problems, Severity.ERROR)
    level: set[str] = set()
    for name, source in ancestors.items():
        if scope.holds(name):
            level.add(name)
        else:
            problems.append(Problem(source, f"{name} is not of this project: it has no siblings"))
    found = set(level)
    for _ in range(contract.depth):
        level = {child for name in level for child in graph.children(name)} - skipped.keys()
        if not level:
            break
        found |= level
    return {name for name in found if len(graph.children(name)) > 1}


def _circular(imports: Mapping[Pair, object]) -> frozenset[Pair]:
    """The pairs that lie on a circle: both in one strongly connected component."""
    if len(imports) < 2:
        return frozenset()
    places: dict[str, int] = {}
    for pair in imports:
        for name in pair:
            places.setdefault(name, len(places))
    out: list[set[int]] = [set() for _ in places]
    for one, other in imports:
        out[places[one]].add(places[other])
    belongs = [0] * len(out)
    for number, component in enumerate(components(range(len(out)), out.__getitem__, len(out))):
        for member in component:
            belongs[member] = number
    return frozenset(
        (one, other) for one, other in imports if belongs[places[one]] == belongs[places[other]]
    )


def _way(pairs: frozenset[Pair], start: str, goal: str) -> tuple[str, ...]:
    """A shortest way along `pairs`, both ends included; there is one."""
    out: dict[str, list[str]] = {}
    for one, other in sorted(pairs):
        out.setdefault(one, []).append(other)
    came = {start: ""}
    queue = deque([start])
    while goal not in came:
        at = queue.popleft()
        for following in out[at]:
            if following not in came:
                came[following] = at
                queue.append(following)
    way = [goal]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))
