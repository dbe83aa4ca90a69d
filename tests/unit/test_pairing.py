"""Tests whose ids hold the time are the same tests in the next run."""

from __future__ import annotations

from trueup.runner.results import RunStatus, TestOutcome, TestResult, TestRun
from trueup.verify.pairing import aligned, unpaired


def run(*names: str, status: RunStatus = RunStatus.FINISHED) -> TestRun:
    results = {name: TestResult(name, TestOutcome.PASSED) for name in names}
    return TestRun(status, results=results, runners={("a.py", 1): frozenset(names)})


def test_what_both_have_stays() -> None:
    assert list(aligned(run("a::t[1]", "a::u"), run("a::t[1]", "a::u")).results) == [
        "a::t[1]",
        "a::u",
    ]


def test_the_rest_of_a_function_is_paired_in_order() -> None:
    found = aligned(run("a::t[x]", "a::t[10:00]"), run("a::t[x]", "a::t[10:01]"))
    assert list(found.results) == ["a::t[x]", "a::t[10:00]"]
    assert found.results["a::t[10:00]"].nodeid == "a::t[10:00]"
    assert found.runners["a.py", 1] == {"a::t[x]", "a::t[10:00]"}


def test_a_parameter_that_is_gone_is_not_another_one() -> None:
    found = aligned(run("a::t[1]", "a::t[2]"), run("a::t[3]"))
    assert list(found.results) == ["a::t[3]"]


def test_a_run_that_was_cut_short_has_the_first_ones() -> None:
    short = run("a::t[9:01]", status=RunStatus.UNAVAILABLE)
    assert list(aligned(run("a::t[9:00]", "a::t[9:30]"), short).results) == ["a::t[9:00]"]


def test_between_different_code_only_what_is_known_to_change_is_paired() -> None:
    before, after = run("a::t[-1]", "a::u[10:00]"), run("a::t[1]", "a::u[10:01]")
    assert unpaired(before, after) == ("a::t", "a::u")
    found = aligned(before, after, frozenset({"a::u"}))
    assert list(found.results) == ["a::t[1]", "a::u[10:00]"]


def test_another_function_is_another_test() -> None:
    assert list(aligned(run("a::t[1]"), run("a::u[1]")).results) == ["a::u[1]"]
