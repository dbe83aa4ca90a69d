"""`# tach-ignore(reason) names`: which findings a file asks not to be told, and which of these
requests are idle.

A directive on a line of its own is about the next line. tach looks at lines and not at strings, so
that a directive in a string counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

_DIRECTIVE: Final = re.compile(r"# *tach-ignore(?:\(([^)]*)\))?((?:\s+[\w.]+)*)\s*\Z")

Finding = TypeVar("Finding")


@dataclass(frozen=True, slots=True)
class Directive:
    """Lines count from 1. `names` are ends of imported names, none for all."""

    line: int
    about: int
    names: tuple[str, ...]
    reason: str

    def covers(self, lines: tuple[int, ...], dependency: str) -> bool:
        """Whether it is about an import of `dependency` that touches `lines`."""
        if self.about not in lines:
            return False
        return not self.names or any(map(dependency.endswith, self.names))


@dataclass(frozen=True, slots=True)
class Directives:
    """Those that count, by the line that they are about, and those that come second there."""

    active: tuple[Directive, ...]
    second: tuple[Directive, ...]

    def without(self, lines: Iterable[int]) -> Directives:
        """Only those that can matter, where no module's import stands at `lines`."""
        gone = frozenset(lines)
        if not gone:
            return self
        return Directives(
            tuple(each for each in self.active if each.about not in gone),
            tuple(each for each in self.second if each.line not in gone),
        )

    def divide(
        self, findings: list[Finding], covers: Callable[[Directive, Finding], bool]
    ) -> tuple[list[Finding], tuple[Directive, ...]]:
        """The findings that remain, and the directives that took none away. A finding is taken by
        the first directive that covers it.
        """
        idle: list[Directive] = []
        for directive in self.active:
            kept = [finding for finding in findings if not covers(directive, finding)]
            if len(kept) == len(findings):
                idle.append(directive)
            findings = kept
        return findings, (*idle, *self.second)


def directives(text: str) -> Directives:
    """The directives of a text."""
    active: dict[int, Directive] = {}
    second: list[Directive] = []
    if "tach-ignore" not in text:
        return Directives((), ())
    for number, line in enumerate(text.split("\n"), 1):
        if "tach-ignore" not in line:
            continue
        found = _DIRECTIVE.search(line.removesuffix("\r"))
        if found is None:
            continue
        about = number + line.lstrip().startswith("#")
        directive = Directive(number, about, tuple(found[2].split()), found[1] or "")
        if active.setdefault(about, directive) is not directive:
            second.append(directive)
    return Directives(tuple(active[line] for line in sorted(active)), tuple(second))
