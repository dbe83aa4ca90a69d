"""What was red is green: the proof that a fix fixes something.

Red may be a test that the goal names, any test that can see the change, a test that comes with the
change (then it is run on the code as it was, too), or an error that Ruff finds. A test that cannot
even be loaded without the change says nothing about it. A goal about a diagnostic is proved by the
tool that reported it, elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from trueup import workspace
from trueup.runner.results import RunStatus, TestOutcome, TestRun
from trueup.runner.suite import suite_of
from trueup.snapshot import Snapshot
from trueup.suggestion import Evidence, Goal, GoalKind, Recipe
from trueup.verify import linters
from trueup.verify.tests import GREEN, RED, UNCHANGED_CODE, last_line, witnesses
from trueup.verify.trial import Sides, Trial, failed, passed, unknown

CHECK: Final = "red-to-green"
RAN_MIN: Final = 0.75
"""Share of the changed statements that passing tests have to run: most of a fix, not a corner."""

_OF_A_PERSON: Final = frozenset({Recipe.PATCH, Recipe.INSTRUCT})


def is_demanded(goal: Goal) -> bool:
    """Whether the goal is a fix that no diagnostic and no rule of a tool defines."""
    free = goal.recipe in _OF_A_PERSON and goal.diagnostic is None
    return goal.kind is GoalKind.FIX and (bool(goal.red) or free)


async def turns_red_to_green(trial: Trial) -> Evidence:
    """Every test that the goal names, or else something, was red before and is green now."""
    if trial.only_text and not trial.goal.red:
        return passed(CHECK, UNCHANGED_CODE)
    if trial.goal.red:
        if why := await trial.bed.refusal():
            return unknown(CHECK, why)
        return await _named(trial)
    if said := await _seen(trial):
        return said
    if own := _tests_of_the_change(trial):
        if why := await trial.bed.refusal():
            return unknown(CHECK, why)
        before, after = await _runs(trial, own)
        if repaired := sorted(_of(before, RED) & _of(after, GREEN)):
            return passed(CHECK, _said(repaired))
    if gone := await linters.taken_away(trial):
        return passed(CHECK, f"{gone} is gone")
    return unknown(
        CHECK, "nothing that was red is green: name a failing test (--red), or add one that"
        " fails without the change",
    )  # fmt: skip


async def _seen(trial: Trial) -> Evidence | None:
    """What the tests that can see the change say; None where nothing red turned green."""
    if await trial.obstacle():
        return None
    sides = await trial.sides()
    repaired = sorted(_of(sides.before, RED) & _of(sides.after, GREEN))
    if not repaired:
        return None
    if left := _still_red(sides):
        return unknown(
            CHECK, f"{_said(repaired)}, but {left} runs the changed code and is still red"
        )
    watched = [(path, item) for path, items in trial.statements.items() for item in items]
    ran = sum(bool(witnesses(sides.after, path, item)) for path, item in watched)
    if ran < RAN_MIN * len(watched):
        return unknown(
            CHECK, f"{_said(repaired)}, but only {ran} of {len(watched)} changed statements ran"
        )
    return passed(CHECK, _said(repaired))


def _still_red(sides: Sides) -> str:
    """A test that was red before, ran something that changed, and is red; or ""."""
    ran = {name for tests in sides.after.runners.values() for name in tests}
    return min(ran & _of(sides.before, RED) & _of(sides.after, RED), default="")


async def _named(trial: Trial) -> Evidence:
    before, after = await _runs(trial, trial.goal.red)
    for name in trial.goal.red:
        then, now = _under(before, name), _under(after, name)
        if not then or not now:
            run = after if then else before
            when = "with" if then else "before"
            why = f": {run.reason}" if run.reason else ""
            return unknown(CHECK, f"{name} did not run {when} the change{why}")
        red = sorted(then & _of(before, RED))
        if not red:
            return unknown(CHECK, f"{name} was not red before")
        still = sorted(now & _of(after, RED))
        if still:
            detail = last_line(after.results[still[0]].detail)
            return failed(CHECK, f"{still[0]} is still red: {detail}", name.partition("::")[0])
        if not set(red) <= _of(after, GREEN):
            return unknown(CHECK, f"{red[0]} was red and is not green now")
    return passed(CHECK, _said(sorted(trial.goal.red)))


async def _runs(trial: Trial, tests: tuple[str, ...]) -> tuple[TestRun, TestRun]:
    """`tests` on the code as it was, with the tests of the change, and on the candidate."""
    before, after = await asyncio.gather(
        trial.bed.run(trial.request(_with_new_tests(trial), tests)),
        trial.bed.run(trial.request(trial.after, tests)),
    )
    return before, after


def _with_new_tests(trial: Trial) -> Snapshot:
    own = _tests_of_the_change(trial)
    return trial.before.having(*(trial.after.documents[path] for path in own))


def _tests_of_the_change(trial: Trial) -> tuple[str, ...]:
    suite = suite_of(trial.before.root)
    return tuple(
        path
        for path in trial.candidate.paths
        if trial.after.get(path) is not None and workspace.is_test(path) and suite.holds(path)
    )


def _under(run: TestRun, name: str) -> set[str]:
    """The results of a test that is named, with all its parameters; none of an unfinished run."""
    if run.status is not RunStatus.FINISHED:
        return set()
    return {
        item for item in run.results if item == name or item.startswith((f"{name}[", f"{name}::"))
    }


def _of(run: TestRun, outcomes: Collection[TestOutcome]) -> set[str]:
    if run.status is not RunStatus.FINISHED:
        return set()
    return {name for name, result in run.results.items() if result.outcome in outcomes}


def _said(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} was red and is green"
    return f"{names[0]} and {len(names) - 1} more were red and are green"
