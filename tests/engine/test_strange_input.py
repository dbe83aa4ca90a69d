"""What no loop was made for: one clear sentence each, and what is deterministic goes on."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import pytest

from support import jobs
from support.jobs import RIGHT, SOURCE, answer
from support.messages_server import Fault, Json, MessagesServer, Request
from trueup import InputError
from trueup.engine import job, shown
from trueup.engine.messages import OpenDocument
from trueup.operations.budget import Purse
from trueup.propose.proposal import Failure
from trueup.settings import Budget
from trueup.snapshot import Span
from trueup.suggestion import Goal, GoalKind, Recipe, Ruling, Suggestion
from trueup.workspace import FILE_BYTES_MAX

BIG = "def big():\n" + "    x = 1\n" * ((3 << 20) // 10)


async def test_a_function_of_three_megabytes_on_disk_is_not_read(root: Path) -> None:
    (root / "shop/big.py").write_text(BIG)
    goal = Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, "shop/big.py", Span(0, 3), symbol="big")
    with MessagesServer() as server, pytest.raises(InputError) as problem:
        await jobs.run(root, goal, server.url)
    assert str(problem.value) == f"shop/big.py is larger than {FILE_BYTES_MAX >> 10} KiB"
    assert server.requests == []


async def test_a_function_of_three_megabytes_in_a_buffer_is_not_sent(root: Path) -> None:
    goal = Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, "shop/big.py", Span(0, 3), symbol="big")
    with MessagesServer() as server:
        begin = jobs.start(root, goal, server.url)
        opened = dataclasses.replace(begin, documents=(OpenDocument("shop/big.py", BIG, 1),))
        made = await job.run(opened, jobs.ports())
        assert server.requests == []
    assert isinstance(made, Failure)
    assert made.sentence == (
        f"shop/big.py is too long for a model: it has {len(BIG):,} characters, and 500,000 are the"
        " most; Ruff has nothing for it either"
    )


async def test_a_file_that_is_not_python(root: Path) -> None:
    (root / "notes.txt").write_text("Buy milk.\n")
    goal = Goal(GoalKind.FIX, Recipe.INSTRUCT, "notes.txt", Span(0, 3), instruction="Buy tea.")
    with MessagesServer() as server:
        server.always(answer("", "notes.txt"))
        made = await jobs.run(root, goal, server.url, limits={"repair_rounds": 0})
    assert not isinstance(made, Suggestion) or made.verdict.outcome is not Ruling.VERIFIED
    said = made.stopped if isinstance(made, Suggestion) else made.sentence
    assert said == "there is no symbol total in notes.txt"


async def test_a_clock_that_jumps_bends_no_budget_and_no_timeline(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between asking and answering the clock goes back by ten years, and then far ahead."""
    honest, jumps = time.time, iter((-10 * 365 * 86_400.0, 10 * 365 * 86_400.0))

    def jumping(_: Request) -> object:
        by = next(jumps)
        monkeypatch.setattr(time, "time", lambda: honest() + by)
        return answer(jobs.WRONG if by < 0 else RIGHT)

    with MessagesServer(jumping, jumping) as server:  # type: ignore[arg-type]
        made = await jobs.run(root, jobs.about(root), server.url, limits={"candidates": 1})
    monkeypatch.undo()
    assert isinstance(made, Suggestion)
    assert made.verdict.outcome is Ruling.VERIFIED
    assert 0 <= made.elapsed_ms < 60_000


async def test_an_expired_model_is_passed_over_for_the_next(root: Path) -> None:
    def known(request: Request) -> object:
        return answer(RIGHT) if request.body["model"] == "new" else Fault(404)

    with MessagesServer(known, known) as server:  # type: ignore[arg-type]
        model: Json = {"base_url": server.url, "models": ["old", "new"]}
        made = await jobs.run(root, jobs.about(root), server.url, model=model)
    assert isinstance(made, Suggestion)
    assert made.candidate.proposer == "new"


async def test_a_budget_of_nothing_asks_no_model_and_ruff_goes_on(root: Path) -> None:
    (root / SOURCE).write_text("def total(prices):\n    return list(p for p in prices)\n")
    goal = dataclasses.replace(jobs.about(root), recipe=Recipe.SIMPLIFY, surface=jobs.Surface())
    with MessagesServer() as server:
        made = await jobs.run(root, goal, server.url, budget={"day_tokens": 0})
        assert server.requests == []
    assert isinstance(made, Suggestion), made
    assert made.candidate.proposer == "ruff"
    assert made.stopped.startswith("the budget of today is 0 tokens")
    assert Purse(Budget(), "any").spent().spent.day.tokens == 0


async def test_a_secret_and_an_ignored_file_are_in_no_prompt(root: Path) -> None:
    """Not of the place, not of what it calls, and not where somebody asks to see it first."""
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    (root / SOURCE).write_text(f'TOKEN = "{secret}"\n{jobs.CODE}')
    (root / ".gitignore").write_text("shop/round.py\n")
    begin = jobs.start(root, jobs.about(root), "http://127.0.0.1:9")
    made = await shown.run(begin, jobs.ports())
    assert isinstance(made, shown.Shown)
    for text in (made.text, made.request.json, json.dumps(made.request.body)):
        assert secret not in text
        assert "def rounded" not in text
    assert "TRUEUP_SECRET" in made.text
    assert "def bill" in made.text
