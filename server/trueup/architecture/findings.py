"""A violation where one can see it: the characters of an import, and the way it leads.

Knows texts and lines; does not know what a contract is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from trueup.architecture.contracts import Severity, Source
from trueup.architecture.scan import Imported
from trueup.snapshot import Document, Span


@dataclass(frozen=True, slots=True)
class Step:
    """One link of a chain, at the first line that states it."""

    importer: str
    imported: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One import that breaks a contract, at its place. Lines and columns are 1-based, columns in
    characters.
    """

    code: str
    """The kind of contract."""
    contract: str
    name: str
    """What people call the contract."""
    importer: str
    imported: str
    severity: Severity
    path: str
    span: Span
    line: int
    column: int
    end_column: int
    message: str
    chain: tuple[Step, ...]
    source: Source
    """Where the contract is written."""
    decision: str = ""
    known: bool = False
    """Whether the baseline has it."""

    @property
    def rule(self) -> str:
        """The contract, or else the decision, that says so."""
        return self.contract or self.decision

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by, wherever it moves in its file."""
        return self.contract, self.importer, self.imported


def underlined(imported: Imported, target: str, resolved: str) -> Span:
    """The characters to mark: the name where it is what was resolved, else the module it is from.

    `resolved` is the absolute name that was asked for, `target` the module that it led to.
    """
    if imported.module and resolved != target:
        return Span(imported.module_start, imported.module_end)
    return Span(imported.start, imported.end)


def columns(document: Document, span: Span) -> tuple[int, int, int]:
    """The 1-based line, column and end column of a span; one of several lines ends with its
    first.
    """
    line = document.line_at(span.start)
    whole = document.line_span(line)
    end = min(span.end, max(whole.end, span.start + 1))
    return line + 1, span.start - whole.start + 1, end - whole.start + 1


def links(chain: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return pairwise(chain)
