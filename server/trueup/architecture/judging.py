"""What every judge of a contract is, and the graph as one contract sees it.

A judge follows the graph: whoever changes an edge tells it. It judges the modules that there were
when it was made; when modules come or go, make it anew, which takes milliseconds. A module that the
contract does not name, and that imports nothing, can also be told of.

Knows no files: where an import stands, who shows it, and what was accepted earlier is elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from trueup.architecture.contracts import Problem, Severity, Source, Violation
from trueup.architecture.expressions import Modules
from trueup.architecture.graph import ImportGraph
from trueup.architecture.kinds import Alerting, Terms


class Judge(Protocol):
    """Which edges of a graph one contract forbids. Modules are their numbers in the graph."""

    @property
    def terms(self) -> Terms: ...

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the contract as things are: modules that do not exist, ignored
        imports that are not there. All that it says about other modules is judged.
        """

    @property
    def touched(self) -> set[int]:
        """Importers whose illegal imports may be others than when this was last cleared; to be
        cleared by who reads it. After a judge is made, none.
        """

    def grow(self) -> None:
        """To be called after modules were added to the graph which the contract does not name, and
        before edges to them are told of.
        """

    def added(self, importer: int, imported: int) -> None:
        """To be called after the edge was added to the graph."""

    def removed(self, importer: int, imported: int) -> None:
        """To be called after the edge was removed from the graph."""

    def illegal(self, importer: int) -> Iterator[tuple[int, Severity]]:
        """The modules whose import by this one is illegal, in no order: as many looks as the
        module has imports.
        """

    def all_illegal(self) -> Iterator[tuple[int, int, Severity]]:
        """Every illegal edge, in no order."""

    def explain(self, importer: int, imported: int) -> Violation:
        """Why an edge is illegal. Searches the graph: for what is shown only.

        Raises ValueError where the edge is not illegal.
        """


class View:
    """The graph without the imports that a contract ignores."""

    def __init__(self, graph: ImportGraph, terms: Terms) -> None:
        self.graph = graph
        self.ignored: set[tuple[int, int]] = set()
        self._out: dict[int, set[int]] = {}
        self._into: dict[int, set[int]] = {}
        self._terms = terms
        self._hits = [0] * len(terms.ignores)
        self._plain: dict[tuple[str, str], list[int]] = {}
        self._patterns = [place for place, one in enumerate(terms.ignores) if one.is_pattern]
        for place, one in enumerate(terms.ignores):
            if not one.is_pattern:
                self._plain.setdefault((one.importer.text, one.imported.text), []).append(place)
            for edge in one.found(graph):
                self._hits[place] += 1
                self._ignore(*edge)

    def out(self, module: int) -> AbstractSet[int]:
        ignored = self._out.get(module)
        return self.graph.out[module] - ignored if ignored else self.graph.out[module]

    def into(self, module: int) -> AbstractSet[int]:
        ignored = self._into.get(module)
        return self.graph.into[module] - ignored if ignored else self.graph.into[module]

    def added(self, importer: int, imported: int) -> bool:
        """Whether the contract sees this new edge."""
        places = self._matching(importer, imported)
        for place in places:
            self._hits[place] += 1
        if places:
            self._ignore(importer, imported)
        return not places

    def removed(self, importer: int, imported: int) -> bool:
        """Whether the contract saw this edge, which is no more."""
        if (importer, imported) not in self.ignored:
            return True
        for place in self._matching(importer, imported):
            self._hits[place] -= 1
        self.ignored.discard((importer, imported))
        self._out[importer].discard(imported)
        self._into[imported].discard(importer)
        return False

    @property
    def unmatched(self) -> tuple[Problem, ...]:
        """The ignored imports that are not in the graph, as the contract wants them told."""
        if self._terms.alerting is Alerting.NONE:
            return ()
        error = self._terms.alerting is Alerting.ERROR
        return tuple(
            Problem(
                one.source,
                f"{one} is to be ignored, and there is no such import",
                Severity.ERROR if error else Severity.WARNING,
            )
            for one, hits in zip(self._terms.ignores, self._hits, strict=True)
            if not hits
        )

    def _ignore(self, importer: int, imported: int) -> None:
        self.ignored.add((importer, imported))
        self._out.setdefault(importer, set()).add(imported)
        self._into.setdefault(imported, set()).add(importer)

    def _matching(self, importer: int, imported: int) -> list[int]:
        names = self.graph.names[importer], self.graph.names[imported]
        return self._plain.get(names, []) + [
            place for place in self._patterns if self._terms.ignores[place].matches(*names)
        ]


def resolved(
    graph: ImportGraph,
    wanted: Sequence[Modules],
    problems: list[Problem],
    unmatched: Severity = Severity.WARNING,
) -> dict[str, Source]:
    """The modules that are meant, sorted, each with the place that names it. What is not there is
    added to `problems`: a name is an error, a pattern that matches nothing is `unmatched`.
    """
    found: dict[str, Source] = {}
    for one in wanted:
        names = tuple(one.found(graph))
        if not names:
            severity = unmatched if one.is_pattern else Severity.ERROR
            problems.append(missing(one.text, one.source, severity))
        for name in names:
            found.setdefault(name, one.source)
    return dict(sorted(found.items()))


def missing(name: str, source: Source, severity: Severity = Severity.ERROR) -> Problem:
    what = "no module matches" if "*" in name else "there is no module"
    return Problem(source, f"{what} {name}", severity)


def sentence(why: str, terms: Terms) -> str:
    """A reason, and the contract's guidance as a sentence of its own."""
    return f"{why}. {terms.guidance}" if terms.guidance else why
