"""The tests that can see the change pass as they did before, warm and cold.

The judgement is per test against a valid baseline: a test that was red before does not count, a
test that vanished is no verdict, and a new failure is tried again on both sides before it is
believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from trueup.runner.results import RunStatus, TestOutcome, TestRun
from trueup.snapshot import Snapshot
from trueup.suggestion import Evidence, Outcome, TestSummary
from trueup.verify.changes import Statement
from trueup.verify.pairing import aligned, function_of
from trueup.verify.trial import Sides, Trial, failed, passed, unknown

CHECK: Final = "tests"
CONFIRMATION: Final = "cold-run"
PATIENCE: Final = 4.0
"""A run that takes this many times as long as the whole one before hangs, and is not just slow."""
AGAIN_MAX: Final = 5
"""How many new failures are tried again; the rest stands or falls with them."""

PROVING: Final = frozenset({TestOutcome.PASSED, TestOutcome.XPASSED})
GREEN: Final = frozenset({TestOutcome.PASSED, TestOutcome.XFAILED})
RED: Final = frozenset({TestOutcome.FAILED, TestOutcome.ERROR})
UNCHANGED_CODE: Final = "no code changes, only documentation, comments or docstrings"


async def passes_the_affected_tests(trial: Trial) -> Evidence:
    """Every affected test that passed before passes now."""
    if trial.only_text and not trial.examples:
        return passed(CHECK, UNCHANGED_CODE)
    if why := await trial.obstacle(await _nothing_to_run(trial)):
        return unknown(CHECK, why)
    sides = await trial.sides()
    if sides.before.status is not RunStatus.FINISHED:
        return unknown(CHECK, f"before the change, {_why(sides.before)}")
    if problem := _not_collected(sides):
        return problem
    if hanging := _hanging(sides):
        return await _judged_again(trial, [hanging])
    if sides.after.status is not RunStatus.FINISHED:
        return unknown(CHECK, f"with the change, {_why(sides.after)}")
    broken = sorted(_green(sides.before) & _red(sides.after))
    if broken:
        return await _judged_again(trial, broken)
    if trial.only_text and not sides.before.results and not _red(sides.after):
        return passed(CHECK, f"{_counted(len(_green(sides.after)), 'new example')} hold true")
    files = {test.partition("::")[0] for test in (await trial.affected()).tests}
    return await _with_what_is_left_out(trial, _judged(sides, len(files)))


async def _with_what_is_left_out(trial: Trial, judged: Evidence) -> Evidence:
    """A test that the plan leaves out might have said something else."""
    out = await trial.left_out()
    if judged.outcome is not Outcome.PASSED or not out:
        return judged
    more = f" and {len(out) - 1} more" * (len(out) > 1)
    return unknown(CHECK, f"{judged.detail}; the plan leaves out {out[0]}{more}")


async def _nothing_to_run(trial: Trial) -> str:
    if await trial.left_out():
        return "the plan leaves out every test that can see the change"
    return f"no test imports {', '.join(trial.candidate.paths)}"


def _hanging(sides: Sides) -> str:
    """A test that passed soon before and that had not ended when the time was over; or ""."""
    after, name = sides.after, sides.after.unfinished or ""
    slow = sides.before.elapsed_s * PATIENCE > after.elapsed_s
    known = after.status is RunStatus.TIMED_OUT and name in _green(sides.before)
    return name if known and not slow else ""


def _why(run: TestRun) -> str:
    return run.reason + (f" ({run.unfinished})" if run.unfinished else "")


def _judged(sides: Sides, files: int) -> Evidence:
    green, after = _green(sides.before), sides.after.results
    if worse := _worse(sides):
        return unknown(CHECK, worse)
    lost = sorted(name for name in green if name not in after)
    if lost:
        return unknown(CHECK, f"{lost[0]} did not run with the change")
    skipped = sorted(name for name in green if after[name].outcome not in GREEN)
    if skipped:
        return unknown(CHECK, f"{skipped[0]} passed before and is {after[skipped[0]].outcome} now")
    repaired = _red(sides.before) & _green(sides.after)
    proving = _of(sides.before, PROVING)
    if not proving and not repaired:
        why = _blocked(sides.after, _red(sides.after))
        return unknown(CHECK, f"no affected test passes, with the change or without{why}")
    red = _red(sides.before) & _red(sides.after)
    count = _counted(len(proving), "affected test")
    parts = [f"{count} of {_counted(files, 'file')} pass{'es' * (len(proving) == 1)} as before"]
    if repaired:
        parts.append(f"{min(repaired)} was red and is green" if len(repaired) == 1
                     else f"{len(repaired)} that were red are green")  # fmt: skip
    if red:
        still = "was red before and still is" if len(red) == 1 else "were red before and still are"
        parts.append(f"{len(red)} {still}{_blocked(sides.before, red)}")
    return passed(CHECK, "; ".join(parts))


def _worse(sides: Sides) -> str:
    """A test that did not pass before either, and that has something to say now."""
    before, after = sides.before.results, sides.after.results
    for name in sorted(after):
        was, now = before.get(name), after[name].outcome
        if now in RED and (was is None or was.outcome not in RED):
            then = f"was {was.outcome}" if was else "did not run"
            return f"{name} {then} before and fails with the change"
        if was and was.outcome is TestOutcome.XPASSED and now is TestOutcome.XFAILED:
            return f"{name} passed before, which nobody expected, and fails with the change"
    return ""


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _not_collected(sides: Sides) -> Evidence | None:
    """A test file that could be loaded before and cannot be loaded now."""
    for path, said in sides.after.collection_errors.items():
        if path not in sides.before.collection_errors:
            return failed(CHECK, f"{path} cannot be loaded: {last_line(said)}", path)
    return None


async def _judged_again(trial: Trial, broken: list[str]) -> Evidence:
    """A new failure counts when it fails again and the unchanged code passes again."""
    # Whole functions, because the id of a parameter may be another one in the next run.
    once_more = tuple(dict.fromkeys(function_of(name) for name in broken[:AGAIN_MAX]))
    before, after = await asyncio.gather(
        trial.bed.run(trial.request(trial.before, once_more)),
        trial.bed.run(trial.request(trial.after, once_more)),
    )
    sides = await trial.sides()
    green, red = _green(aligned(sides.before, before)), _red(aligned(sides.before, after))
    if after.status is RunStatus.TIMED_OUT and after.unfinished:
        red.add(after.unfinished)
    certain = [name for name in broken if name in green & red]
    if not certain:
        return unknown(CHECK, f"{broken[0]} fails now and then, with the change and without")
    first = sides.after.results.get(certain[0])
    why = last_line(first.detail) if first else "it does not end"
    more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
    return failed(
        CHECK, f"{certain[0]}{more} passed before and fails now: {why}"
        + _blocked(sides.after, {certain[0]}),
        certain[0].partition("::")[0],
    )  # fmt: skip


async def passes_them_in_a_fresh_interpreter(trial: Trial) -> Evidence:
    """One run in a fresh interpreter agrees, so that nothing preloaded hid a missing import."""
    if trial.only_text and not trial.examples:
        return passed(CONFIRMATION, UNCHANGED_CODE)
    if why := await trial.obstacle():
        return unknown(CONFIRMATION, why)
    affected, warm = await trial.affected(), (await trial.sides()).after
    cold = await _cold(trial, trial.after, affected.tests, warm)
    if cold.status is not RunStatus.FINISHED:
        return unknown(CONFIRMATION, f"in a fresh interpreter, {cold.reason}")
    different = _green(warm) - _green(cold)
    if not different:
        return passed(CONFIRMATION, "a run in a fresh interpreter agrees")
    again = await _cold(trial, trial.after, affected.tests, warm)
    if not different - _green(again) and again.status is RunStatus.FINISHED:
        return unknown(
            CONFIRMATION, f"{min(different)} fails now and then in a fresh interpreter"
        )  # fmt: skip
    unchanged = await _cold(trial, trial.before, affected.tests, warm)
    certain = sorted((different - _green(again)) & _green(unchanged))
    if certain:
        result = again.results.get(certain[0])
        why = f": {last_line(result.detail)}" if result else ""
        why += _blocked(again, {certain[0]})
        return failed(CONFIRMATION, f"{certain[0]} fails in a fresh interpreter{why}")
    return unknown(CONFIRMATION, f"{min(different)} fails in a fresh interpreter on any code")


async def _cold(trial: Trial, snapshot: Snapshot, tests: tuple[str, ...], warm: TestRun) -> TestRun:
    """A run in a fresh interpreter, its tests named as in the warm one."""
    return aligned(warm, await trial.bed.confirm(trial.request(snapshot, tests)))


def witnesses(after: TestRun, path: str, statement: Statement) -> frozenset[str]:
    """The passing tests that ran a changed statement; "" where an import ran it.

    A statement that only a red test reached has no witness, nor has one that cannot be told from
    the header whose line it shares.
    """
    ran = after.runners.get((path, statement.first), frozenset()) if statement.lines else set()
    proving = _of(after, PROVING)
    return frozenset(ran & (proving | {""})) if proving else frozenset()


async def summary(trial: Trial, total: int | None) -> TestSummary:
    """The counts that reports show; zeros where nothing ran."""
    if not trial.ran:
        return TestSummary(total=total)
    sides = await trial.sides()
    watched = [(path, item) for path, items in trial.statements.items() for item in items]
    return TestSummary(
        selected=len(sides.after.results),
        total=total,
        passed=len(_green(sides.after)),
        failed=tuple(sorted(_red(sides.after) - _red(sides.before))),
        red_before=tuple(sorted(_red(sides.before))),
        changed_statements=len(watched),
        covered_statements=sum(bool(witnesses(sides.after, path, item)) for path, item in watched),
    )


def _of(run: TestRun, outcomes: Collection[TestOutcome]) -> set[str]:
    return {name for name, result in run.results.items() if result.outcome in outcomes}


def _green(run: TestRun) -> set[str]:
    return _of(run, GREEN)


def _red(run: TestRun) -> set[str]:
    return _of(run, RED)


def _blocked(run: TestRun, red: Collection[str]) -> str:
    """What the isolation has to do with these failures, for the end of a sentence, or ""."""
    results = [run.results[name] for name in sorted(red) if name in run.results]
    return next((f" ({result.blocked})" for result in results if result.blocked), "")


def last_line(said: str) -> str:
    """The line of a failure that says what is wrong, as pytest marks it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    marked = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    return (marked or lines or ["no detail"])[0][:200]
