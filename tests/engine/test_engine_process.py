"""The engine as a process: what the front does when it crashes, hangs, or dies on an input."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from pathlib import Path

import pytest

from support.jobs import nobody
from trueup import EngineError
from trueup.engine.client import Engine
from trueup.engine.messages import Declined, Start
from trueup.snapshot import Span
from trueup.suggestion import Goal, GoalKind, Recipe

GOAL = Goal(GoalKind.FIX, Recipe.INSTRUCT, "a.py", Span(0, 1), instruction="Do it.")
START = Start(0, "/nowhere", GOAL)
OTHER = dataclasses.replace(START, goal=dataclasses.replace(GOAL, instruction="Do that."))

# Engines that are as bad as can be; each writes a line when it starts.
BEGIN = "import sys, json, time; open(sys.argv[1], 'a').write('started\\n'); "
CRASHES = BEGIN + "line = sys.stdin.readline(); sys.exit(9)"
HANGS = BEGIN + "line = sys.stdin.readline(); time.sleep(600)"
ANSWERS_ALL_BUT_ONE = BEGIN + (
    "\nfor line in sys.stdin:\n"
    "    start = json.loads(line)\n"
    "    if start['goal']['instruction'] == 'Do it.': sys.exit(9)\n"
    "    says = {'type': 'Declined', 'job': start['job'], 'says': 'no'}\n"
    "    print(json.dumps(says), flush=True)\n"
)


def engine(code: str, file: Path, **options: float) -> Engine:
    return Engine((sys.executable, "-c", code, str(file)), **options)


def silent(_says: str) -> None:
    pass


def starts(file: Path) -> int:
    return len(file.read_text().splitlines())


async def test_what_crashed_it_twice_is_not_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "starts"
    tried = engine(ANSWERS_ALL_BUT_ONE, file)
    for _ in range(2):
        with pytest.raises(EngineError, match="stopped unexpectedly; nothing was changed"):
            await tried.run(START, silent, nobody)
    assert starts(file) == 2
    with pytest.raises(EngineError, match="has stopped twice on this"):
        await tried.run(START, silent, nobody)
    assert starts(file) == 2
    # What is different is tried: the engine lives on for everything else.
    assert isinstance(await tried.run(OTHER, silent, nobody), Declined)
    assert starts(file) == 3
    await tried.close()


async def test_a_success_in_between_clears_nothing_of_another(tmp_path: Path) -> None:
    file = tmp_path / "starts"
    tried = engine(ANSWERS_ALL_BUT_ONE, file)
    for _ in range(2):
        with pytest.raises(EngineError, match="unexpectedly"):
            await tried.run(START, silent, nobody)
        assert isinstance(await tried.run(OTHER, silent, nobody), Declined)
    with pytest.raises(EngineError, match="twice"):
        await tried.run(START, silent, nobody)
    await tried.close()


async def test_an_engine_that_says_nothing_is_ended(tmp_path: Path) -> None:
    tried = engine(HANGS, tmp_path / "starts", hang_seconds=0.5)
    with pytest.raises(EngineError, match="stopped unexpectedly"):
        async with asyncio.timeout(20):
            await tried.run(START, silent, nobody)
    await tried.close()


async def test_an_engine_that_hangs_is_ended_by_cancelling(tmp_path: Path) -> None:
    file = tmp_path / "starts"
    tried = engine(HANGS, file)
    task = asyncio.create_task(tried.run(START, silent, nobody))
    while not file.exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(20):
            await task
    assert not tried.is_running
    await tried.close()


async def test_a_real_engine_says_that_it_lives() -> None:
    """So that a long silence means a hang, and not a long run of tests."""
    tried = Engine(hang_seconds=30.0)
    answer = await tried.run(START, silent, nobody)
    assert isinstance(answer, Declined)
    assert tried.is_running
    await tried.close()
