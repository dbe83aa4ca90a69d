"""What a contract forbids, as groups of modules by number: which group must not import which.

Turns the names of a contract into members of the graph, and says what of it cannot be judged:
modules that do not exist, modules that are above and in each other at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from trueup.architecture.contracts import Problem, Severity, Source
from trueup.architecture.graph import ImportGraph
from trueup.architecture.judging import missing, resolved
from trueup.architecture.kinds import Forbidden, Independence, Layer, Layers, Scope, Terms

Reason = Callable[[int, int], str]


@dataclass(frozen=True, slots=True)
class Group:
    """A module with all below it, or alone."""

    name: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Groups are known by their place, and sets of them are bit masks."""

    sources: tuple[Group, ...]
    targets: tuple[Group, ...]
    wrong: tuple[int, ...]
    """For every source, the targets that it must not reach."""
    sealed: tuple[int, ...]
    """For every group, those whose chains must not pass through it; empty where all may."""
    reason: Reason
    """Why this source must not reach this target."""
    problems: tuple[Problem, ...] = ()


def layers(contract: Layers, graph: ImportGraph, scope: Scope) -> Plan:
    """Every container has layers of its own; other containers' are no layers to it."""
    problems: list[Problem] = []
    groups: list[Group] = []
    wrong: list[int] = []
    sealed: list[int] = []
    levels: list[tuple[str, int]] = []
    for container in _containers(contract, graph, scope, problems):
        first = len(groups)
        for level, layer in enumerate(contract.layers):
            for tail in _present(layer, container, graph, problems):
                groups.append(_package(graph, f"{container}{tail}"))
                levels.append((tail, level))
        here = (1 << len(groups)) - (1 << first)
        sealed += [here] * (len(groups) - first)
        above = 0
        for level, layer in enumerate(contract.layers):
            places = [at for at in range(first, len(groups)) if levels[at][1] == level]
            mine = sum(1 << at for at in places)
            wrong += [above | (mine ^ 1 << at if layer.independent else 0) for at in places]
            above |= mine
    _separate(groups, wrong, contract.terms, problems)
    reason = partial(_why_layered, levels)
    return Plan(tuple(groups), tuple(groups), tuple(wrong), tuple(sealed), reason, tuple(problems))


def undeclared(contract: Layers, graph: ImportGraph, scope: Scope) -> tuple[str, ...]:
    """The modules that an exhaustive contract misses among its layers."""
    if not contract.exhaustive:
        return ()
    declared = {name for layer in contract.layers for name in layer.modules}
    declared |= contract.exhaustive_ignores
    return tuple(
        child
        for prefix in _containers(contract, graph, scope, [])
        for child in graph.children(prefix.rstrip("."))
        if child.rpartition(".")[2] not in declared
    )


def independence(contract: Independence, graph: ImportGraph) -> Plan:
    problems: list[Problem] = []
    groups = [_package(graph, name) for name in resolved(graph, contract.modules, problems)]
    everything = (1 << len(groups)) - 1
    wrong = [everything ^ 1 << place for place in range(len(groups))]
    _separate(groups, wrong, contract.terms, problems)

    def reason(source: int, target: int) -> str:
        return f"{groups[source].name} and {groups[target].name} are to be independent"

    sealed = (everything,) * len(groups)
    return Plan(tuple(groups), tuple(groups), tuple(wrong), sealed, reason, tuple(problems))


def forbidden(contract: Forbidden, graph: ImportGraph, scope: Scope) -> Plan:
    """A source may import a forbidden module that it is, or is in, or has in it."""
    problems: list[Problem] = []
    group = partial(_package if contract.as_packages else _alone, graph)
    sources = [group(name) for name in resolved(graph, contract.sources, problems)]
    targets = [group(name) for name in _forbidden_names(contract, graph, scope, problems)]
    everything = (1 << len(targets)) - 1
    wrong = [everything] * len(sources)
    pairs = _overlapping(sources, targets) if contract.as_packages else _same(sources, targets)
    for source, target in pairs:
        wrong[source] &= ~(1 << target)

    def reason(source: int, target: int) -> str:
        return f"{targets[target].name} is forbidden to {sources[source].name}"

    return Plan(tuple(sources), tuple(targets), tuple(wrong), (), reason, tuple(problems))


