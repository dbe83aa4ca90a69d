"""How many small mistakes in the changed lines the tests would notice.

Mutants of the changed lines run against the tests that ran those lines, within a time limit. A
mutant that could not be tried is neither noticed nor missed. And each expression that differs is
altered: a change in what no test depends on may be wrong without anybody noticing.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from trueup.runner.results import RunStatus, TestRun
from trueup.snapshot import Snapshot
from trueup.verify import mutants
from trueup.verify.alterations import Alteration, alterations
from trueup.verify.pairing import aligned, function_of
from trueup.verify.pieces import chosen_of, functions_of_both, pieces
from trueup.verify.tests import GREEN, RED, witnesses
from trueup.verify.trial import Trial

AT_ONCE: Final = 2
PATIENCE_SECONDS: Final = 3.0
PATIENCE_FACTOR: Final = 10.0
"""How much longer than on the candidate the tests may take on a mutant before they have hung."""
PIECES_MAX: Final = 6
"""Expressions of one function that are altered, of both sides together."""
FUNCTIONS_MAX: Final = 200
"""More test functions than this are not named one by one."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """`tried` of `made` mutants came to an end, `killed` of them were noticed, of `needed`."""

    made: int
    tried: int
    killed: int
    needed: int
    survivor: tuple[str, mutants.Mutant] | None

    @property
    def enough(self) -> bool:
        return self.made > 0 and self.killed >= self.needed


async def noticed(trial: Trial) -> Noticed:
    """Tries the mutants of the changed lines of the candidate, whose tests ran."""
    after = (await trial.sides()).after
    chosen = _chosen(trial)
    outcomes = await _try_all(trial, chosen, after) if chosen else []
    tried = [(item, killed) for item, killed in outcomes if killed is not None]
    survivors = [item for item, killed in tried if not killed]
    return Noticed(
        made=len(chosen),
        tried=len(tried),
        killed=len(tried) - len(survivors),
        needed=math.ceil(trial.limits.mutants_killed_min * len(chosen)),
        survivor=survivors[0] if survivors else None,
    )


async def indifferent(trial: Trial) -> tuple[str, int, str] | None:
    """What no affected test depends on, of what the candidate changes in functions: the path, the
    line in the side it is from, and a clause. None where there is no such thing.
    """
    sides = await trial.sides()
    tests = (await trial.affected()).tests
    juries = (_Jury(tests, sides.before), _Jury(tests, sides.after))
    found = [item for item in _altered(trial) if juries[item.side].run.status is RunStatus.FINISHED]
    gate = asyncio.Semaphore(AT_ONCE)

    async def noticed(altered: _Altered) -> bool | None:
        async with gate:
            return await _noticed(trial, altered.snapshot, juries[altered.side])

    tasks = [asyncio.create_task(noticed(item)) for item in found]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=trial.limits.mutants_seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for item, task in zip(found, tasks, strict=True):
        place = item.path, item.alteration.line
        if task.cancelled():
            return *place, "there was no time to find out what matters to the tests"
        if task.result() is False:
            return *place, f"{item.alteration.unnoticed} in any test"
    return None


@dataclass(frozen=True, slots=True)
class _Altered:
    path: str
    side: int
    alteration: Alteration
    snapshot: Snapshot


def _altered(trial: Trial) -> Iterator[_Altered]:
    for path in trial.statements:
        sides = [(side, side.get(path)) for side in (trial.before, trial.after)]
        texts = tuple(document.text for _, document in sides if document is not None)
        if len(texts) != 2:
            continue
        for name in functions_of_both(*texts):
            chosen = chosen_of(*pieces(*texts, name), PIECES_MAX)
            for number, (snapshot, _) in enumerate(sides):
                for item in alterations(texts[number], chosen[number], many_calls=False):
                    altered = replace(snapshot.documents[path], text=item.text)
                    yield _Altered(path, number, item, snapshot.having(altered))


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
            document = replace(trial.after.documents[path], text=mutant.text)
            outcomes[index] = await _noticed(trial, trial.after.having(document), juries[index])

    tasks = [asyncio.create_task(one(index)) for index in range(len(chosen))]
    try:
        await asyncio.wait(tasks, timeout=trial.limits.mutants_seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [(chosen[index], outcome) for index, outcome in outcomes.items()]


async def _noticed(trial: Trial, mistaken: Snapshot, jury: _Jury) -> bool | None:
    """Killed means: a named test that passes without the mistake fails with it, or it hangs."""
    request = trial.request(mistaken, jury.tests)
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
