"""The violations that a project lives with for now.

One line each, sorted, `contract: importer -> imported`, so that two branches merge and a line that
does not occur any more can be shown at its place. Never by line number: moving an import inside
its file changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup import InputError
from trueup.architecture.contracts import Problem, Severity, Source
from trueup.files import write_atomically

NAME: Final = "architecture-baseline.txt"
_HEAD: Final = (
    "# Violations that are known, one a line: contract: importer -> imported\n"
    "# `trueup check --update-baseline` writes this file; delete a line to be told of it again.\n"
)

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known violations with the line that each stands on."""

    lines: dict[Key, int]
    problems: tuple[Problem, ...] = ()

    def __contains__(self, key: Key) -> bool:
        return key in self.lines

    def stale(self, found: Iterable[Key], judged: Iterable[str]) -> tuple[Problem, ...]:
        """Entries that do not occur any more, of contracts that were `judged`."""
        gone = self.lines.keys() - set(found)
        kinds = set(judged)
        return tuple(
            Problem(
                Source(NAME, self.lines[key]),
                f"{key[1]} -> {key[2]} does not break {key[0]} any more; this line can go"
                if key[0] in kinds
                else f"there is no contract called {key[0]}; this line can go",
                Severity.WARNING,
            )
            for key in sorted(gone, key=self.lines.__getitem__)
        )


def read(root: Path) -> Baseline:
    """The baseline of a project; an empty one where it has none."""
    try:
        text = (root / NAME).read_text("utf-8")
    except FileNotFoundError:
        return Baseline({})
    except (OSError, UnicodeDecodeError):
        return Baseline({}, (Problem(Source(NAME, 1), f"{NAME} cannot be read as text"),))
    return parse(text)


def parse(text: str) -> Baseline:
    lines: dict[Key, int] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        contract, colon, link = stripped.rpartition(": ")
        importer, arrow, imported = link.partition(" -> ")
        if not (colon and arrow and importer.strip() and imported.strip()):
            says = "this line is not `contract: importer -> imported`"
            problems.append(Problem(Source(NAME, number), says))
            continue
        lines[contract, importer.strip(), imported.strip()] = number
    return Baseline(lines, tuple(problems))


def write(root: Path, keys: Iterable[Key]) -> int:
    """Make `keys` the baseline; how many they are. Raises InputError where it cannot be written."""
    entries = sorted(set(keys))
    body = "".join(
        f"{contract}: {importer} -> {target}\n" for contract, importer, target in entries
    )
    try:
        write_atomically(root / NAME, (_HEAD + body).encode(), mode=0o644)
    except OSError as problem:
        raise InputError(f"{NAME} cannot be written: {problem.strerror}") from None
    return len(entries)
