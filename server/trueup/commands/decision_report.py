"""Decisions and what they say of a project, for people and for machines.

Knows how it looks; what is shown was decided elsewhere, and what a file says cannot steer the
terminal.
"""

from __future__ import annotations

from typing import Final

from rich.markup import escape

from trueup.architecture.contracts import Severity
from trueup.commands.console import console, errors
from trueup.memory.consistency import kind_of
from trueup.memory.decisions import Decision, Decisions, Problem, Status
from trueup.memory.evaluate import RuleFinding
from trueup.memory.hidden import one_line
from trueup.memory.overrides import Override
from trueup.memory.project import ProjectReport

STATUS_STYLES: Final = {
    Status.ACCEPTED: "green",
    Status.PROPOSED: "cyan",
    Status.NEEDS_REVIEW: "yellow",
}
_SEVERITY_STYLES: Final = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFORMATION: "cyan",
}


def complain(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        style = _SEVERITY_STYLES[problem.severity]
        place = _plain(f"{problem.source.path}:{problem.source.line}")
        says = f"[{style}]{problem.severity}[/] {place}: {_plain(problem.message)}"
        errors.print(says, highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    return escape(one_line(text))


def show_report(known: Decisions, found: ProjectReport) -> None:
    complain(found.problems)
    for finding in found.findings:
        style = _SEVERITY_STYLES[finding.severity]
        place = _plain(f"{finding.path}:{finding.line}:{finding.column}")
        says = f"{place}: [{style}]{finding.severity}[/] {_plain(finding.message)}"
        console.print(says, highlight=False, soft_wrap=True)
    for says in found.unread:
        errors.print(f"not looked at: {says}", markup=False, highlight=False)
    for identity, count in found.override_counts.most_common():
        item = next(iter(known.find(identity)), None)
        name = known.short(item) if item is not None else identity
        times = "once" if count == 1 else f"{count} times"
        console.print(f"decision {name} is overridden {times}", markup=False, highlight=False)
    rules = sum(len(item.rules) for item in known if item.is_in_force)
    console.print(f"{found.files} files, {rules} rules in force, {len(found.findings)} findings",
                  highlight=False)  # fmt: skip


def decision_json(known: Decisions, item: Decision) -> dict[str, object]:
    return {
        "id": item.id,
        "name": known.short(item),
        "title": item.title,
        "status": item.status,
        "severity": item.severity,
        "origin": item.origin,
        "visibility": item.visibility,
        "path": item.path,
        "scope": {
            "paths": list(item.scope.paths),
            "symbols": list(item.scope.symbols),
            "goals": list(item.scope.goals),
        },
        "supersedes": list(item.supersedes),
        "rules": [kind_of(rule) for rule in item.rules],
    }


def report_json(known: Decisions, found: ProjectReport) -> dict[str, object]:
    return {
        "findings": [finding_json(finding) for finding in found.findings],
        "problems": [_problem_json(problem) for problem in found.problems],
        "overrides": [_override_json(item) for item in found.overrides],
        "files": found.files,
        "unread": list(found.unread),
        "decisions": len(known),
    }


def finding_json(finding: RuleFinding) -> dict[str, object]:
    """As `check --format json` has it."""
    return {
        "code": "decision",
        "contract": None,
        "decision": finding.decision,
        "severity": finding.severity,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "message": finding.message,
        "chain": [],
    }


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "decision": problem.decision,
        "severity": problem.severity,
        "path": problem.source.path,
        "line": problem.source.line,
        "message": problem.message,
    }


def _override_json(item: Override) -> dict[str, object]:
    return {
        "decision": item.decision,
        "path": item.path,
        "line": item.line,
        "reason": item.reason,
        "used": item.used,
    }
