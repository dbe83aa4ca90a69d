"""What breaks a project's contracts and decisions, in one list: for the editor and for CI alike.

Contracts are judged by the architecture, rules of decisions by their evaluator; layers that a
decision lays down are contracts like any others. Knows neither the editor nor how it is printed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from trueup import workspace
from trueup.architecture.checker import Architecture
from trueup.architecture.contracts import Problem, Source
from trueup.architecture.findings import Finding
from trueup.memory import decisions, journal, places
from trueup.memory.evaluate import RuleFinding, applies, module_of, report
from trueup.memory.journal import Journal
from trueup.memory.layers import laid_down
from trueup.memory.project import check
from trueup.memory.rules import Layers
from trueup.memory.staleness import Staleness, staleness

RULE: Final = "decision"
"""The code of a finding that a rule of a decision makes."""


class Conformance:
    """The contracts and decisions of one project, as they are on disk when this is made."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        self.root = root
        self.decisions = places.load(str(root), instructions=False)
        self.architecture = Architecture(root, cache, laid_down(self.decisions))
        self._titles = {item.id: item for item in self.decisions}

    @property
    def is_configured(self) -> bool:
        return self.architecture.is_configured or self.has_rules

    @property
    def has_rules(self) -> bool:
        return any(item.is_in_force and item.rules for item in self.decisions)

    @cached_property
    def stale(self) -> tuple[Staleness, ...]:
        """Which decisions need a review. Reads files when it is first asked for: in a thread."""
        return staleness(str(self.root), self.decisions)

    @cached_property
    def journal(self) -> Journal:
        """What people said of suggestions. Reads a file when it is first asked for."""
        return journal.read(str(self.root))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the configurations and with the decisions, by file and line."""
        stale = (item.problem for item in self.stale)
        own = (*self.decisions.problems, *stale, *self.journal.problems)
        return (*self.architecture.problems, *map(_of_a_decision, own))

    def rests_on(self, path: str) -> bool:
        """Whether some decision has evidence in this file, or names something in it."""
        module = module_of(path, self.decisions.roots)[0]
        return any(
            any(anchor.path == path for anchor in item.evidence)
            or any(f"{name}.".startswith(f"{module}.") for name in item.scope.symbols)
            for item in self.decisions
            if item.is_in_force
        )

    def looked_again(self) -> tuple[Problem, ...]:
        """The problems with the code as it is now, where only code has changed. In a thread."""
        self.__dict__.update(stale=staleness(str(self.root), self.decisions))
        return self.problems

    @property
    def count(self) -> int:
        """How many contracts and decisions with rules are in force."""
        ruled = sum(
            any(not isinstance(rule, Layers) for rule in item.rules)
            for item in self.decisions
            if item.is_in_force
        )
        return len(self.architecture.contracts) + ruled

    def contracts(self, path: str, links_max: int | None = None) -> tuple[Finding, ...]:
        """What contracts say of one file; as `Architecture.findings`, with the decision that lays
        a contract down.
        """
        return tuple(map(self._with_decision, self.architecture.findings(path, links_max)))

    def wants(self, path: str) -> bool:
        """Whether some decision has a rule about this file."""
        return any(applies(item, path) for item in self.decisions)

    def rules(self, path: str, text: str) -> tuple[Finding, ...]:
        """What the rules of decisions say of one text. Touches nothing that changes, so that it can
        run in a thread.
        """
        return tuple(self._finding(item) for item in report(self.decisions, path, text).findings)

    def everything(self) -> tuple[tuple[Finding, ...], tuple[Problem, ...]]:
        """The findings of all files by path, and every problem; what CI says."""
        paths = workspace.python_files(str(self.root)) if self.has_rules else ()
        told = check(str(self.root), self.decisions, paths)
        found = [
            *map(self._with_decision, self.architecture.everything()),
            *map(self._finding, told.findings),
        ]
        own = map(_of_a_decision, told.problems)
        problems = (*self.architecture.problems, *self.architecture.unneeded, *own)
        ordered = sorted(
            found, key=lambda item: (item.path, item.span, item.contract, item.decision)
        )
        return tuple(ordered), tuple(dict.fromkeys(problems))

    def _with_decision(self, found: Finding) -> Finding:
        """The finding with the decision that lays its contract down, where one does."""
        return replace(found, decision=found.contract) if found.contract in self._titles else found

    def _finding(self, found: RuleFinding) -> Finding:
        decision = self._titles.get(found.decision)
        return Finding(
            RULE,
            "",
            decision.title if decision is not None else "exceptions from decisions",
            "",
            found.text,
            found.severity,
            found.path,
            found.span,
            found.line,
            found.column,
            found.end_column if found.end_line == found.line else found.column + 1,
            found.message,
            (),
            found.source or Source(found.path, found.line),
            found.decision,
        )


def _of_a_decision(problem: decisions.Problem) -> Problem:
    """A problem of a decision as one of a configuration."""
    return Problem(problem.source, problem.message, problem.severity, problem.decision)
