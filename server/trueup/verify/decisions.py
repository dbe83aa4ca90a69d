"""The project's decisions are kept: nothing that a veto forbids is new.

What was there before does not count, nor does a place that the change merely edits. A rule that
nobody can evaluate leaves it *unknown*. An exception from a decision is for a person to make: in a
candidate that nobody wrote by hand it rejects, in a patch somebody has to look, as at a patch that
edits the decision itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from trueup.architecture.contracts import Severity
from trueup.memory import places
from trueup.memory.decisions import Decisions, Problem
from trueup.memory.evaluate import SUFFIXES, Report, RuleFinding, applies, report
from trueup.snapshot import Snapshot
from trueup.suggestion import Evidence, Goal, Recipe
from trueup.symbols import Outline
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "decisions"


@dataclass(frozen=True, slots=True)
class _Side:
    """What the decisions say of the edited files on one side of the change."""

    snapshot: Snapshot
    reports: tuple[Report, ...]

    @property
    def findings(self) -> Iterator[RuleFinding]:
        return (found for report in self.reports for found in report.findings)

    @property
    def overridden(self) -> Iterator[RuleFinding]:
        return (found for report in self.reports for found in report.overridden)


async def keeps_the_decisions(trial: Trial) -> Evidence:
    """Compares what breaks each decision before and after, by its text and by where it is."""
    known = _known(trial, trial.before)
    evidence = _judged(trial, known)
    later = _known(trial, trial.after) if _edits_decisions(trial) else known
    edited = next(
        (item for item in (*known, *later) if item.path in trial.candidate.paths
         and item.is_in_force), None,
    )  # fmt: skip
    if edited is None:
        return evidence
    under_new = _judged(trial, later)
    if under_new.outcome is evidence.outcome:
        return under_new
    return unknown(
        CHECK,
        f"the change edits decision {edited.number or edited.id}, and is judged otherwise by it"
        " then; a person has to look",
        edited.path,
    )


def _known(trial: Trial, snapshot: Snapshot) -> Decisions:
    """The decisions as they are in a snapshot: its documents, else the disk."""
    texts = {document.path: document.text for document in snapshot}
    hidden = {*trial.absent, *trial.candidate.paths} - texts.keys()
    return places.load(snapshot.root, texts, absent=hidden, instructions=False)


def _edits_decisions(trial: Trial) -> bool:
    return any(path.endswith(".md") for path in trial.candidate.paths)


def _judged(trial: Trial, known: Decisions) -> Evidence:
    goals = goals_of(trial.goal)
    before = _side(trial, trial.before, known, goals)
    after = _side(trial, trial.after, known, goals)
    new = tuple(_new(before, after))
    for finding in new:
        if finding.severity is Severity.ERROR:
            return failed(CHECK, finding.says, finding.path, finding.line)
    if exempted := next(_exempted(before, after), None):
        says = f"makes an exception from decision {_name(known, exempted.decision)}"
        if trial.goal.recipe is Recipe.PATCH:
            return unknown(CHECK, f"{says}; a person has to look", exempted.path, exempted.line)
        return failed(CHECK, f"{says}, which only a person may", exempted.path, exempted.line)
    if problem := next(_unjudged(known, after), None):
        what = f"decision {_name(known, problem.decision)}" if problem.decision else "a decision"
        says = f"{what} cannot be evaluated: {problem.message}"
        return unknown(CHECK, says, problem.source.path, problem.source.line)
    if new:
        return passed(CHECK, f"{new[0].says}, which is no veto ({new[0].path}:{new[0].line})")
    respected = {
        item.id
        for item in known
        for path in trial.candidate.paths
        if item.rules and path.endswith(SUFFIXES) and applies(item, path, goals)
    }
    if not respected:
        return passed(CHECK, "no decision has a rule about this")
    count = len(respected)
    return passed(CHECK, f"{count} decisions are kept" if count > 1 else "1 decision is kept")


def _unjudged(known: Decisions, side: _Side) -> Iterator[Problem]:
    """What nobody can say anything about: rules in scope, and files that are no text."""
    for found in side.reports:
        yield from found.unjudged
    if side.reports:
        yield from (
            problem
            for problem in known.problems
            if not problem.decision and problem.severity is Severity.ERROR
        )


def goals_of(goal: Goal) -> frozenset[str]:
    """The names under which decisions speak of a goal."""
    return frozenset({goal.kind.value, goal.recipe.value})


def _side(trial: Trial, snapshot: Snapshot, known: Decisions, goals: frozenset[str]) -> _Side:
    paths = (path for path in trial.candidate.paths if path.endswith(SUFFIXES))
    documents = (snapshot.get(path) for path in paths)
    return _Side(
        snapshot,
        tuple(
            report(known, document.path, document.text, goals)
            for document in documents
            if document is not None
        ),
    )


def _new(before: _Side, after: _Side) -> Iterator[RuleFinding]:
    """Findings that were not there: not with the same text anywhere in the edited files, and not
    with another text in the same function or class, where the change edits what broke it before.
    """
    gone = _unmatched(before.findings, after.findings)
    edited = Counter(_place(before.snapshot, found) for found in gone)
    for found in _unmatched(after.findings, before.findings):
        place = _place(after.snapshot, found)
        if edited[place]:
            edited[place] -= 1
        else:
            yield found


def _exempted(before: _Side, after: _Side) -> Iterator[RuleFinding]:
    return _unmatched(after.overridden, before.overridden)


def _unmatched(these: Iterable[RuleFinding], those: Iterable[RuleFinding]) -> Iterator[RuleFinding]:
    """Findings of `these` that have none of the same decision and text left among `those`."""
    left = Counter((found.decision, found.text) for found in those)
    for found in these:
        same = (found.decision, found.text)
        if left[same]:
            left[same] -= 1
        else:
            yield found


def _place(snapshot: Snapshot, found: RuleFinding) -> tuple[str, str, str]:
    document = snapshot.get(found.path)
    around = Outline(document.text).enclosing(found.span) if document is not None else None
    return found.decision, found.path, around.qualified if around is not None else ""


def _name(known: Decisions, identity: str) -> str:
    found = known.find(identity)
    return known.short(found[0]) if found else identity
