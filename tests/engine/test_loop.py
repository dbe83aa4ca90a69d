"""The model's loop: several candidates at once, what wins, and when it stops."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from pathlib import Path

import pytest

from support import jobs
from support.jobs import LONGER, RIGHT, WORSE, WRONG, answer
from support.messages_server import Fault, MessagesServer, Reply, Request
from trueup.engine.judging import size
from trueup.propose.proposal import Failure, FailureKind
from trueup.suggestion import Ruling, Suggestion

TOGETHER_SECONDS = 20.0


def outcome(made: object) -> Ruling:
    assert isinstance(made, Suggestion), made
    return made.verdict.outcome


class Together:
    """Replies of which none is given before all of their requests have come."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)
        self._barrier = threading.Barrier(len(replies))
        self._lock = threading.Lock()

    def __call__(self, _: Request) -> Reply:
        self._barrier.wait(TOGETHER_SECONDS)
        with self._lock:
            return self._replies.pop(0)


async def test_the_first_is_wrong_the_second_wins_and_they_overlap(root: Path) -> None:
    """Neither answer comes before both were asked for."""
    both = Together(answer(WRONG), answer(RIGHT))
    with MessagesServer(both, both) as server:
        made = await jobs.run(root, jobs.about(root), server.url, limits={"first_candidates": 2})
    assert outcome(made) is Ruling.VERIFIED
    first, second = jobs.only_trace().calls
    assert max(first.began_ms, second.began_ms) < min(
        first.began_ms + first.elapsed_ms, second.began_ms + second.elapsed_ms
    )
    assert {item.outcome for item in jobs.only_trace().tried} <= {"verified", "rejected"}


async def test_the_first_round_asks_once_and_the_second_twice(root: Path) -> None:
    both = Together(answer(WORSE), answer(RIGHT))
    with MessagesServer(answer(WRONG), both, both) as server:
        made = await jobs.run(root, jobs.about(root), server.url)
    assert outcome(made) is Ruling.VERIFIED
    first, *round_two = [request.body["messages"] for request in server.requests]
    assert len(first) == 1
    by_length = sorted(round_two, key=len)
    anew, repaired = by_length
    # One goes on with the answer and what was found on it, the other begins anew and is told.
    assert [len(anew), len(repaired)] == [1, 3]
    assert repaired[0] == first[0]
    assert anew[0]["content"][0]["text"] == first[0]["content"]
    told = anew[0]["content"][1]["text"]
    assert "what was found on another answer to this" in told
    assert told.splitlines()[1:-3] == repaired[2]["content"].splitlines()[1:-3] != []


async def test_the_smallest_that_is_verified_wins(root: Path) -> None:
    both = Together(answer(LONGER), answer(RIGHT))
    with MessagesServer(both, both) as server:
        made = await jobs.run(root, jobs.about(root), server.url, limits={"first_candidates": 2})
    tried = jobs.only_trace().tried
    assert outcome(made) is Ruling.VERIFIED
    if [item.outcome for item in tried].count("verified") == 2:
        assert isinstance(made, Suggestion)
        assert size(made.candidate.edits) < len(LONGER)
        assert "The sum." in str(made.candidate.edits)


async def test_what_is_still_asked_for_is_called_off_and_settled(root: Path) -> None:
    held = dataclasses.replace(answer(LONGER), hold_after=3)
    both = Together(held, answer(RIGHT))
    with MessagesServer(both, both) as server:
        made = await jobs.run(root, jobs.about(root), server.url, limits={"first_candidates": 2})
        assert outcome(made) is Ruling.VERIFIED
        kept = [request for request in server.requests if request.held.is_set()]
        assert await asyncio.to_thread(kept[0].gone.wait, 10)
    trace = jobs.only_trace()
    assert sorted(call.ending for call in trace.calls) == ["answered", "cancelled"]
    assert jobs.reserved_and_spent() == (0, trace.usage.total)


async def test_a_budget_for_one_asks_for_one(root: Path) -> None:
    """The second of two at once is refused before it is sent, and the first goes on."""
    with MessagesServer(answer(RIGHT)) as server:
        made = await jobs.run(
            root,
            jobs.about(root),
            server.url,
            limits={"first_candidates": 2},
            budget={"suggestion_tokens": 25_000},
        )
        assert len(server.requests) == 1
    assert outcome(made) is Ruling.VERIFIED
    assert sorted(call.ending for call in jobs.only_trace().calls) == ["answered", "budget"]


async def test_the_budget_ends_the_loop_with_the_best_so_far(root: Path) -> None:
    with MessagesServer(dataclasses.replace(answer(WRONG), output_tokens=15_000)) as server:
        made = await jobs.run(
            root, jobs.about(root), server.url, budget={"suggestion_tokens": 20_000}
        )
        assert len(server.requests) == 1
    assert isinstance(made, Suggestion)
    assert outcome(made) is Ruling.REJECTED
    assert made.stopped.startswith("the budget of this suggestion is 20,000 tokens")
    assert jobs.only_trace().sentence == made.stopped


async def test_time_ends_the_loop_with_the_best_so_far(root: Path) -> None:
    held = dataclasses.replace(answer(RIGHT), hold_after=3)
    with MessagesServer(answer(WRONG), held, held) as server:
        made = await jobs.run(root, jobs.about(root), server.url, limits={"job_seconds": 4})
    assert isinstance(made, Suggestion)
    assert outcome(made) is Ruling.REJECTED
    assert made.stopped == "Document total took longer than 4 s"
    assert jobs.reserved_and_spent()[0] == 0


async def test_rounds_end(root: Path) -> None:
    elsewhere = answer("def bill(prices):\n    return total(prices)\n", "shop/bill.py", "bill")
    with MessagesServer(answer(WRONG), elsewhere) as server:
        made = await jobs.run(
            root, jobs.about(root), server.url, limits={"repair_rounds": 1, "candidates": 1}
        )
    assert isinstance(made, Suggestion)
    assert (made.rounds, made.stopped) == (2, "the model had 2 tries")


@pytest.mark.parametrize(
    ("replies", "stopped"),
    [
        ((answer(WRONG), answer(WRONG)), "the model proposes again what was rejected before"),
        ((Reply("No."), Reply("No.")), "the model's answer is not JSON: No."),
    ],
)
async def test_a_repetition_ends_it(root: Path, replies: tuple[Reply, ...], stopped: str) -> None:
    with MessagesServer(*replies) as server:
        made = await jobs.run(root, jobs.about(root), server.url, limits={"candidates": 1})
        assert len(server.requests) == 2
    assert (made.stopped if isinstance(made, Suggestion) else made.sentence) == stopped


async def test_a_model_that_cannot_be_asked_leaves_it_to_ruff(root: Path) -> None:
    (root / jobs.SOURCE).write_text(
        "def total(prices):\n    if len(prices) > 0:\n        return True\n    return False\n"
    )
    goal = dataclasses.replace(
        jobs.about(root), recipe=jobs.Recipe.SIMPLIFY, surface=jobs.Surface()
    )
    with MessagesServer(Fault(401)) as server:
        made = await jobs.run(root, goal, server.url)
    assert isinstance(made, Suggestion), made
    assert made.candidate.proposer == "ruff"
    assert made.stopped.endswith("does not accept the key")


async def test_where_ruff_has_nothing_either_it_is_said(root: Path) -> None:
    with MessagesServer(Fault(401)) as server:
        made = await jobs.run(root, jobs.about(root), server.url)
    assert isinstance(made, Failure)
    assert made.kind is FailureKind.AUTH
    assert made.sentence.endswith("does not accept the key; Ruff has nothing for it either")
