"""What the decisions say of a whole project, or of some of its files, as they are on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from trueup import InputError, workspace
from trueup.architecture.contracts import Severity
from trueup.memory import journal
from trueup.memory.consistency import contradictions
from trueup.memory.decisions import Decisions, Problem
from trueup.memory.evaluate import RuleFinding, report
from trueup.memory.examples import check_examples
from trueup.memory.overrides import Override
from trueup.memory.staleness import Staleness, contradicted, staleness


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """`problems` are of the decisions themselves: what cannot be read or judged, examples that
    fail, contradictions. `unread` are files that could not be looked at, with the reason.
    """

    files: int
    findings: tuple[RuleFinding, ...]
    overrides: tuple[Override, ...]
    problems: tuple[Problem, ...]
    unread: tuple[str, ...] = ()
    stale: tuple[Staleness, ...] = ()
    """What needs a review, and why; each is one of `problems` too."""

    @property
    def is_broken(self) -> bool:
        """Whether a decision is not what its author meant it to be."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def breaks_a_veto(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def override_counts(self) -> Counter[str]:
        """How often each decision is overridden where it would be broken."""
        return Counter(item.decision for item in self.overrides if item.used)


def check(root: str, decisions: Decisions, paths: Iterable[str]) -> ProjectReport:
    """Judge files, relative to the root, by all decisions; and the decisions by what they say and
    by the project as it is, whichever files are asked for.
    """
    paths = tuple(paths)
    findings: list[RuleFinding] = []
    overrides: list[Override] = []
    unread: list[str] = []
    problems = dict.fromkeys(decisions.problems)
    for decision in decisions:
        problems.update(dict.fromkeys(check_examples(decision)))
    problems.update(dict.fromkeys(contradictions(decisions)))
    problems.update(dict.fromkeys(journal.read(root).problems))
    files = 0
    for path in paths:
        try:
            document = workspace.read(root, path)
        except InputError as problem:
            unread.append(str(problem))
            continue
        files += 1
        found = report(decisions, path, document.text)
        findings += found.findings
        overrides += found.overrides
        # A rule that cannot be evaluated is one problem, however many files are in its scope.
        wrong = {item.decision for item in problems if item.severity is Severity.ERROR}
        problems.update(
            dict.fromkeys(item for item in found.unjudged if item.decision not in wrong)
        )
    stale = staleness(root, decisions)
    if any(item.used for item in overrides) and set(paths) >= set(workspace.python_files(root)):
        broken = ((item.decision, item.path) for item in findings)
        stale += contradicted(decisions, paths, overrides, broken)
    problems.update(dict.fromkeys(item.problem for item in stale))
    ordered = sorted(problems, key=lambda item: (item.source.path, item.source.line))
    return ProjectReport(
        files, tuple(findings), tuple(overrides), tuple(ordered), tuple(unread), stale
    )
