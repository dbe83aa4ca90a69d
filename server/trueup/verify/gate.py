"""The order of the checks, what each kind of goal demands, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trueup.suggestion import Evidence, Goal, GoalKind, Outcome, Recipe, Verdict
from trueup.verify import (
    behaviour,
    comments,
    danger,
    formatting,
    laziness,
    linters,
    names,
    repair,
    scope,
    structure,
    syntax,
    tamper,
    tests,
    types,
)
from trueup.verify.trial import Check, Trial

STATIC: Final[tuple[Check, ...]] = (
    scope.stays_within_the_goal,
    syntax.parses,
    structure.keeps_public_names,
    comments.keeps_comments,
    formatting.keeps_the_form_of_the_rest,
    laziness.leaves_nothing_out,
    tamper.leaves_tests_alone,
    names.exist,
    danger.calls_nothing_dangerous,
    linters.gives_linters_nothing_new,
)
RUNNING: Final[tuple[Check, ...]] = (
    tests.passes_the_affected_tests,
    types.satisfies_the_type_checker,
    behaviour.runs_every_changed_statement,
)
CONFIRMING: Final[tuple[Check, ...]] = (tests.passes_them_in_a_fresh_interpreter,)

DEMANDED: Final[tuple[str, ...]] = (
    scope.CHECK,
    syntax.CHECK,
    structure.CHECK,
    comments.CHECK,
    formatting.CHECK,
    laziness.CHECK,
    tamper.CHECK,
    names.CHECK,
    danger.CHECK,
    linters.CHECK,
    tests.CHECK,
    behaviour.COVERAGE,
    tests.CONFIRMATION,
)


def checks(goal: Goal) -> tuple[Check, ...]:
    """What a candidate for `goal` goes through, in this order."""
    running = RUNNING
    if repair.is_demanded(goal):
        running = (*running, repair.turns_red_to_green)
    if _keeps_behaviour(goal):
        running = (*running, behaviour.leaves_no_mistake_unnoticed)
    return (*STATIC, *running, *CONFIRMING)


def demands(goal: Goal) -> tuple[str, ...]:
    """Names of the checks that must pass before a candidate for `goal` is *verified*."""
    demanded = DEMANDED
    if _keeps_behaviour(goal):
        demanded = (*demanded, behaviour.CHECK)
    if repair.is_demanded(goal):
        demanded = (*demanded, repair.CHECK)
    if types.is_demanded(goal):
        demanded = (*demanded, types.CHECK)
    return demanded


def _keeps_behaviour(goal: Goal) -> bool:
    """Whether that is what tests have to show: annotations alone are for `types` to prove."""
    return goal.kind is GoalKind.REFACTOR and goal.recipe is not Recipe.ANNOTATE


async def judge(trial: Trial, said: Callable[[str], None] | None = None) -> Verdict:
    """Run the checks, cheapest first; `said` hears the name of each before it starts.

    All static checks run, so that a repair sees every finding at once. Nothing of the project runs
    for a candidate that one of them rejects, no check runs after one of the later ones failed, and
    nothing is confirmed that would stay unproven all the same.
    """
    evidence: list[Evidence] = []
    for check in checks(trial.goal):
        if check not in STATIC and any(found.outcome is Outcome.FAILED for found in evidence):
            break
        if check in CONFIRMING and _short_of(evidence, demands(trial.goal)):
            break
        if said is not None:
            said(check.__name__.replace("_", " "))
        evidence.append(await check(trial))
        if evidence[-1].check == syntax.CHECK and evidence[-1].outcome is not Outcome.PASSED:
            break
    return Verdict(tuple(evidence), demands(trial.goal))


def _short_of(evidence: list[Evidence], demanded: tuple[str, ...]) -> bool:
    return any(
        found.check in demanded and found.outcome is not Outcome.PASSED for found in evidence
    )
