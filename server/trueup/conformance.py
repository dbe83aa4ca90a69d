"""What breaks a project's contracts and decisions, in one list: for the editor and for CI alike.

Contracts are judged by the architecture, rules of decisions by their evaluator; layers that a
decision lays down are contracts like any others. Knows neither the editor nor how it is printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from trueup import workspace
from trueup.architecture.checker import Architecture
from trueup.architecture.configuration import Configuration, layer_of
from trueup.architecture.contracts import Problem, Source
from trueup.architecture.expressions import modules
from trueup.architecture.findings import Finding
from trueup.architecture.kinds import Contract, Layers, Terms
from trueup.memory import places
from trueup.memory.decisions import Decision, Decisions
from trueup.memory.evaluate import RuleFinding, applies, layer_rules, report
from trueup.memory.project import check
from trueup.snapshot import Span

RULE: Final = "decision"
"""The code of a finding that a rule of a decision makes."""


class Conformance:
    """The contracts and decisions of one project, as they are on disk when this is made."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        self.root = root
        self.decisions = places.load(str(root), instructions=False)
        laid_down = _laid_down(self.decisions)
        self.architecture = Architecture(root, cache, laid_down)
        self._titles = {item.id: item for item in self.decisions}

    @property
    def is_configured(self) -> bool:
        return self.architecture.is_configured or self.has_rules

    @property
    def has_rules(self) -> bool:
        return any(item.is_in_force and item.rules for item in self.decisions)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the configurations and with the decisions, by file and line."""
        own = (
            Problem(item.source, item.message, item.severity, item.decision)
            for item in self.decisions.problems
        )
        return (*self.architecture.problems, *own)

    @property
    def count(self) -> int:
        """How many contracts and decisions with rules are in force."""
        ruled = sum(
            any(not hasattr(rule, "layers") for rule in item.rules)
            for item in self.decisions
            if item.is_in_force
        )
        return len(self.architecture.contracts) + ruled

    def contracts(self, path: str, links_max: int | None = None) -> tuple[Finding, ...]:
        """What contracts say of one file; as `Architecture.findings`, with the decision that lays
        a contract down.
        """
        found = self.architecture.findings(path, links_max)
        return tuple(
            replace(item, decision=item.contract) if item.contract in self._titles else item
            for item in found
        )

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
            *(
                replace(item, decision=item.contract) if item.contract in self._titles else item
                for item in self.architecture.everything()
            ),
            *map(self._finding, told.findings),
        ]
        own = (
            Problem(item.source, item.message, item.severity, item.decision)
            for item in told.problems
        )
        problems = (*self.architecture.problems, *self.architecture.unneeded, *own)
        ordered = sorted(
            found, key=lambda item: (item.path, item.span, item.contract, item.decision)
        )
        return tuple(ordered), tuple(dict.fromkeys(problems))

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


def of_text(path: str, span: Span, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of one file at a place."""
    return tuple(item for item in findings if item.path == path and item.span.overlaps(span))


def _laid_down(decisions: Decisions) -> tuple[Configuration, ...]:
    """The layers of decisions as contracts, one configuration for each decision's file."""
    found: dict[str, list[Contract]] = {}
    problems: list[Problem] = []
    for decision, rule in layer_rules(decisions):
        source = Source(decision.path, rule.terms.line)
        try:
            contract = Layers(
                _terms(decision, source, rule.terms.message),
                tuple(layer_of(row, source) for row in rule.layers),
                tuple(modules(name, source) for name in rule.containers),
            )
        except ValueError as problem:
            problems.append(Problem(source, str(problem), contract=decision.id))
            continue
        found.setdefault(decision.path, []).append(contract)
    if not found and not problems:
        return ()
    contracts = tuple(contract for group in found.values() for contract in group)
    path = next(iter(found), problems[0].source.path if problems else "")
    return (Configuration(path, contracts=contracts, problems=tuple(problems)),)


def _terms(decision: Decision, source: Source, message: str) -> Terms:
    return Terms(decision.id, decision.title, source, guidance=message)