def _package(graph: ImportGraph, name: str) -> Group:
    return Group(name, tuple(graph.below(name)))


def _alone(graph: ImportGraph, name: str) -> Group:
    return Group(name, (graph.ids[name],))


def _containers(
    contract: Layers, graph: ImportGraph, scope: Scope, problems: list[Problem]
) -> Iterator[str]:
    """What stands before the names of the layers: "" without containers, else with a dot."""
    if not contract.containers:
        yield ""
        return
    for name, source in resolved(graph, contract.containers, problems).items():
        if scope.holds(name):
            yield f"{name}."
        else:
            roots = " or ".join(scope.roots)
            problems.append(Problem(source, f"the container {name} is not in {roots}"))


def _present(
    layer: Layer, container: str, graph: ImportGraph, problems: list[Problem]
) -> Iterator[str]:
    for tail in layer.modules:
        if f"{container}{tail}" in graph:
            yield tail
        elif tail not in layer.optional:
            problems.append(missing(f"{container}{tail}", layer.source))


def _why_layered(levels: Sequence[tuple[str, int]], source: int, target: int) -> str:
    (low, one), (high, other) = levels[source], levels[target]
    if one == other:
        return f"{low} and {high} are independent of each other"
    return f"layer {low} is below {high}"


def _separate(
    groups: Sequence[Group], wrong: list[int], terms: Terms, problems: list[Problem]
) -> None:
    """Forbid nothing between modules that are in each other, and say that there are such."""
    for inner, outer in _overlapping(groups, groups):
        bits = (wrong[inner] >> outer & 1) | (wrong[outer] >> inner & 1)
        if inner != outer and bits:
            wrong[inner] &= ~(1 << outer)
            wrong[outer] &= ~(1 << inner)
            says = f"{groups[inner].name} is in {groups[outer].name} and must not import it"
            problems.append(Problem(terms.source, f"{says}: the contract contradicts itself"))


def _overlapping(some: Sequence[Group], others: Sequence[Group]) -> Iterator[tuple[int, int]]:
    """Places of groups of which one is, or is in, the other."""
    for place, other in _enclosing(some, _places(others)):
        yield place, other
    for other, place in _enclosing(others, _places(some)):
        if some[place].name != others[other].name:
            yield place, other


def _same(some: Sequence[Group], others: Sequence[Group]) -> Iterator[tuple[int, int]]:
    places = _places(others)
    return ((at, places[one.name]) for at, one in enumerate(some) if one.name in places)


def _places(groups: Iterable[Group]) -> dict[str, int]:
    return {group.name: place for place, group in enumerate(groups)}


def _enclosing(groups: Sequence[Group], places: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    for place, group in enumerate(groups):
        name = group.name
        while name:
            if name in places:
                yield place, places[name]
            name = name.rpartition(".")[0]


def _forbidden_names(
    contract: Forbidden, graph: ImportGraph, scope: Scope, problems: list[Problem]
) -> dict[str, Source]:
    """The forbidden modules of the graph. Other people's need not be in it, nobody imports them."""
    found: dict[str, Source] = {}
    for one in contract.forbidden:
        names = tuple(one.found(graph)) or (() if one.is_pattern else (one.text,))
        if not names:
            problems.append(missing(one.text, one.source, Severity.WARNING))
        for name in names:
            if name in graph:
                found.setdefault(name, one.source)
            problem = _outside(name, one.source, graph, scope)
            if problem is not None:
                problems.append(problem)
    return dict(sorted(found.items()))


def _outside(name: str, source: Source, graph: ImportGraph, scope: Scope) -> Problem | None:
    if scope.holds(name):
        return None if name in graph else missing(name, source)
    if not scope.external:
        says = "is not of this project: it can be forbidden with include_external_packages"
        return Problem(source, f"{name} {says}")
    if "." in name:
        top = name.partition(".")[0]
        return Problem(source, f"{name} is not of this project: forbid {top} as a whole")
    return None
