"""The plan: what is in it, what it holds a run to, and that an entry taken out changes the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support import jobs
from support.jobs import RIGHT, SOURCE, answer
from support.messages_server import MessagesServer, Reply, edits_reply
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup import workspace
from trueup.engine import job, plan
from trueup.engine.beds import Beds
from trueup.settings import load
from trueup.snapshot import Snapshot
from trueup.suggestion import Goal, Plan, Recipe, Ruling, Suggestion, Surface
from trueup.trust import Answer

DECISION = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: Money is rounded once
status: accepted
scope: {paths: ["shop/**"]}
---
# Money is rounded once

At the end, never before.
"""
CALLED = f"{SOURCE}::total"


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


async def planned(root: Path, goal: Goal) -> plan.Planned:
    snapshot = Snapshot.of(str(root), (workspace.read(str(root), goal.path),))
    settings = load(str(root))
    return await plan.make(goal, snapshot, settings, Beds().bed(str(root), settings, jobs.nobody))


async def test_a_plan_names_what_belongs_to_the_goal(root: Path) -> None:
    jobs.put(root, {"docs/decisions/0001-rounding.md": DECISION, "AGENTS.md": "Be brief.\n"})
    made = await planned(root, jobs.about(root))
    assert made.plan == Plan(
        changes=(CALLED,),
        shown=("shop/round.py::rounded", "shop/bill.py::bill"),
        tests=("tests/test_total.py",),
        decisions=("01JD3Y6Q8T5V0W9X2Z4B6C8D0E",),
    )
    assert made.plan.sentence == (
        "change shop/total.py::total, judged by 1 test file, with 2 related places in view,"
        " under 1 decision"
    )
    assert [piece.heading for piece in made.material.said] == [
        "the rules in AGENTS.md",
        "the decision 0001",
    ]
    assert [piece.place for piece in made.material.tests] == ["tests/test_total.py::test_total"]


@pytest.mark.parametrize(
    ("taken_out", "gone"),
    [
        ({"shown": ("shop/bill.py::bill",)}, "def rounded"),
        ({"decisions": ()}, "never before"),
        ({"tests": ()}, "def test_total"),
    ],
)
async def test_an_entry_taken_out_is_not_shown(
    root: Path, taken_out: dict[str, tuple[str, ...]], gone: str
) -> None:
    jobs.put(root, {"docs/decisions/0001-rounding.md": DECISION})
    goal = jobs.about(root)
    full = (await planned(root, goal)).plan
    with MessagesServer(answer(RIGHT), answer(RIGHT)) as server:
        await jobs.run(root, goal, server.url)
        await jobs.run(root, replace(goal, plan=replace(full, **taken_out)), server.url)
    with_it, without = (str(request.body) for request in server.requests)
    assert gone in with_it
    assert gone not in without


async def test_a_place_taken_out_must_not_be_changed(root: Path) -> None:
    goal = jobs.about(root)
    empty = replace((await planned(root, goal)).plan, changes=(f"{SOURCE}::other",))
    with MessagesServer(answer(RIGHT)) as server:
        made = await jobs.run(
            root, replace(goal, plan=empty), server.url, limits={"repair_rounds": 0}
        )
    assert isinstance(made, Suggestion)
    assert made.verdict.outcome is Ruling.REJECTED
    assert "outside other and the imports" in made.verdict.missing[0].detail


def two_files(after_total: str, after_bill: str) -> Reply:
    return edits_reply(
        "Name the currency",
        [
            {"path": SOURCE, "symbol": "total", "after": after_total},
            {"path": "shop/bill.py", "symbol": "bill", "after": after_bill},
        ],
    )


BILL = 'def bill(prices):\n    """A line."""\n    return f\'{total(prices)} EUR\'\n'


async def test_a_place_put_in_may_be_changed_in_another_file(root: Path) -> None:
    goal = jobs.about(root)
    full = (await planned(root, goal)).plan
    wider = replace(full, changes=(*full.changes, "shop/bill.py::bill"))
    both = two_files(RIGHT, BILL)
    with MessagesServer(both, both) as server:
        refused = await jobs.run(root, goal, server.url, limits={"repair_rounds": 0})
        made = await jobs.run(root, replace(goal, plan=wider), server.url)
    assert isinstance(refused, Suggestion)
    assert "edits shop/bill.py; it was asked about" in refused.verdict.missing[0].detail
    assert isinstance(made, Suggestion)
    assert made.verdict.outcome is Ruling.VERIFIED, made.verdict.missing
    assert made.candidate.paths == ("shop/bill.py", SOURCE)
    asked = server.requests[1].body["messages"][0]["content"]
    assert "These may change too where that needs it: shop/bill.py::bill" in asked
    assert "EUR" in asked


async def test_a_test_taken_out_is_not_run_and_its_word_is_unknown(
    root: Path, interpreter: Path
) -> None:
    jobs.put(root, {"conftest.py": ""})
    goal = replace(jobs.about(root), recipe=Recipe.SIMPLIFY, surface=Surface())
    full = (await planned(root, goal)).plan
    simpler = answer("def total(prices):\n    return rounded(sum(iter(prices)))\n")

    async def trusting(_says: str, choices: tuple[str, ...]) -> str:
        return Answer.ONCE if Answer.ONCE in choices else ""

    async def run(wanted: Goal) -> Suggestion:
        beds = Beds()
        start = jobs.start(root, wanted, server.url, interpreter=str(interpreter))
        try:
            made = await job.run(start, job.Ports(beds, trusting, lambda _: None))
        finally:
            await beds.close()
        assert isinstance(made, Suggestion), made
        return made

    with MessagesServer(simpler, simpler) as server:
        whole = await run(goal)
        less = await run(replace(goal, plan=replace(full, tests=())))
    assert whole.tests.selected == 1
    said = {found.check: found.detail for found in less.verdict.evidence}
    assert less.verdict.outcome is Ruling.UNPROVEN
    assert said["tests"] == "the plan leaves out every test that can see the change"
    assert less.tests.selected == 0


async def test_the_trace_holds_the_plan_and_progress_says_it(root: Path) -> None:
    said: list[str] = []
    with MessagesServer(answer(RIGHT)) as server:
        made = await jobs.run(root, jobs.about(root), server.url, said)
    assert isinstance(made, Suggestion)
    assert made.plan is not None
    assert f"plan: {made.plan.sentence}" in said
    assert jobs.only_trace().plan == (
        made.plan.sentence,
        f"may change {CALLED}",
        "shows shop/round.py::rounded",
        "shows shop/bill.py::bill",
        "judged by tests/test_total.py",
    )
