"""Judges contracts about chains of imports: layers, independence and forbidden modules.

An import is illegal where some group reaches its importer and must not reach a group that its
imported module reaches. It is an error where the importer is in that group itself, and else a
link of another module's chain. Any chain between two groups has one in it whose inner modules are
in neither; that is the one which is meant, so imports within a group are never links.

Labels say which groups reach a module and which it reaches; they are kept edge by edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from trueup.architecture.contracts import Problem, Severity, Violation
from trueup.architecture.graph import ImportGraph, shortest
from trueup.architecture.groups import Group, Plan
from trueup.architecture.judging import View, sentence
from trueup.architecture.kinds import Terms
from trueup.architecture.labels import Labels

REMEMBERED_MAX: Final = 10_000
"""Sets of sources of which it is remembered what they must not reach."""
_SHOWN: Final = 3


class ChainJudge:
    """A Judge of a Plan. The plan's groups are of the graph as it is now."""

    def __init__(self, terms: Terms, graph: ImportGraph, plan: Plan) -> None:
        self.terms = terms
        self.touched: set[int] = set()
        self._plan = plan
        self._view = View(graph, terms)
        size = len(graph.names)
        self._sources = _bits(plan.sources, size)
        self._targets = self._sources if plan.sources is plan.targets else _bits(plan.targets, size)
        # Where nothing is forbidden, nobody need learn who reaches what.
        self._lets = [-1 if any(plan.wrong) else 0] * size
        for group, shut in zip(plan.sources, plan.sealed, strict=False):
            for module in group.members:
                self._lets[module] &= ~shut
        out, into = self._view.out, self._view.into
        self._reaches = Labels(self._targets, self._lets, out, into)
        self._reached_by = Labels(self._sources, self._lets, into, out)
        self._sets: dict[tuple[bool, int], frozenset[int]] = {}
        self._wrong_of: dict[int, int] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._plan.problems + self._view.unmatched

    def grow(self) -> None:
        more = len(self._view.graph.names) - len(self._lets)
        self._lets += [-1 if any(self._plan.wrong) else 0] * more
        self._sources += [0] * more
        if self._targets is not self._sources:
            self._targets += [0] * more
        self._reaches.grow()
        self._reached_by.grow()

    def added(self, importer: int, imported: int) -> None:
        if self._view.added(importer, imported):
            self._reaches.added(importer, imported)
            self._reached_by.added(imported, importer)
            self._touch(importer)

    def removed(self, importer: int, imported: int) -> None:
        if self._view.removed(importer, imported):
            self._reaches.removed(importer, imported)
            self._reached_by.removed(imported, importer)
            self._touch(importer)

    def illegal(self, importer: int) -> Iterator[tuple[int, Severity]]:
        wrong = self._wrong(self._reached_by.masks[importer])
        if not wrong:
            return
        reaches = self._reaches.masks
        for imported in self._view.out(importer):
            if reaches[imported] & wrong:
                severity = self._severity(importer, imported)
                if severity is not None:
                    yield imported, severity

    def all_illegal(self) -> Iterator[tuple[int, int, Severity]]:
        for importer, reached in enumerate(self._reached_by.masks):
            if reached:
                for imported, severity in self.illegal(importer):
                    yield importer, imported, severity

    def broken(self) -> Iterator[tuple[str, str]]:
        """The groups of which one reaches another that it must not, by their modules; each pair as
        often as there are first links between them.
        """
        plan = self._plan
        for importer, mine in enumerate(self._sources):
            for imported in self._view.out(importer) if mine else ():
                goals = self._reaches.masks[imported] & ~self._targets[importer]
                for source in _places(mine & ~self._sources[imported]):
                    for target in _places(plan.wrong[source] & goals):
                        yield plan.sources[source].name, plan.targets[target].name

    def explain(self, importer: int, imported: int) -> Violation:
        source, target, severity = self._pair(importer, imported)
        graph, ignored = self._view.graph, self._view.ignored
        forth = shortest(
            graph,
            imported,
            self._members(self._plan.targets, target),
            lambda module: bool(self._lets[module] & self._reaches.masks[module] >> target & 1),
            ignored,
        )
        back = shortest(
            _mirrored(graph),
            importer,
            self._members(self._plan.sources, source),
            lambda module: bool(self._lets[module] & self._reached_by.masks[module] >> source & 1),
            {(v, u) for u, v in ignored},
        )
        chain = tuple(graph.names[module] for module in (*reversed(back), *forth))
        why = self._plan.reason(source, target)
        return Violation(
            contract=self.terms.id,
            importer=graph.names[importer],
            imported=graph.names[imported],
            message=sentence(_says(chain, severity, why), self.terms),
            chain=chain,
            severity=severity,
        )

    def _members(self, groups: Sequence[Group], place: int) -> frozenset[int]:
        key = groups is self._plan.targets, place
        if key not in self._sets:
            self._sets[key] = frozenset(groups[place].members)
        return self._sets[key]

    def _severity(self, importer: int, imported: int) -> Severity | None:
        goals = self._reaches.masks[imported] & ~self._targets[importer]
        if not goals:
            return None
        starts = self._reached_by.masks[importer] & ~self._sources[imported]
        mine = starts & self._sources[importer]
        if mine and self._wrong(mine) & goals:
            return Severity.ERROR
        return Severity.INFORMATION if self._wrong(starts) & goals else None

    def _pair(self, importer: int, imported: int) -> tuple[int, int, Severity]:
        """The groups for which an import is illegal: the importer's own, and the imported one's
        own, where that is so.
        """
        severity = self._severity(importer, imported)
        if severity is None or imported not in self._view.out(importer):
            names = self._view.graph.names
            raise ValueError(f"{names[importer]} -> {names[imported]} breaks no contract")
        goals = self._reaches.masks[imported] & ~self._targets[importer]
        starts = self._reached_by.masks[importer] & ~self._sources[imported]
        if severity is Severity.ERROR:
            starts &= self._sources[importer]
        nearest = goals & self._targets[imported]
        if self._wrong(starts) & nearest:
            goals = nearest
        source = next(one for one in _places(starts) if self._plan.wrong[one] & goals)
        target = next(_places(self._plan.wrong[source] & goals))
        return source, target, severity

    def _wrong(self, starts: int) -> int:
        """The targets that one of these sources must not reach."""
        found = self._wrong_of.get(starts)
        if found is None:
            found = 0
            for place in _places(starts):
                found |= self._plan.wrong[place]
            if len(self._wrong_of) == REMEMBERED_MAX:
                self._wrong_of.clear()
            self._wrong_of[starts] = found
        return found

    def _touch(self, importer: int) -> None:
        reached = self._reached_by
        self.touched.add(importer)
        self.touched |= reached.changed
        for module in self._reaches.changed:
            self.touched.update(u for u in self._view.into(module) if reached.masks[u])
        self._reaches.changed.clear()
        reached.changed.clear()


def _bits(groups: Sequence[Group], size: int) -> list[int]:
    bits = [0] * size
    for place, group in enumerate(groups):
        for module in group.members:
            bits[module] |= 1 << place
    return bits


def _places(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _mirrored(graph: ImportGraph) -> ImportGraph:
    """The same graph, read against the imports."""
    mirror = ImportGraph()
    mirror.names, mirror.ids = graph.names, graph.ids
    mirror.out, mirror.into = graph.into, graph.out
    return mirror


def _says(chain: tuple[str, ...], severity: Severity, why: str) -> str:
    through = ", ".join(chain[1:-1][:_SHOWN])
    if len(chain) - 2 > _SHOWN:
        through += f" and {len(chain) - 2 - _SHOWN} more"
    if severity is not Severity.ERROR:
        return f"{chain[0]} must not reach {chain[-1]}, as it does through {through}: {why}"
    if through:
        return f"{chain[0]} must not import {chain[-1]}, as it does through {through}: {why}"
    return f"{chain[0]} must not import {chain[-1]}: {why}"
