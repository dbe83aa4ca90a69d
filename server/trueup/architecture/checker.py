"""A project's contracts, its imports, and where the one is broken by the other; kept up to date.

Reads the configurations and the disk when it is made, and then follows buffers and files one at a
time. When modules come or go, or a configuration changes, make another: that takes a fraction of a
second. Knows no editor; the same findings are for the command line, the gate and the screen.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup.architecture import baseline as known
from trueup.architecture import importlinter, own, scan
from trueup.architecture.configuration import Configuration, on_disk
from trueup.architecture.contracts import Problem, Severity, Violation
from trueup.architecture.findings import Finding
from trueup.architecture.graph import ImportGraph
from trueup.architecture.imports import Imports, Universe
from trueup.architecture.judges import LayersJudge, judge
from trueup.architecture.judging import Judge
from trueup.architecture.kinds import (
    AcyclicSiblings,
    Contract,
    Forbidden,
    Independence,
    Layers,
    Protected,
    Scope,
    may_name,
)
from trueup.architecture.modules import source_roots, top_packages
from trueup.architecture.placing import Placing
from trueup.architecture.sources import Sources
from trueup.architecture.tach.project import TachProject
from trueup.snapshot import Document

CONFIGURATIONS: Final = (
    "pyproject.toml", "setup.cfg", ".importlinter", "tach.toml", "tach.domain.toml", known.NAME,
)  # fmt: skip
"""Files that say what is allowed."""

KINDS: Final[Mapping[type[Contract], str]] = {
    Layers: "layers",
    Independence: "independence",
    Forbidden: "forbidden",
    Protected: "protected",
    AcyclicSiblings: "acyclic_siblings",
}
"""What the kinds of contract are called, in both notations and in what is printed."""

Key = known.Key


@dataclass(slots=True)
class _Rule:
    """A contract with its judge, which may be another one when modules come."""

    contract: Contract
    judge: Judge

    @property
    def code(self) -> str:
        return KINDS[type(self.contract)]


@dataclass
class _Rules:
    """The contracts of one configuration, with the graph that they are about."""

    imports: Imports
    scope: Scope
    rules: tuple[_Rule, ...]


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """A graph of a million lines is made of objects that stay: looking for garbage among them is a
    third of the time that it takes.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Architecture:
    """What is forbidden in one project, and what breaks it."""

    def __init__(
        self, root: Path, cache: Path | None = None, more: tuple[Configuration, ...] = ()
    ) -> None:
        """Read what the project says, and `more` that somebody else says of it."""
        with _collecting_nothing():
            self._read(root, cache, more)

    def _read(self, root: Path, cache: Path | None, more: tuple[Configuration, ...]) -> None:
        self.root = root
        self.sources = Sources(root, cache)
        self.baseline = known.read(root)
        self._roots = source_roots(root)
        self._graphs: dict[Universe, Imports] = {}
        text_of = on_disk(root)
        self._configured: tuple[Configuration, ...] = tuple(
            read
            for read in (importlinter.read(text_of), own.read(text_of), *more)
            if read is not None
        )
        self.tach = TachProject.at(root)
        self._rules: tuple[_Rules, ...] = ()
        self._placing = Placing(self.sources, self.baseline)
        self.judge_again()

    def judge_again(self) -> None:
        """Judge every contract anew, by the modules that there are now."""
        self._placing.forget_reasons()
        self._rules = tuple(self._judged(read) for read in self._configured)

    def _judged(self, read: Configuration) -> _Rules:
        packages = read.root_packages or top_packages(self.root, self._roots)
        scope = Scope(packages, read.include_external_packages)
        universe = Universe(packages, scope.external, not read.exclude_type_checking_imports)
        imports = self._graphs.get(universe)
        if imports is None:
            imports = self._graphs[universe] = Imports(self.sources, universe, self._roots)
        return _Rules(
            imports,
            scope,
            tuple(
                _Rule(contract, judge(contract, imports.graph, scope))
                for contract in read.contracts
            ),
        )

    @property
    def is_configured(self) -> bool:
        """Whether there is anything that could be broken."""
        return bool(self._configured) or self.tach is not None

    @property
    def contracts(self) -> tuple[str, ...]:
        """The ids of all contracts."""
        ids = (rule.judge.terms.id for rules in self._rules for rule in rules.rules)
        return (*ids, *(self.tach.contracts if self.tach is not None else ()))

    @property
    def unjudged(self) -> tuple[Problem, ...]:
        """Why contracts, or packages of theirs, are not judged at all."""
        found = [
            problem
            for read in self._configured
            for problem in read.problems
            if problem.severity is Severity.ERROR
        ]
        for read, rules in zip(self._configured, self._rules, strict=True):
            found += (
                Problem(read.roots_source, f"there is no package {package} in this workspace")
                for package in rules.imports.missing
            )
        return tuple(found)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the configuration as things are, by file and line."""
        found = {*self.unjudged, *self.baseline.problems}
        found.update(problem for read in self._configured for problem in read.problems)
        if self.tach is not None:
            found.update(self.tach.problems)
        for rules in self._rules:
            if not rules.imports.missing:
                found.update(problem for rule in rules.rules for problem in rule.judge.problems)
        if self.baseline.lines:
            found.update(
                self.baseline.stale(self.broken(), self.contracts, every=not self.unjudged)
            )
        return tuple(
            sorted(found, key=lambda item: (item.source.path, item.source.line, item.message))
        )

    @property
    def undeclared(self) -> frozenset[tuple[str, str]]:
        """Modules that are in no layer of an exhaustive contract, with the contract's name."""
        return frozenset(
            (rule.judge.terms.name, name)
            for rules in self._rules
            for rule in rules.rules
            if isinstance(rule.judge, LayersJudge)
            for name in rule.judge.undeclared
        )

    @property
    def graphs(self) -> tuple[Imports, ...]:
        """The graphs that the contracts are about, each once."""
        return tuple(self._graphs.values())

    @property
    def layers(self) -> tuple[tuple[str, ...], ...]:
        """The layers of the first contract that declares some, from high to low, by full names."""
        for read, rules in zip(self._configured, self._rules, strict=True):
            for contract in read.contracts:
                if isinstance(contract, Layers):
                    return _layers(contract, rules.imports.graph)
        return ()

    def violations(self) -> tuple[Violation, ...]:
        """Every illegal import that is an error or a warning, explained."""
        return tuple(
            rule.judge.explain(importer, imported)
            for rules in self._rules
            for rule in rules.rules
            for importer, imported, severity in sorted(rule.judge.all_illegal())
            if severity is not Severity.INFORMATION
        )

    @property
    def unneeded(self) -> tuple[Problem, ...]:
        """Dependencies that tach's configuration declares and no file needs, where it wants that
        told. Looks at every file.
        """
        if self.tach is None or not self.tach.boundaries.config.exact:
            return ()
        uses: set[tuple[str, str]] = set()
        for path in self.tach.files:
            stated = self._placing.stated(path)
            if stated is not None:
                text = stated.document.text
                uses |= self.tach.boundaries.uses(path, text, stated.imports)
        return self.tach.boundaries.unused(uses)

    def misses(self, path: str) -> bool:
        """Whether this file would be a module of the project, and is not known yet."""
        return any(graph.misses(path) for graph in self._graphs.values()) or (
            self.tach is not None and self.tach.misses(path)
        )

    def follow(
        self,
        path: str,
        text: str | None,
        parses: Callable[[], bool] = lambda: True,
        document: Document | None = None,
    ) -> frozenset[str]:
        """Let `text` be what the file holds, None for what the disk does. The files, this one not
        included, of which something else may have to be said now. Whoever has the text's document
        gives it, so that its lines are counted once.
        """
        if text is None:
            self.sources.close(path)
        else:
            stated = self._placing.edited(path, text, document)
            self.sources.open(path, text, stated.names)
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
            self._placing.forget_reasons()
            for rules in self._rules:
                if rules.imports is not graph:
                    continue
                for rule in rules.rules:
                    if change.modules:
                        rule.judge.grow()
                    for edge in change.removed:
                        rule.judge.removed(*edge)
                    for edge in change.added:
                        rule.judge.added(*edge)
                    names = map(graph.graph.names.__getitem__, rule.judge.touched)
                    flipped.update(filter(None, map(graph.path_of, names)))
                    rule.judge.touched.clear()
            if change.modules:
                flipped |= self._judge_again_of(change.modules, graph)
        flipped.discard(path)
        return frozenset(flipped)

    def _judge_again_of(self, new: tuple[str, ...], graph: Imports) -> set[str]:
        """Judge the contracts anew that name one of these modules: other people's, imported for the
        first time. The files of which something else is to be said for that.
        """
        flipped: set[str] = set()
        for rules in self._rules:
            for rule in rules.rules if rules.imports is graph else ():
                if any(may_name(rule.contract, name) for name in new):
                    before = set(rule.judge.all_illegal())
                    rule.judge = judge(rule.contract, graph.graph, rules.scope)
                    changed = before ^ set(rule.judge.all_illegal())
                    names = (graph.graph.names[importer] for importer, _, _ in changed)
                    flipped.update(filter(None, map(graph.path_of, names)))
        return flipped

    def findings(self, path: str, links_max: int | None = None) -> tuple[Finding, ...]:
        """What is to be said of one file, in the order of its text; what the baseline has too. At
        most `links_max` imports are told of that are only later links of other modules' chains.
        """
        found = list(self._by_tach(path))
        for rules in self._rules:
            file = rules.imports.by_path.get(path)
            if file is not None:
                number = rules.imports.graph.ids[file.name]
                for rule in rules.rules:
                    links = 0
                    for imported, severity in sorted(rule.judge.illegal(number)):
                        links += severity is Severity.INFORMATION
                        if (
                            links_max is None
                            or links <= links_max
                            or (severity is not Severity.INFORMATION)
                        ):
                            found += self._placing.illegal(
                                rules.imports, rule.code, rule.judge, number, imported
                            )
        return tuple(sorted(found, key=lambda item: (item.span, item.contract, item.imported)))

    def _by_tach(self, path: str) -> Iterator[Finding]:
        return self._placing.by_tach(self.tach, path) if self.tach is not None else iter(())

    def everything(self) -> tuple[Finding, ...]:
        """The findings of all files, by path."""
        paths = {path for rules in self._rules for path in _illegal_paths(rules)}
        if self.tach is not None:
            paths.update(self.tach.files)
        return tuple(finding for path in sorted(paths) for finding in self.findings(path))

    def broken(self) -> frozenset[Key]:
        """Every illegal import that is an error or a warning, by what it is known by."""
        files = self.tach.files if self.tach is not None else ()
        of_tach = frozenset(found.key for path in files for found in self._by_tach(path))
        return of_tach | frozenset(
            (rule.judge.terms.id, names[importer], names[imported])
            for rules in self._rules
            for names in (rules.imports.graph.names,)
            for rule in rules.rules
            for importer, imported, severity in rule.judge.all_illegal()
            if severity is not Severity.INFORMATION
        )

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
        self.judge_again()


def _layers(contract: Layers, graph: ImportGraph) -> tuple[tuple[str, ...], ...]:
    """The declared layers by full names, those of all containers in one row."""
    containers = [name for item in contract.containers for name in item.found(graph)]
    return tuple(
        tuple(
            f"{container}.{module}" if container else module
            for container in containers or [""]
            for module in layer.modules
        )
        for layer in contract.layers
    )


def _illegal_paths(rules: _Rules) -> Iterable[str]:
    names = rules.imports.graph.names
    for rule in rules.rules:
        for importer, _, _ in rule.judge.all_illegal():
            path = rules.imports.path_of(names[importer])
            if path is not None:
                yield path
