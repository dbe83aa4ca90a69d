"""A project's contracts, its imports, and where the one is broken by the other; kept up to date.

Reads the configurations and the disk when it is made, and then follows buffers and files one at a
time. When modules come or go, or a configuration changes, make another: that takes a fraction of a
second. Knows no editor; the same findings are for the command line, the gate and the screen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup.architecture import baseline as known
from trueup.architecture import importlinter, own, scan
from trueup.architecture.contracts import Problem, Severity, Source
from trueup.architecture.findings import Finding, Step, columns, links, underlined
from trueup.architecture.imports import Imports, Universe
from trueup.architecture.judges import judge
from trueup.architecture.judging import Judge
from trueup.architecture.kinds import code_of
from trueup.architecture.modules import source_roots
from trueup.architecture.scan import Imported
from trueup.architecture.sources import Sources
from trueup.architecture.tach.project import TachProject
from trueup.snapshot import Document

SCANNED_MAX: Final = 256
"""Files whose imports are kept with their places."""
CONFIGURATIONS: Final = (
    "pyproject.toml", "setup.cfg", ".importlinter", "tach.toml", "tach.domain.toml", known.NAME,
)  # fmt: skip
"""Files that say what is allowed."""

Key = known.Key


@dataclass
class _Rules:
    """The contracts of one configuration, with the graph that they are about."""

    imports: Imports
    judges: tuple[Judge, ...]


class Architecture:
    """What is forbidden in one project, and what breaks it."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        self.root = root
        self.sources = Sources(root, cache)
        self.baseline = known.read(root)
        self._roots = source_roots(root)
        self._graphs: dict[Universe, Imports] = {}
        self._configured = tuple(
            read for read in (importlinter.read(root), own.read(root)) if read is not None
        )
        self._rules: tuple[_Rules, ...] = ()
        self._scanned: OrderedDict[str, tuple[str, Document, tuple[Imported, ...]]] = OrderedDict()
        self.tach = TachProject.read(root)
        self._judge_all()

    def _judge_all(self) -> None:
        self._rules = tuple(
            _Rules(
                imports := self._imports(read.universe),
                tuple(judge(contract, imports.graph, read.scope) for contract in read.contracts),
            )
            for read in self._configured
        )

    def _imports(self, universe: Universe) -> Imports:
        if universe not in self._graphs:
            self._graphs[universe] = Imports(self.sources, universe, self._roots)
        return self._graphs[universe]

    @property
    def is_configured(self) -> bool:
        """Whether there is anything that could be broken."""
        return bool(self._configured) or self.tach is not None

    @property
    def contracts(self) -> tuple[str, ...]:
        """The ids of all contracts."""
        ids = [judging.terms.id for rules in self._rules for judging in rules.judges]
        return (*ids, *(self.tach.contracts if self.tach is not None else ()))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the configuration as things are, by file and line."""
        found = [problem for read in self._configured for problem in read.problems]
        found += (
            problem
            for rules in self._rules
            for judging in rules.judges
            for problem in judging.problems
        )
        found += self.tach.problems if self.tach is not None else ()
        found += self.baseline.problems
        if self.baseline.lines:
            found += self.baseline.stale(self.broken(), self.contracts)
        return tuple(sorted(set(found), key=lambda item: (item.source.path, item.source.line)))

    def judges_file(self, path: str) -> bool:
        """Whether anything could be said of this file."""
        return any(path in graph.by_path for graph in self._graphs.values()) or (
            self.tach is not None and self.tach.holds(path)
        )

    def misses(self, path: str) -> bool:
        """Whether this file would be a module of the project, and is not known yet."""
        return any(
            graph.holds(path) and path not in graph.by_path for graph in self._graphs.values()
        )

    def follow(
        self, path: str, text: str | None, parses: Callable[[], bool] = lambda: True
    ) -> frozenset[str]:
        """Let `text` be what the file holds, None for what the disk does. The files, this one not
        included, of which something else may have to be said now.
        """
        if text is None:
            self.sources.close(path)
        else:
            self.sources.open(path, text, scan.names(text))
        return self._spread(path, parses)

    def look(self, path: str) -> frozenset[str]:
        """The same for a file that changed on disk and is not open."""
        if self.sources.is_open(path) or not self.sources.look(path):
            return frozenset()
        return self._spread(path, lambda: True) | {path}

    def _spread(self, path: str, parses: Callable[[], bool]) -> frozenset[str]:
        flipped: set[str] = set()
        for graph in self._graphs.values():
            change = graph.update(path, parses)
            if not change:
                continue
            for rules in self._rules:
                if rules.imports is not graph:
                    continue
                for judging in rules.judges:
                    for edge in change.removed:
                        judging.removed(*edge)
                    for edge in change.added:
                        judging.added(*edge)
                    names = map(graph.graph.names.__getitem__, judging.touched)
                    flipped.update(filter(None, map(graph.path_of, names)))
                    judging.touched.clear()
        flipped.discard(path)
        return frozenset(flipped)

    def findings(self, path: str) -> tuple[Finding, ...]:
        """What is to be said of one file, in the order of its text; what the baseline has too."""
        found = list(self._tach_findings(path))
        for rules in self._rules:
            file = rules.imports.by_path.get(path)
            if file is not None:
                number = rules.imports.graph.ids[file.name]
                for judging in rules.judges:
                    for imported, _ in judging.illegal(number):
                        found += self._placed(rules.imports, judging, number, imported)
        return tuple(sorted(found, key=lambda item: (item.span, item.contract, item.imported)))

    def everything(self) -> tuple[Finding, ...]:
        """The findings of all files, by path."""
        paths = {path for rules in self._rules for path in _illegal_paths(rules)}
        if self.tach is not None:
            paths.update(self.tach.files)
        return tuple(finding for path in sorted(paths) for finding in self.findings(path))

    def broken(self) -> frozenset[Key]:
        """Every illegal import that is an error or a warning, by what it is known by."""
        found = {
            (judging.terms.id, names[importer], names[imported])
            for rules in self._rules
            for names in (rules.imports.graph.names,)
            for judging in rules.judges
            for importer, imported, severity in judging.all_illegal()
            if severity is not Severity.INFORMATION
        }
        if self.tach is not None:
            found.update(
                finding.key for path in self.tach.files for finding in self._tach_findings(path)
            )
        return frozenset(found)

    def suppose(self, texts: Mapping[str, str | None]) -> None:
        """Let files hold these texts, None for a file that is not there, whether they are known or
        not: the project as a candidate would leave it.
        """
        there = {path for path, text in texts.items() if text is not None}
        for path, text in texts.items():
            if text is not None:
                self.sources.open(path, text, scan.names(text))
        for graph in self._graphs.values():
            graph.suppose(frozenset(there), frozenset(texts.keys() - there))
        if self.tach is not None:
            self.tach = self.tach.supposing(frozenset(there), frozenset(texts.keys() - there))
        self._judge_all()

    def _placed(
        self, imports: Imports, judging: Judge, importer: int, imported: int
    ) -> Iterator[Finding]:
        """One finding for each statement that states an illegal import."""
        violation = judging.explain(importer, imported)
        path = imports.path_of(violation.importer)
        scanned = self._imports_of(path) if path is not None else None
        if path is None or scanned is None:
            return
        document, stated = scanned
        chain = tuple(
            Step(one, other, *self._first_line(imports, one, other))
            for one, other in links(violation.chain)
        )
        said: set[int] = set()
        file = imports.by_path[path]
        for item in stated:
            if imports.target(file, item) != violation.imported or item.statement in said:
                continue
            said.add(item.statement)
            span = underlined(item, violation.imported, imports.absolute(file, item.written))
            line, column, end_column = columns(document, span)
            yield Finding(
                code_of(judging.contract),
                violation.contract,
                judging.terms.name,
                violation.importer,
                violation.imported,
                violation.severity,
                path,
                span,
                line,
                column,
                end_column,
                violation.message,
                chain,
                judging.terms.source,
                known=violation.key in self.baseline,
            )

    def _first_line(self, imports: Imports, importer: str, imported: str) -> tuple[str, int]:
        path = imports.path_of(importer)
        scanned = self._imports_of(path) if path is not None else None
        if path is None or scanned is None:
            return "", 0
        document, stated = scanned
        file = imports.by_path[path]
        for item in stated:
            if imports.target(file, item) == imported:
                return path, document.line_at(item.statement) + 1
        return path, 1

    def _imports_of(self, path: str) -> tuple[Document, tuple[Imported, ...]] | None:
        """The imports that a file states, with their places; scanned once for each text."""
        text = self.sources.text(path)
        if text is None:
            return None
        held = self._scanned.get(path)
        if held is None or held[0] != text:
            held = self._scanned[path] = (text, Document(path, text), scan.imports(text))
        self._scanned.move_to_end(path)
        while len(self._scanned) > SCANNED_MAX:
            self._scanned.popitem(last=False)
        return held[1], held[2]


def _illegal_paths(rules: _Rules) -> Iterable[str]:
    names = rules.imports.graph.names
    for judging in rules.judges:
        for importer, _, _ in judging.all_illegal():
            path = rules.imports.path_of(names[importer])
            if path is not None:
                yield path
