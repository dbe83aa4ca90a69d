"""The order of the checks, what each kind of goal demands, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from trueup.suggestion import Evidence, Goal, GoalKind, Outcome, Recipe, Ruling, Verdict
from trueup.verify import (
    architecture,
    behaviour,
    comments,
    danger,
    decisions,
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
    text,
    types,
)
from trueup.verify.trial import Check, Trial

STATIC: Final[tuple[Check, ...]] = (
    scope.stays_within_the_goal,
    text.hides_nothing,
    syntax.parses,
    structure.keeps_public_names,
    comments.keeps_comments,
    formatting.keeps_the_form_of_the_rest,
    laziness.leaves_nothing_out,
    tamper.leaves_tests_alone,
    names.exist,
    danger.calls_nothing_dangerous,
    architecture.keeps_the_contracts,
    decisions.keeps_the_decisions,
    linters.gives_linters_nothing_new,
)
RUNNING: Final[tuple[Check, ...]] = (
    tests.passes_the_affected_tests,
    types.satisfies_the_type_checker,
    behaviour.runs_every_changed_statement,
)
CONFIRMING: Final[tuple[Check, ...]] = (tests.passes_them_in_a_fresh_interpreter,)

NAMES: Final[Mapping[Check, str]] = {
    scope.stays_within_the_goal: scope.CHECK,
    text.hides_nothing: text.CHECK,
    syntax.parses: syntax.CHECK,
    structure.keeps_public_names: structure.CHECK,
    comments.keeps_comments: comments.CHECK,
    formatting.keeps_the_form_of_the_rest: formatting.CHECK,
    laziness.leaves_nothing_out: laziness.CHECK,
    tamper.leaves_tests_alone: tamper.CHECK,
    names.exist: names.CHECK,
    danger.calls_nothing_dangerous: danger.CHECK,
    architecture.keeps_the_contracts: architecture.CHECK,
    decisions.keeps_the_decisions: decisions.CHECK,
    linters.gives_linters_nothing_new: linters.CHECK,
    types.satisfies_the_type_checker: types.CHECK,
    tests.passes_the_affected_tests: tests.CHECK,
    behaviour.runs_every_changed_statement: behaviour.COVERAGE,
    behaviour.keeps_behaviour: behaviour.CHECK,
    repair.turns_red_to_green: repair.CHECK,
    tests.passes_them_in_a_fresh_interpreter: tests.CONFIRMATION,
}

DEMANDED: Final[tuple[str, ...]] = (
    scope.CHECK,
    text.CHECK,
    syntax.CHECK,
    structure.CHECK,
    comments.CHECK,
    formatting.CHECK,
    laziness.CHECK,
    tamper.CHECK,
    names.CHECK,
    danger.CHECK,
    architecture.CHECK,
    decisions.CHECK,
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
        running = (*running, behaviour.keeps_behaviour)
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


async def judge(
    trial: Trial,
    said: Callable[[str], None] | None = None,
    only: frozenset[str] = frozenset(),
) -> Verdict:
    """Run the checks, cheapest first; `said` hears the name of each before it starts. Where `only`
    names checks, these and the syntax decide alone.

    All static checks run, so that a repair sees every finding at once. Nothing of the project runs
    for a candidate that one of them rejects, no check runs after one of the later ones failed, and
    nothing is confirmed that would stay unproven all the same.
    """
    evidence: list[Evidence] = []
    demanded = demands(trial.goal)
    counting = only or frozenset(NAMES.values())
    counting |= {syntax.CHECK}
    if behaviour.CHECK in counting:
        # What a fix has to show of behaviour.
        counting |= {repair.CHECK}
    demanded = tuple(name for name in demanded if name in counting)
    for check in checks(trial.goal):
        if NAMES[check] not in counting:
            continue
        if check not in STATIC and any(found.outcome is Outcome.FAILED for found in evidence):
            break
        if check in CONFIRMING and _short_of(evidence, demanded):
            break
        if said is not None:
            said(check.__name__.replace("_", " "))
        evidence.append(await check(trial))
        if evidence[-1].check == syntax.CHECK and evidence[-1].outcome is not Outcome.PASSED:
            break
    return Verdict(tuple(evidence), demanded)


def pinning_may_help(verdict: Verdict) -> bool:
    """Whether nothing but what tests can show is missing."""
    missing = {found.check for found in verdict.missing}
    by_tests = {tests.CHECK, behaviour.COVERAGE, behaviour.CHECK}
    return verdict.outcome is Ruling.UNPROVEN and bool(missing) and missing <= by_tests


def _short_of(evidence: list[Evidence], demanded: tuple[str, ...]) -> bool:
    return any(
        found.check in demanded and found.outcome is not Outcome.PASSED for found in evidence
    )
