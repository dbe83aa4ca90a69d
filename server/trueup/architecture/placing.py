"""Where what is illegal stands: the statements of a text that break a contract, and their chains.

Scans the files that are shown, each once for each text, and remembers why an import is illegal
until the graph is another. Judges nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from trueup.architecture.baseline import Baseline
from trueup.architecture.contracts import Violation
from trueup.architecture.findings import Finding, Step, columns, links, underlined
from trueup.architecture.imports import Imports
from trueup.architecture.judging import Judge
from trueup.architecture.sources import Sources
from trueup.architecture.stated import Stated
from trueup.architecture.tach.project import TachProject
from trueup.architecture.tach.rules import TachFinding
from trueup.snapshot import Document, Span

SCANNED_MAX: Final = 256
"""Files whose imports are kept with their places."""


class Placing:
    """The texts of a project, for whoever has to show what is wrong in them."""

    def __init__(self, sources: Sources, baseline: Baseline) -> None:
        self._sources = sources
        self._baseline = baseline
        self._scanned: OrderedDict[str, Stated] = OrderedDict()
        self._explained: dict[tuple[int, int, int], Violation] = {}

    def forget_reasons(self) -> None:
        """To be called when the graph, or a judge, is another."""
        self._explained.clear()

    def edited(self, path: str, text: str, document: Document | None = None) -> Stated:
        """What a new text of a file states: shifted where the edit touches no import."""
        held = self._scanned.get(path)
        current = held is not None and held.stamp == self._sources.stamp(path)
        stated = held.edited(text, document) if held is not None and current else None
        if stated is None:
            stated = Stated(text, path, text, document=document)
        self._scanned[path] = stated
        return stated

    def stated(self, path: str | None) -> Stated | None:
        """What a file states, with its places; scanned once for each text."""
        if path is None:
            return None
        stamp = self._sources.stamp(path)
        held = self._scanned.get(path)
        if held is None or held.stamp != stamp:
            text = self._sources.text(path)
            if text is None:
                return None
            held = self._scanned[path] = Stated(stamp, path, text)
        self._scanned.move_to_end(path)
        while len(self._scanned) > SCANNED_MAX:
            self._scanned.popitem(last=False)
        return held

    def by_tach(self, tach: TachProject, path: str) -> Iterator[Finding]:
        """What tach's configuration says of a file: of direct imports, by its own text alone."""
        stated = self.stated(path) if tach.holds(path) else None
        if stated is None:
            return
        document = stated.document
        for found in tach.judge(path, document.text, stated.imports):
            span = _marked(document, found)
            line, column, end_column = columns(document, span)
            key = found.contract, found.importer, found.imported
            yield Finding(
                found.rule.value,
                found.contract,
                found.contract,
                found.importer,
                found.imported,
                found.severity,
                path,
                span,
                line,
                column,
                end_column,
                found.message,
                (),
                found.source,
                known=key in self._baseline,
            )

    def illegal(
        self, imports: Imports, code: str, judge: Judge, importer: int, imported: int
    ) -> Iterator[Finding]:
        """One finding for each statement that states an illegal import."""
        key = id(judge), importer, imported
        violation = self._explained.get(key)
        if violation is None:
            violation = self._explained[key] = judge.explain(importer, imported)
        path = imports.path_of(violation.importer)
        scanned = self.stated(path)
        if path is None or scanned is None:
            return
        terms, file = judge.terms, imports.by_path[path]
        chain = tuple(
            Step(one, other, *self._first_line(imports, one, other))
            for one, other in links(violation.chain)
        )
        said: set[int] = set()
        for item in scanned.to(imports, violation.imported):
            if item.statement in said:
                continue
            said.add(item.statement)
            span = underlined(item, violation.imported, imports.absolute(file, item.written))
            line, column, end_column = columns(scanned.document, span)
            yield Finding(
                code,
                violation.contract,
                terms.name,
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
                terms.source,
                known=violation.key in self._baseline,
            )

    def _first_line(self, imports: Imports, importer: str, imported: str) -> tuple[str, int]:
        path = imports.path_of(importer)
        scanned = self.stated(path)
        if path is None or scanned is None:
            return "", 0
        first = next(iter(scanned.to(imports, imported)), None)
        return path, scanned.document.line_at(first.statement) + 1 if first is not None else 1


def _marked(document: Document, found: TachFinding) -> Span:
    """The imported name; of a directive, its line without the space around it."""
    if found.place is not None:
        return Span(found.place.start, found.place.end)
    whole = document.line_span(found.line - 1)
    text = document.text[whole.start : whole.end]
    start = whole.start + len(text) - len(text.lstrip())
    return Span(start, max(start, whole.start + len(text.rstrip())))
