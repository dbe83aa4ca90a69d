"""Judges contracts about single imports: protected modules, and forbidden ones where chains are
allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from trueup.architecture.contracts import Problem, Severity, Violation
from trueup.architecture.graph import ImportGraph
from trueup.architecture.groups import Plan
from trueup.architecture.judging import View, missing, resolved, sentence
from trueup.architecture.kinds import Protected, Scope, Terms


class Rule(Protocol):
    """Which single imports are wrong."""

    problems: tuple[Problem, ...]

    def why(self, importer: int, imported: int) -> str:
        """A reason against the import, as a part of a sentence; "" where it is fine."""

    def imported(self) -> Iterator[int]:
        """All modules that an import can be wrong of."""


class DirectJudge:
    """A Judge that looks at one import at a time."""

    def __init__(self, terms: Terms, graph: ImportGraph, rule: Rule) -> None:
        self.terms = terms
        self.touched: set[int] = set()
        self._rule = rule
        self._view = View(graph, terms)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._rule.problems + self._view.unmatched

    def grow(self) -> None:
        """Modules that the rule does not name are not in it."""

    def added(self, importer: int, imported: int) -> None:
        if self._view.added(importer, imported):
            self.touched.add(importer)

    def removed(self, importer: int, imported: int) -> None:
        if self._view.removed(importer, imported):
            self.touched.add(importer)

    def illegal(self, importer: int) -> Iterator[tuple[int, Severity]]:
        for imported in self._view.out(importer):
            if self._rule.why(importer, imported):
                yield imported, Severity.ERROR

    def all_illegal(self) -> Iterator[tuple[int, int, Severity]]:
        for imported in self._rule.imported():
            for importer in self._view.into(imported):
                if self._rule.why(importer, imported):
                    yield importer, imported, Severity.ERROR

    def explain(self, importer: int, imported: int) -> Violation:
        names = self._view.graph.names
        one, other = names[importer], names[imported]
        why = self._rule.why(importer, imported)
        if not why or imported not in self._view.out(importer):
            raise ValueError(f"{one} -> {other} breaks no contract")
        says = sentence(f"{one} must not import {other}: {why}", self.terms)
        return Violation(self.terms.id, one, other, says, (one, other))


class ForbiddenRule:
    """No source imports a target that is wrong for it."""

    def __init__(self, plan: Plan) -> None:
        self.problems = plan.problems
        self._plan = plan
        self._sources = _places({place: group.members for place, group in enumerate(plan.sources)})
        self._targets = _places({place: group.members for place, group in enumerate(plan.targets)})

    def why(self, importer: int, imported: int) -> str:
        for target in self._targets.get(imported, ()):
            for source in self._sources.get(importer, ()):
                if self._plan.wrong[source] >> target & 1:
                    return self._plan.reason(source, target)
        return ""

    def imported(self) -> Iterator[int]:
        return iter(self._targets)


class ProtectedRule:
    """Every protected module is imported by allowed ones and by itself; a protected module below
    another one is protected from that too.
    """

    def __init__(self, contract: Protected, graph: ImportGraph, scope: Scope) -> None:
        problems: list[Problem] = []
        self._names = tuple(resolved(graph, contract.protected, problems))
        members = {
            place: _members(graph, name, packages=contract.as_packages)
            for place, name in enumerate(self._names)
        }
        self._places = _places(members)
        self._allowed: set[int] = set()
        for one in contract.allowed:
            found = tuple(one.found(graph))
            if not found:
                alone = one.is_pattern or not contract.as_packages
                severity = Severity.WARNING if alone else Severity.ERROR
                problems.append(missing(one.text, one.source, severity))
            for name in found:
                self._allowed.update(_members(graph, name, packages=contract.as_packages))
                if contract.as_packages and not scope.holds(name):
                    says = f"{name} is not of this project: what it imports is not known"
                    problems.append(Problem(one.source, says))
        self._by = ", ".join(one.text for one in contract.allowed)
        self.problems = tuple(problems)

    def why(self, importer: int, imported: int) -> str:
        if importer in self._allowed:
            return ""
        mine = self._places.get(importer, ())
        for place in self._places.get(imported, ()):
            if place not in mine:
                by = f"only {self._by} may import it" if self._by else "nothing may import it"
                return f"{self._names[place]} is protected, {by}"
        return ""

    def imported(self) -> Iterator[int]:
        return iter(self._places)


def _members(graph: ImportGraph, name: str, *, packages: bool) -> tuple[int, ...]:
    return tuple(graph.below(name)) if packages else (graph.ids[name],)


def _places(members: Mapping[int, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    """For every module, the groups that it is in."""
    found: dict[int, tuple[int, ...]] = {}
    for place, modules in members.items():
        for module in modules:
            found[module] = (*found.get(module, ()), place)
    return found
