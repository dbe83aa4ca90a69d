"""Each way in which a call can end, at each stage of the loop: no hang, no loss, the right words,
and a trace that is complete.

A row is one ending: what the server does, the kind of failure, how its sentence begins, and how
many requests one call makes of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from support import jobs
from support.jobs import LONGER, RIGHT, WRONG, answer
from support.messages_server import Fault, Item, MessagesServer, Reply, Request
from trueup import InputError
from trueup.engine import job
from trueup.engine.judging import Made
from trueup.propose import model
from trueup.propose.proposal import Failure
from trueup.snapshot import Edit, Span
from trueup.suggestion import Candidate, Ruling, Suggestion

SECONDS: Final = 30.0
"""Far more than any of these takes; a hang fails here."""


@dataclass(frozen=True)
class Ending:
    item: Item
    kind: str
    says: str
    requests: int = 1


WHOLE: Final = answer(LONGER)
ENDINGS: Final = {
    "truncated": Ending(
        dataclasses.replace(WHOLE, stop_reason="max_tokens"), "truncated", "the answer of claude"
    ),
    "ends-early": Ending(
        dataclasses.replace(WHOLE, cut_after=4), "truncated", "the answer of claude", 2
    ),
    "refused": Ending(Reply(stop_reason="refusal"), "refused", "claude-sonnet-5-5 refuses"),
    "overloaded": Ending(
        Fault(529, headers={"retry-after": "0"}), "overloaded", "claude-sonnet-5-5 is overloaded", 2
    ),
    "overloaded-inside": Ending(
        dataclasses.replace(WHOLE, error_after=3), "overloaded", "claude-sonnet-5-5 is over", 2
    ),
    "rate-limited": Ending(
        Fault(429, headers={"retry-after": "3600"}), "rate-limited", "HOST asks to wait 3600 s"
    ),
    "network": Ending(
        dataclasses.replace(WHOLE, cut_after=4, cut="reset"), "unreachable", "the connection to", 2
    ),
    "gateway": Ending(
        Fault(502, body=b"<html>Bad gateway</html>", headers={"retry-after": "0"}),
        "unreachable",
        "HOST failed with status 502",
        2,
    ),
    "a-page-of-a-proxy": Ending(
        Fault(200, body=b"<html>Please sign in</html>"), "protocol", "HOST answered in a form", 2
    ),
    "half-an-event": Ending(
        dataclasses.replace(WHOLE, inject={3: b"event: content_block_delta\ndata: {no\n\n"}),
        "protocol",
        "HOST answered in a form",
        2,
    ),
    "wrong-key": Ending(Fault(401), "auth", "HOST does not accept the key"),
    "expired-model": Ending(Fault(404), "cannot", "HOST has no model called claude-sonnet-5-5"),
    "spend-limit": Ending(Fault(402), "spend-limit", "the account's spending limit is reached"),
    "too-long": Ending(Fault(413), "context-exceeded", "the prompt is too long for claude"),
    "nonsense": Ending(Reply("Sorry."), "nonsense", "the model's answer is not JSON"),
}


ALWAYS: Final = frozenset({"refused", "network", "a-page-of-a-proxy", "spend-limit"})
"""The endings that every run tries at the later stages; the others are left to the soak."""


def later(name: str) -> str:
    return name if name in ALWAYS else f"many-{name}"


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "BACKOFF_SECONDS", 0.0)


async def run(root: Path, server: MessagesServer, **limits: float) -> Made:
    chosen = {"candidates": 1, "repair_rounds": 1, **limits}
    async with asyncio.timeout(SECONDS):
        return await jobs.run(root, jobs.about(root), server.url, limits=chosen)


def told(sentence: str, server: MessagesServer) -> str:
    return sentence.replace(server.url.removeprefix("http://"), "HOST")


def nothing_is_lost() -> None:
    """Every call is in the trace with how it ended, and the ledger says what the trace says."""
    trace = jobs.only_trace()
    assert trace.outcome
    assert all(call.ending and call.sent for call in trace.calls)
    assert jobs.reserved_and_spent() == (0, trace.usage.total)


@pytest.mark.parametrize("name", ENDINGS)
async def test_proposing(root: Path, name: str) -> None:
    ending = ENDINGS[name]
    with MessagesServer() as server:
        server.always(ending.item)
        made = await run(root, server, repair_rounds=0)
        assert isinstance(made, Failure), made
        assert made.kind.value == ending.kind == jobs.only_trace().outcome
        assert told(made.sentence, server).startswith(ending.says)
        assert len(server.requests) == ending.requests
    nothing_is_lost()


@pytest.mark.parametrize("name", ENDINGS, ids=later)
async def test_repairing(root: Path, name: str) -> None:
    """The candidate of the round before is not lost, and what ended the loop is said."""
    ending = ENDINGS[name]
    with MessagesServer(answer(WRONG)) as server:
        server.always(ending.item)
        made = await run(root, server)
        assert isinstance(made, Suggestion), made
        assert made.verdict.outcome is Ruling.REJECTED
        said = told(made.stopped, server)
        assert said.startswith(ending.says) or said == "the model had 2 tries"
        assert len(server.requests) == 1 + ending.requests
    nothing_is_lost()
    trace = jobs.only_trace()
    assert [item.outcome for item in trace.tried] == ["rejected", ending.kind]


@pytest.mark.parametrize("name", ENDINGS, ids=later)
async def test_beside_another(root: Path, name: str) -> None:
    """Of two at once, one ends badly: the other one wins, whichever comes first."""
    ending = ENDINGS[name]
    replies: list[Item] = [answer(RIGHT), *[ending.item] * ending.requests]
    with MessagesServer(*replies) as server:
        server.always(ending.item)
        made = await run(root, server, first_candidates=2)
        assert isinstance(made, Suggestion), made
        assert made.verdict.outcome is Ruling.VERIFIED
        assert made.stopped == ""
    nothing_is_lost()


HELD: Final = dataclasses.replace(answer(RIGHT), hold_after=4)


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        ((HELD,), {}),
        ((answer(WRONG), HELD), {}),
        ((HELD, HELD), {"first_candidates": 2}),
    ],
    ids=["proposing", "repairing", "beside-another"],
)
async def test_cancelling(root: Path, script: tuple[Item, ...], limits: dict[str, float]) -> None:
    """The connections are closed, what was taken is counted, and the trace says so."""
    held = script.count(HELD)
    with MessagesServer(*script) as server:
        task = asyncio.create_task(run(root, server, **limits))
        waiting: list[Request] = []
        while len(waiting) < held:
            request = await asyncio.to_thread(server.arrived.get, timeout=SECONDS)
            if len(server.requests) > len(script) - held:
                assert await asyncio.to_thread(request.held.wait, SECONDS)
                waiting.append(request)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for request in waiting:
            assert await asyncio.to_thread(request.gone.wait, SECONDS)
    nothing_is_lost()
    trace = jobs.only_trace()
    assert trace.outcome == "cancelled"
    assert [call.ending for call in trace.calls].count("cancelled") == held


# -- judging again, without a model ---------------------------------------------------------------


async def again(root: Path, edit: Edit, say: Callable[[str], None] = lambda _: None) -> Made:
    candidate = Candidate("Document it", (edit,), "claude", deterministic=False)
    start = jobs.start(root, jobs.about(root), "http://127.0.0.1:9")
    async with asyncio.timeout(SECONDS):
        return await job.run(dataclasses.replace(start, candidate=candidate), jobs.ports(say))


async def test_judging_again_asks_no_model(root: Path) -> None:
    place = jobs.about(root).span
    made = await again(root, Edit(jobs.SOURCE, place, RIGHT.rstrip()))
    assert isinstance(made, Suggestion)
    assert made.verdict.outcome is Ruling.VERIFIED
    assert jobs.only_trace().calls == ()
    nothing_is_lost()


async def test_judging_again_what_does_not_fit_any_more(root: Path) -> None:
    with pytest.raises(InputError, match="the change does not fit the text"):
        await again(root, Edit(jobs.SOURCE, Span(9_000, 9_001), ""))
    assert jobs.only_trace().outcome == "error"
    nothing_is_lost()


async def test_judging_again_is_cancelled(root: Path) -> None:
    said: list[str] = []

    def stop(says: str) -> None:
        said.append(says)
        task.cancel()

    edit = Edit(jobs.SOURCE, jobs.about(root).span, RIGHT.rstrip())
    task = asyncio.create_task(again(root, edit, stop))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said[0].startswith("checking that it ")
    assert jobs.only_trace().outcome == "cancelled"
    nothing_is_lost()
