"""Jobs as their traces tell them, over a real connection: complete whatever way they end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from support.messages_server import Fault, Item, MessagesServer, Reply, edits_reply
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.messages import Start
from trueup.engine.recorded import Books
from trueup.operations.budget import Purse
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.propose.prompts import own_folder
from trueup.propose.proposal import Failure
from trueup.settings import Budget, TraceLimits
from trueup.snapshot import Span, digest
from trueup.suggestion import Goal, GoalKind, Recipe, Suggestion

CODE = "import os\n\n\ndef f(x):\n    return x\n"
INSTRUCT = Goal(
    GoalKind.REFACTOR, Recipe.INSTRUCT, "a.py", Span(11, 20), symbol="f", instruction="Double it."
)
DOUBLE = edits_reply(
    "Double it", [{"path": "a.py", "symbol": "f", "after": "def f(x):\n    return x * 2\n"}]
)
BROKEN = edits_reply("Break it", [{"path": "a.py", "symbol": "f", "after": "def f(x:\n"}])


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("ANTHROPIC_", "RUFF_")):
            monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "a.py").write_text(CODE)
    return folder


async def nobody(_says: str, _choices: tuple[str, ...]) -> str:
    return ""


async def run(
    root: Path, goal: Goal, url: str = "", said: list[str] | None = None, **settings: object
) -> Suggestion | Failure:
    model = {"base_url": url, "models": ["claude-sonnet-5-5"]}
    start = Start(0, str(root), goal, settings={"model": model, **settings} if url else settings)
    says = [] if said is None else said
    return await job.run(start, job.Ports(Beds(), nobody, says.append, Books("a session")))


def store() -> TraceStore:
    return TraceStore(TraceLimits())


def only() -> Trace:
    (trace,) = store()
    assert isinstance(trace, Trace), trace
    return trace


def day_tokens() -> int:
    return Purse(Budget(), "any").spent().spent.day.tokens


async def test_a_round_of_the_model_from_question_to_verdict(root: Path) -> None:
    with MessagesServer(BROKEN, DOUBLE) as server:
        made = await run(root, INSTRUCT, server.url, limits={"candidates": 1})
    trace = only()
    assert isinstance(made, Suggestion)
    assert made.trace == trace.id
    assert (trace.root, trace.goal.instruction) == (str(root), "Double it.")
    assert [call.asked for call in trace.calls] == ["claude-sonnet-5-5"] * 2
    first = trace.calls[0]
    assert (first.prompt, first.usage.input, first.usage.output) == ("suggest@v1", 100, 10)
    assert first.first_token_ms is not None
    assert (first.cost_nano, first.price_version) == (100 * 2_000 + 10 * 10_000, "2026-11-20")
    assert [item.call for item in trace.tried] == [0, 1][-len(trace.tried) :]
    assert trace.tried[-1].outcome == trace.outcome == made.verdict.outcome.value
    assert trace.tried[-1].evidence == made.verdict.evidence
    assert "return x * 2" in str(store().text(trace.tried[-1].diff))  # type: ignore[arg-type]
    assert first.sent is not None
    assert "Double it." in str(store().text(first.sent))
    assert day_tokens() == 220


async def test_a_deterministic_proposer_has_a_trace(root: Path) -> None:
    goal = Goal(GoalKind.FIX, Recipe.RUFF_SAFE, "a.py", Span(0, 9))
    made = await run(root, goal)
    trace = only()
    assert trace.calls == ()
    assert isinstance(made, Suggestion), made
    assert trace.tried[0].proposer == "ruff"
    assert day_tokens() == 0


@pytest.mark.parametrize(
    ("items", "ending", "tokens"),
    [
        ((Fault(status=401),), "auth", 0),
        ((Fault(status=529), Fault(status=529)), "overloaded", 0),
        ((Reply(stop_reason="refusal"),), "refused", 110),
        ((Reply("x" * 90, stop_reason="max_tokens"),), "truncated", 110),
        ((Reply("no JSON"), Reply("no JSON")), "nonsense", 220),
    ],
)
async def test_every_ending_is_in_the_trace(
    root: Path, items: tuple[Item, ...], ending: str, tokens: int
) -> None:
    with MessagesServer(*items) as server:
        made = await run(
            root, INSTRUCT, server.url, limits={"retry_after_seconds": 1, "candidates": 1}
        )
    assert isinstance(made, Failure)
    trace = only()
    assert trace.outcome == ending
    assert trace.sentence == made.sentence
    assert len(trace.calls) == len(items)
    assert day_tokens() == trace.usage.total == tokens


async def test_an_answer_that_is_cut_off_is_estimated(root: Path) -> None:
    cut = Reply("x" * 300, cut_after=8, cut="reset")
    with MessagesServer(cut, cut) as server:
        await run(root, INSTRUCT, server.url)
    assert [call.estimated for call in only().calls] == [True, True]
    assert day_tokens() == only().usage.total > 200


async def test_a_cancelled_job_is_settled_and_kept(root: Path) -> None:
    with MessagesServer(Reply("x" * 3000, hold_after=5)) as server:
        said: list[str] = []
        task = asyncio.create_task(run(root, INSTRUCT, server.url, said))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    trace = only()
    assert trace.outcome == trace.calls[0].ending == "cancelled"
    assert trace.calls[0].estimated
    assert Purse(Budget(), "any").spent().spent.reserved == 0
    assert day_tokens() == trace.usage.total > 0


async def test_a_budget_refuses_before_the_call(root: Path) -> None:
    with MessagesServer() as server:
        made = await run(root, INSTRUCT, server.url, budget={"day_tokens": 1_000})
        assert server.requests == []
    assert isinstance(made, Failure)
    assert made.sentence.startswith("the budget of today is 1,000 tokens (budget.day_tokens): 0 ")
    assert only().calls[0].ending == only().outcome == "budget"


async def test_a_cheaper_model_may_still_fit(root: Path) -> None:
    model = ["claude-opus-5-5", "claude-haiku-5-5"]
    with MessagesServer(DOUBLE) as server:
        made = await run(
            root,
            INSTRUCT,
            server.url,
            model={"base_url": server.url, "models": model},
            budget={"day_usd": 0.05},
        )
    assert isinstance(made, Suggestion)
    assert [call.ending for call in only().calls] == ["budget", "answered"]


async def test_an_unknown_price_is_said_and_the_tokens_count(root: Path) -> None:
    said: list[str] = []
    with MessagesServer(DOUBLE) as server:
        model = {"base_url": server.url, "models": ["my-own"]}
        await run(root, INSTRUCT, server.url, said, model=model)
    assert "the price of my-own is not known, so only its tokens are counted" in said
    assert (only().calls[0].cost_nano, only().unpriced) == (None, 110)


async def test_a_workspace_cannot_raise_what_may_be_spent(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.trueup.budget]\nday_tokens = 9e9\n")
    with MessagesServer() as server:
        made = await run(root, INSTRUCT, server.url, budget={"day_tokens": 1})
    assert isinstance(made, Failure)
    assert "today is 1 tokens" in made.sentence


async def test_where_no_trace_can_be_kept_work_goes_on(root: Path, tmp_path: Path) -> None:
    state = tmp_path / ".xdg" / "state"
    state.mkdir(parents=True)
    (state / "trueup").mkdir()
    (state / "trueup" / "traces").write_text("a file where a folder should be")
    said: list[str] = []
    books = Books("a session")
    goal = Goal(GoalKind.FIX, Recipe.RUFF_SAFE, "a.py", Span(0, 9))
    for _ in range(2):
        ports = job.Ports(Beds(), nobody, said.append, books)
        assert isinstance(await job.run(Start(0, str(root), goal), ports), Suggestion)
    assert len([says for says in said if says.startswith("what happens is not kept: ")]) == 1


async def test_the_key_is_in_no_trace(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    with MessagesServer(Fault(status=400, message="sk-very-secret is wrong")) as server:
        await run(root, INSTRUCT, server.url)
    assert "sk-very-secret" not in str(only())


async def test_the_trace_names_the_version_of_ones_own_prompt(root: Path) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "suggest.v2.md").write_text('Answer with "edits", shortly.')
    with MessagesServer(DOUBLE) as server:
        await run(root, INSTRUCT, server.url, prompts={"refactor": "v2"})
    assert server.requests[0].body["system"] == 'Answer with "edits", shortly.'
    (call,) = only().calls
    assert (call.prompt, call.prompt_digest) == (
        "suggest@v2",
        digest('Answer with "edits", shortly.'),
    )


async def test_a_prompt_with_an_error_is_said_once_and_the_one_before_goes_on(root: Path) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "suggest.v2.md").write_text("Be nice.")
    said: list[str] = []
    with MessagesServer(BROKEN, DOUBLE) as server:
        made = await run(root, INSTRUCT, server.url, said, prompts={"refactor": "v2"})
    assert isinstance(made, Suggestion)
    (told,) = [sentence for sentence in said if "suggest@v2" in sentence]
    assert told.startswith("the prompt suggest@v2 cannot be used: it does not ask for ")
    assert told.endswith("; suggest@v1 is used instead")
    assert {call.prompt for call in only().calls} == {"suggest@v1"}


async def test_the_files_are_kept_as_they_were(root: Path) -> None:
    with MessagesServer(DOUBLE) as server:
        await run(root, INSTRUCT, server.url)
    (held,) = only().files
    assert (held.path, store().text(held.text)) == ("a.py", CODE)
