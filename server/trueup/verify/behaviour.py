"""What the passing tests prove about the changed lines.

Two questions: did every changed statement run, and would the tests have noticed a small mistake in
it? The second is answered by mutants of the changed lines; a rename that only renames is answered
by its syntax trees.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from typing import Final

from trueup import InputError, workspace
from trueup.runner.results import RunStatus, TestRun
from trueup.suggestion import Evidence, Recipe, SurfaceKind
from trueup.symbols import Outline
from trueup.verify import mutants, renames
from trueup.verify.pairing import aligned, function_of
from trueup.verify.tests import GREEN, RED, UNCHANGED_CODE, witnesses
from trueup.verify.trial import Trial, passed, unknown

COVERAGE: Final = "changed-statements"
CHECK: Final = "behaviour"
AT_ONCE: Final = 2
PATIENCE_SECONDS: Final = 3.0
PATIENCE_FACTOR: Final = 10.0
"""How much longer than on the candidate the tests may take on a mutant before they have hung."""
FUNCTIONS_MAX: Final = 200
"""More test functions than this are not named one by one."""


async def runs_every_changed_statement(trial: Trial) -> Evidence:
    """Every changed statement ran while the affected tests passed."""
    if trial.only_text:
        return passed(COVERAGE, UNCHANGED_CODE)
    if why := await trial.obstacle("no test ran"):
        return unknown(COVERAGE, why)
    after = (await trial.sides()).after
    wanted = [(path, item) for path, items in trial.statements.items() for item in items]
    missed = [(path, item) for path, item in wanted if not witnesses(after, path, item)]
    if not wanted:
        return unknown(COVERAGE, "nothing that changed leaves a trace when it runs")
    if missed:
        path, first = missed[0]
        return unknown(
            COVERAGE,
            f"{len(missed)} of {len(wanted)} changed statements did not run in any passing test",
            path,
            first.first,
        )
    if len(wanted) == 1:
        return passed(COVERAGE, "the changed statement ran")
    return passed(COVERAGE, f"all {len(wanted)} changed statements ran")


async def leaves_no_mistake_unnoticed(trial: Trial) -> Evidence:
    """The affected tests kill at least `mutants_killed_min` of the mutants of the changed lines."""
    if trial.only_text:
        return passed(CHECK, UNCHANGED_CODE)
    if _only_renames(trial):
        old, new = trial.goal.surface.old, trial.goal.surface.new
        if place := await asyncio.to_thread(_forgotten, trial):
            path, line = place
            return unknown(
                CHECK, f"{path} still says {old}; whether it means this one is not known",
                path, line,
            )  # fmt: skip
        return passed(CHECK, f"the syntax trees are equal but for {old} being called {new}")
    if local := _renamed_local(trial):
        return passed(
            CHECK, f"the syntax trees are equal but for {local[0]} being called {local[1]}"
        )
    if why := await trial.obstacle("no test ran"):
        return unknown(CHECK, why)
    after = (await trial.sides()).after
    if after.status is not RunStatus.FINISHED:
        return unknown(CHECK, "the tests did not finish")
    chosen = _chosen(trial)
    if not chosen:
        return unknown(CHECK, "the changed lines leave nothing to vary")
    outcomes = await _try_all(trial, chosen, after)
    tried = [(item, killed) for item, killed in outcomes if killed is not None]
    survivors = [item for item, killed in tried if not killed]
    killed_count = len(tried) - len(survivors)
    needed = math.ceil(trial.limits.mutants_killed_min * len(chosen))
    if killed_count >= needed:
        return passed(CHECK, f"the tests notice {killed_count} of {len(chosen)} small mistakes")
    shown = f", such as {survivors[0][1].says}" if survivors else ""
    if killed_count + len(chosen) - len(tried) >= needed:
        # Enough of them may be noticed; nobody knows.
        shown = f"; {len(chosen) - len(tried)} could not be tried"
    return unknown(
        CHECK,
        f"the tests notice {killed_count} of {len(chosen)} small mistakes in the changed lines"
        f" ({needed} are needed){shown}",
        survivors[0][0] if survivors else None,
        survivors[0][1].line if survivors else None,
    )


def _chosen(trial: Trial) -> tuple[tuple[str, mutants.Mutant], ...]:
    most = int(trial.limits.mutants)
    found: list[tuple[str, mutants.Mutant]] = []
    for path, statements in trial.statements.items():
        document = trial.after.get(path)
        if document is not None and statements:
            made = mutants.mutants_of(document.text, statements, most)
            found += [(path, mutant) for mutant in made]
    return tuple(found[:most])


@dataclass(frozen=True, slots=True)
class _Jury:
    """Tests that judge a mutant, and how they end on the candidate itself."""

    tests: tuple[str, ...]
    run: TestRun


async def _juries(
    trial: Trial, chosen: tuple[tuple[str, mutants.Mutant], ...], after: TestRun
) -> list[_Jury]:
    """For each mutant the tests that ran a changed line, or all that are affected.

    All of them where the line ran outside of a test, in an import. A test that only sees what
    another one left behind is not asked, so fewer mutants are noticed, never more.
    """
    everyone = _Jury((await trial.affected()).tests, after)
    runners = [_runners(trial, after, path, mutant.line) for path, mutant in chosen]
    names = {name for found in runners if "" not in found for name in found}
    # Whole functions, because the id of a parameter may be another one in the next run.
    few = tuple(sorted({function_of(name) for name in names}))
    if not few or len(few) > FUNCTIONS_MAX:
        return [everyone] * len(chosen)
    # Alone they may end otherwise than among the rest: what fails then proves nothing.
    alone = await trial.bed.run(trial.request(trial.after, few))
    if alone.status is not RunStatus.FINISHED:
        return [everyone] * len(chosen)
    return [_Jury(few, alone) if found and "" not in found else everyone for found in runners]


def _runners(trial: Trial, after: TestRun, path: str, line: int) -> frozenset[str]:
    """The passing tests that ran the changed statement at `line`; "" among them is no test."""
    statement = next((item for item in trial.statements[path] if line in item.lines), None)
    return witnesses(after, path, statement) if statement is not None else frozenset()


async def _try_all(
    trial: Trial, chosen: tuple[tuple[str, mutants.Mutant], ...], after: TestRun
) -> list[tuple[tuple[str, mutants.Mutant], bool | None]]:
    """Whether each mutant was noticed; None where time ran out or the run said nothing."""
    juries = await _juries(trial, chosen, after)
    gate = asyncio.Semaphore(AT_ONCE)
    outcomes: dict[int, bool | None] = dict.fromkeys(range(len(chosen)))

    async def one(index: int) -> None:
        async with gate:
            path, mutant = chosen[index]
            outcomes[index] = await _noticed(trial, path, mutant, juries[index])

    tasks = [asyncio.create_task(one(index)) for index in range(len(chosen))]
    try:
        await asyncio.wait(tasks, timeout=trial.limits.mutants_seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [(chosen[index], outcome) for index, outcome in outcomes.items()]


async def _noticed(trial: Trial, path: str, mutant: mutants.Mutant, jury: _Jury) -> bool | None:
    """Killed means: a named test that passes on the candidate fails on the mutant, or it hangs."""
    document = replace(trial.after.documents[path], text=mutant.text)
    request = trial.request(trial.after.having(document), jury.tests)
    # A mistake may well be an endless loop, which must not use up the time of all the others.
    patience = min(request.timeout_s, PATIENCE_SECONDS + PATIENCE_FACTOR * jury.run.elapsed_s)
    run = await trial.bed.run(replace(request, stop_early=True, timeout_s=patience))
    run = aligned(jury.run, run)
    green = {name for name, result in jury.run.results.items() if result.outcome in GREEN}
    if any(run.results[name].outcome in RED for name in run.results.keys() & green):
        return True
    if run.status is RunStatus.TIMED_OUT:
        return True
    return None if run.status is not RunStatus.FINISHED or run.collection_errors else False


def _only_renames(trial: Trial) -> bool:
    surface = trial.goal.surface
    if surface.kind is not SurfaceKind.RENAME:
        return False
    names = surface.old.rpartition(".")[2], surface.new.rpartition(".")[2]
    return renames.only_renames(trial.before, trial.after, trial.candidate.paths, names)


def _renamed_local(trial: Trial) -> tuple[str, str] | None:
    """The old and the new name, where all that changes is what a variable is called."""
    goal = trial.goal
    old, new = trial.before.get(goal.path), trial.after.get(goal.path)
    if goal.recipe is not Recipe.RENAME or trial.candidate.paths != (goal.path,):
        return None
    if old is None or new is None:
        return None
    place = Outline(old.text).identifier_at(goal.span.start)
    names = (old.text[place.start : place.end] if place else "", goal.name)
    line = old.line_at(goal.span.start) + 1
    return names if renames.only_renames_a_local(old.text, new.text, line, names) else None


def _forgotten(trial: Trial) -> tuple[str, int] | None:
    """Where the project, with the change in it, still uses the old name of what was renamed."""
    base = trial.before.get(trial.goal.path)
    old = trial.goal.surface.old.rpartition(".")[2]
    paths = {*workspace.python_files(trial.after.root), *trial.candidate.paths}
    for path in sorted(paths):
        document = trial.after.get(path)
        try:
            document = document or workspace.read(trial.after.root, path)
        except InputError:
            continue
        line = renames.still_used(document.text, old, base) if base is not None else None
        if line is not None:
            return path, line
    return None
