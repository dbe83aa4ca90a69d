"""The laws of a verdict, on every evidence there could be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trueup.snapshot import Span
from trueup.suggestion import (
    Evidence,
    Goal,
    GoalKind,
    Outcome,
    Recipe,
    Ruling,
    Surface,
    SurfaceKind,
    Verdict,
)
from trueup.verify import behaviour, gate, types

CHECKS = st.sampled_from(["scope", "syntax", "tests", "behaviour", "types"])
EVIDENCE = st.lists(
    st.builds(Evidence, CHECKS, st.sampled_from(list(Outcome)), st.just("why")), max_size=8
)
DEMANDED = st.lists(CHECKS, unique=True)


def ruling(evidence: list[Evidence], demanded: list[str]) -> Verdict:
    return Verdict(tuple(evidence), tuple(demanded))


@given(EVIDENCE, DEMANDED)
def test_one_failure_rejects_whatever_was_demanded(
    evidence: list[Evidence], demanded: list[str]
) -> None:
    failed = any(item.outcome is Outcome.FAILED for item in evidence)
    assert (ruling(evidence, demanded).outcome is Ruling.REJECTED) == failed


@given(EVIDENCE, DEMANDED)
def test_verified_means_that_all_that_was_demanded_passed(
    evidence: list[Evidence], demanded: list[str]
) -> None:
    outcomes = {check: {item.outcome for item in evidence if item.check == check}
                for check in demanded}  # fmt: skip
    proved = bool(demanded) and all(found == {Outcome.PASSED} for found in outcomes.values())
    failed = any(item.outcome is Outcome.FAILED for item in evidence)
    assert (ruling(evidence, demanded).outcome is Ruling.VERIFIED) == (proved and not failed)


@given(EVIDENCE, DEMANDED, CHECKS)
def test_unknown_is_never_a_pass(evidence: list[Evidence], demanded: list[str], check: str) -> None:
    doubt = Evidence(check, Outcome.UNKNOWN, "nobody knows")
    assert ruling([*evidence, doubt], [*demanded, check]).outcome is not Ruling.VERIFIED


@given(EVIDENCE, DEMANDED, EVIDENCE)
def test_more_evidence_never_lifts_a_rejection(
    evidence: list[Evidence], demanded: list[str], more: list[Evidence]
) -> None:
    if ruling(evidence, demanded).outcome is Ruling.REJECTED:
        assert ruling([*evidence, *more], demanded).outcome is Ruling.REJECTED


@given(EVIDENCE, DEMANDED)
def test_what_is_missing_is_what_did_not_pass(
    evidence: list[Evidence], demanded: list[str]
) -> None:
    verdict = ruling(evidence, demanded)
    assert all(item.outcome is not Outcome.PASSED for item in verdict.missing)
    if verdict.outcome is Ruling.VERIFIED:
        assert verdict.missing == ()


@given(st.sampled_from(list(GoalKind)), st.sampled_from(list(Recipe)),
       st.sampled_from(list(SurfaceKind)))  # fmt: skip
def test_every_goal_demands_only_what_some_check_can_say(
    kind: GoalKind, recipe: Recipe, surface: SurfaceKind
) -> None:
    goal = Goal(kind, recipe, "m.py", Span(0, 0), surface=Surface(surface))
    assert set(gate.demands(goal)) >= set(gate.DEMANDED)
    annotates, refactors = recipe is Recipe.ANNOTATE, kind is GoalKind.REFACTOR
    assert (behaviour.CHECK in gate.demands(goal)) == (refactors and not annotates)
    assert (types.CHECK in gate.demands(goal)) == annotates
    # Type checkers are asked whatever the goal is.
    assert len(gate.checks(goal)) == len({*gate.demands(goal), types.CHECK})
    assert goal.title
