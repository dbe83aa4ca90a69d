"""The model as a proposer, over a real connection: every ending is a value with a sentence."""

from __future__ import annotations

import asyncio
import dataclasses
import email.utils
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.messages_server import Fault, Item, MessagesServer, Reply, Request, edits_reply
from trueup.propose import model
from trueup.propose.conversation import AGAIN, Attempt, Turn
from trueup.propose.endings import classify, retry_after
from trueup.propose.model import ModelAnswer
from trueup.propose.proposal import Failure, FailureKind
from trueup.settings import Limits, ModelSettings, Settings
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe

CODE = "def f(x):\n    return x\n"
GOAL = Goal(GoalKind.FIX, Recipe.INSTRUCT, "a.py", Span(0, 3), symbol="f", instruction="Double.")
SNAPSHOT = Snapshot.of("/nowhere", [Document("a.py", CODE)])
DOUBLE = edits_reply(
    "Double it", [{"path": "a.py", "symbol": "f", "after": "def f(x):\n    return x * 2\n"}]
)
NO_WAIT = {"retry-after": "0"}
SECRET = "sk-very-secret"  # noqa: S105 - of nobody


def settings_for(url: str, *models: str, **limits: float) -> Settings:
    return Settings(
        model=ModelSettings(base_url=url, models=models or ("one",)),
        limits=dataclasses.replace(Limits(), **limits),
    )


async def ask(
    server: MessagesServer, *models: str, attempts: tuple[Attempt, ...] = (), **limits: float
) -> ModelAnswer:
    settings = settings_for(server.url, *models, **limits)
    return await model.propose(GOAL, SNAPSHOT, settings, Turn(attempts))


def key_sent(request: Request) -> str:
    """The key, in whichever of the two headers the SDK sends it."""
    return request.headers.get("x-api-key") or request.headers["authorization"].split(" ")[1]


async def failed(*script: Item, models: tuple[str, ...] = ("one",), **limits: float) -> Failure:
    """How the script ends; its address stands as HOST in the sentence."""
    with MessagesServer(*script) as server:
        answer = await ask(server, *models, **limits)
        assert isinstance(answer.proposal, Failure), answer
        host = server.url.removeprefix("http://")
        return dataclasses.replace(
            answer.proposal, sentence=answer.proposal.sentence.replace(host, "HOST")
        )


async def test_a_candidate() -> None:
    with MessagesServer(DOUBLE) as server:
        answer = await ask(server)
    candidate = answer.proposal
    assert isinstance(candidate, Candidate)
    assert (
        SNAPSHOT.edited(candidate.edits).documents["a.py"].text == "def f(x):\n    return x * 2\n"
    )
    assert (candidate.title, candidate.proposer, candidate.deterministic) == (
        "Double it",
        "one",
        False,
    )
    assert answer.reply == DOUBLE.text
    assert (answer.model, answer.prompt) == ("one", "suggest@v1")
    assert (answer.tokens_in, answer.tokens_out) == (100, 10)
    assert answer.elapsed_s > 0


async def test_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    with MessagesServer(DOUBLE) as server:
        await ask(server)
    (request,) = server.requests
    assert key_sent(request) == SECRET
    assert "traceparent" not in request.headers
    assert request.body["model"] == "one"
    assert request.body["max_tokens"] == Limits().model_output_tokens
    assert request.body["output_config"]["format"]["type"] == "json_schema"
    assert "You change Python code" in request.body["system"]
    (message,) = request.body["messages"]
    assert CODE.rstrip() in message["content"]
    assert message["content"].index(CODE.rstrip()) < message["content"].index("Double.")


async def test_repair_is_a_conversation() -> None:
    attempts = (Attempt("{...}", "tests failed"), Attempt("", "still failing"))
    with MessagesServer(DOUBLE, DOUBLE) as server:
        await ask(server)
        await ask(server, attempts=attempts)
    first, second = (request.body["messages"] for request in server.requests)
    assert second[0] == first[0]
    assert [message["role"] for message in second[1:]] == ["assistant", "user"] * 2
    assert [message["content"] for message in second[1::2]] == ["{...}", "(no answer)"]
    for message, complaint in zip(second[2::2], ("tests failed", "still failing"), strict=True):
        # What a check found may quote the repository, so it is data as well.
        opening, said, closing, _, again = message["content"].split("\n")
        assert opening.endswith(" what was found on this answer>>>")
        assert closing == f"{opening.split(' ')[0]} end>>>"
        assert (said, again) == (complaint, AGAIN)


async def test_thinking_is_not_the_answer() -> None:
    with MessagesServer(dataclasses.replace(DOUBLE, thinking="Hm. {")) as server:
        answer = await ask(server)
    assert isinstance(answer.proposal, Candidate)
    assert answer.reply == DOUBLE.text


async def test_an_endpoint_without_structured_output() -> None:
    with MessagesServer(DOUBLE, structured=False) as server:
        answer = await ask(server)
    assert isinstance(answer.proposal, Candidate)
    assert ["output_config" in request.body for request in server.requests] == [True, False]


async def test_the_effort_is_the_settings() -> None:
    with MessagesServer(DOUBLE) as server:
        settings = Settings(ModelSettings(server.url, ("one",), effort="low"))
        await model.propose(GOAL, SNAPSHOT, settings)
    assert server.requests[0].body["output_config"]["effort"] == "low"


# -- endings ------------------------------------------------------------------------------------

CUT = dataclasses.replace(DOUBLE, cut_after=4)
NOT_JSON = b"event: content_block_delta\ndata: {not json\n\n"
NO_BLOCK = (
    b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 7, '
    b'"delta": {"type": "text_delta", "text": "x"}}\n\n'
)
NO_FIELDS = b'event: content_block_delta\ndata: {"type": "content_block_delta"}\n\n'
UNKNOWN = b'event: brand_new\ndata: {"type": "brand_new"}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


@pytest.mark.parametrize(
    ("item", "kind", "sentence", "requests"),
    [
        (CUT, "truncated", "the answer of one was cut off", 2),
        (dataclasses.replace(CUT, cut="half"), "unreachable", "the connection to HOST broke", 2),
        (dataclasses.replace(CUT, cut="reset"), "unreachable", "the connection to HOST broke", 2),
        (dataclasses.replace(CUT, cut_after=0), "protocol", "HOST answered in a form", 2),
        (Fault(reset=True), "unreachable", "HOST cannot be reached", 2),
        (
            dataclasses.replace(DOUBLE, stop_reason="max_tokens"),
            "truncated",
            "the answer of one is longer than model_output_tokens allows",
            1,
        ),
        (Reply(stop_reason="refusal"), "refused", "one refuses to answer this", 1),
        (
            Reply(stop_reason="model_context_window_exceeded"),
            "context-exceeded",
            "the prompt is too long for one",
            1,
        ),
        (Reply("x", stop_reason="tool_use"), "protocol", "HOST answered in a form", 1),
        (Reply("x", stop_reason="pause_turn"), "protocol", "HOST answered in a form", 1),
        (dataclasses.replace(DOUBLE, error_after=3), "overloaded", "one is overloaded", 2),
        (
            dataclasses.replace(DOUBLE, error_after=3, error="api_error"),
            "unreachable",
            "HOST cannot be reached",
            2,
        ),
        (dataclasses.replace(DOUBLE, inject={3: NOT_JSON}), "protocol", "HOST answered in a", 2),
        (dataclasses.replace(DOUBLE, inject={3: NO_BLOCK}), "protocol", "HOST answered in a", 2),
        (dataclasses.replace(DOUBLE, inject={3: NO_FIELDS}), "protocol", "HOST answered in a", 2),
        (Fault(529, headers=NO_WAIT), "overloaded", "one is overloaded", 2),
        (Fault(503, headers=NO_WAIT), "overloaded", "one is overloaded", 2),
        (Fault(500, headers=NO_WAIT), "unreachable", "HOST failed with status 500", 2),
        (
            Fault(500, headers={"x-should-retry": "false"}),
            "unreachable",
            "HOST failed with status 500",
            1,
        ),
        (Fault(429, headers=NO_WAIT), "rate-limited", "HOST limits how often it may be asked", 2),
        (
            Fault(429, headers={"retry-after": "3600"}),
            "rate-limited",
            "HOST asks to wait 3600 s, and Trueup waits 10 s at most",
            1,
        ),
        (
            Fault(529, headers={"retry-after": "11"}),
            "overloaded",
            "HOST asks to wait 11 s, and Trueup waits 10 s at most",
            1,
        ),
        (Fault(401), "auth", "HOST does not accept the key", 1),
        (Fault(403), "auth", "HOST does not accept the key", 1),
        (Fault(402), "spend-limit", "the account's spending limit is reached", 1),
        (
            Fault(429, error_code="enforced_spend_limit_reached"),
            "spend-limit",
            "the account's spending limit is reached",
            1,
        ),
        (
            Fault(400, error_code="contract_spend_limit_reached"),
            "spend-limit",
            "the account's spending limit is reached",
            1,
        ),
        (Fault(413), "context-exceeded", "the prompt is too long for one", 1),
        (
            Fault(400, message="prompt is too long: 9 tokens > 8 maximum"),
            "context-exceeded",
            "the prompt is too long for one",
            1,
        ),
        (
            Fault(400, type="exceed_context_size_error"),
            "context-exceeded",
            "the prompt is too long for one",
            1,
        ),
        (Fault(404), "cannot", "HOST has no model called one", 1),
        (Fault(404, body=b"<html>"), "unreachable", "HOST cannot be reached", 2),
        (
            Fault(400, message="no\nthanks"),
            "protocol",
            "HOST does not accept the request: no thanks",
            3,
        ),
        (
            Fault(307, headers={"location": "http://127.0.0.1:9/"}),
            "unreachable",
            "HOST redirects elsewhere, and Trueup does not follow",
            1,
        ),
        (Reply("Sorry."), "nonsense", "the model's answer is not JSON: Sorry.", 1),
        (Reply(""), "nonsense", "the model answered with nothing", 1),
        (edits_reply("None", []), "nothing-to-do", "the model proposes no change", 1),
    ],
)
async def test_every_ending_is_a_sentence(
    item: Item, kind: str, sentence: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "BACKOFF_SECONDS", 0.0)
    with MessagesServer() as server:
        server.always(item)
        answer = await ask(server)
        failure = answer.proposal
        assert isinstance(failure, Failure), answer
        said = failure.sentence.replace(server.url.removeprefix("http://"), "HOST")
        assert (failure.kind.value, failure.proposer) == (kind, "one")
        assert said.startswith(sentence)
        assert len(server.requests) == requests


@pytest.mark.parametrize("noise", [UNKNOWN, PING])
async def test_what_may_be_ignored_is_ignored(noise: bytes) -> None:
    with MessagesServer(dataclasses.replace(DOUBLE, inject={1: noise, 3: noise})) as server:
        answer = await ask(server)
    assert isinstance(answer.proposal, Candidate)


@pytest.mark.parametrize(
    "fault",
    [
        CUT,
        dataclasses.replace(CUT, cut="reset"),
        dataclasses.replace(DOUBLE, error_after=3),
        Fault(reset=True),
        Fault(429, headers={"retry-after": "0.001"}),
        Fault(529, headers={"retry-after-ms": "1"}),
    ],
)
async def test_a_passing_trouble_is_passed(fault: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "BACKOFF_SECONDS", 0.0)
    with MessagesServer(fault, DOUBLE) as server:
        answer = await ask(server)
    assert isinstance(answer.proposal, Candidate)
    # The tokens of the try that failed were spent, too.
    assert answer.tokens_in == 100 * (2 if isinstance(fault, Reply) else 1)
    assert answer.tokens_out > 10 or not isinstance(fault, Reply)


@pytest.mark.parametrize(
    "script",
    [
        (Reply(stop_reason="refusal"),),
        (Fault(404),),
        (Fault(529, headers=NO_WAIT), Fault(529, headers=NO_WAIT)),
        (Fault(529, headers={"retry-after": "99"}),),
    ],
)
async def test_the_next_model_is_asked(script: tuple[Item, ...]) -> None:
    with MessagesServer(*script, DOUBLE) as server:
        answer = await ask(server, "one", "two")
    assert isinstance(answer.proposal, Candidate)
    assert answer.proposal.proposer == answer.model == "two"
    assert server.requests[-1].body["model"] == "two"


async def test_the_last_model_has_the_last_word() -> None:
    refusal = Reply(stop_reason="refusal")
    failure = await failed(refusal, refusal, models=("one", "two"))
    assert failure == Failure(FailureKind.REFUSED, "two refuses to answer this", "two")


async def test_the_model_that_served_is_named() -> None:
    with MessagesServer(dataclasses.replace(DOUBLE, model="one-20261101")) as server:
        answer = await ask(server)
    assert answer.model == "one-20261101"


# -- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "kind", "sentence"),
    [
        (0, FailureKind.UNREACHABLE, "one had not answered after 0.2 s"),
        (4, FailureKind.TRUNCATED, "one was still writing after 0.2 s"),
    ],
)
async def test_the_deadline_is_kept(after: int, kind: FailureKind, sentence: str) -> None:
    failure = await failed(dataclasses.replace(DOUBLE, hold_after=after), model_seconds=0.2)
    assert failure == Failure(kind, sentence, "one")


@pytest.mark.parametrize("after", [0, 4])
async def test_cancelling_closes_the_connection(after: int) -> None:
    with MessagesServer(dataclasses.replace(DOUBLE, hold_after=after)) as server:
        task = asyncio.create_task(ask(server))
        request = await asyncio.to_thread(server.arrived.get, timeout=10)
        assert await asyncio.to_thread(request.held.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(request.gone.wait, 10)


def test_retry_after_is_read_in_all_its_forms() -> None:
    soon = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert retry_after({"retry-after": "3"}) == 3.0
    assert retry_after({"retry-after-ms": "50", "retry-after": "3"}) == 0.05
    assert 90 < (retry_after({"retry-after": soon}) or 0) < 101
    assert retry_after({"retry-after": "-1"}) == 0.0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "nan"}) is None
    assert retry_after({"retry-after": "Mon, 99"}) is None
    assert retry_after({}) is None


def test_classify_knows_messages_and_exceptions() -> None:
    assert classify(SimpleNamespace(stop_reason="end_turn")) is None
    assert classify(SimpleNamespace(stop_reason=None)) is FailureKind.TRUNCATED
    assert classify(SimpleNamespace(stop_reason="new")) is FailureKind.PROTOCOL
    assert classify(json.JSONDecodeError("x", "y", 0)) is FailureKind.PROTOCOL
    assert classify(IndexError()) is FailureKind.PROTOCOL


# -- keys and addresses -------------------------------------------------------------------------


async def test_without_key_and_address_nothing_is_asked() -> None:
    answer = await model.propose(GOAL, SNAPSHOT, Settings())
    assert isinstance(answer.proposal, Failure)
    assert answer.proposal.kind is FailureKind.NO_KEY
    assert answer.proposal.sentence.startswith("no model is set up: set ANTHROPIC_API_KEY")


async def test_a_server_of_ones_own_needs_no_key() -> None:
    with MessagesServer(DOUBLE) as server:
        await ask(server)
    assert key_sent(server.requests[0]) == model.PLACEHOLDER_KEY


async def test_a_token_is_sent_as_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", SECRET)
    with MessagesServer(DOUBLE) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        await model.propose(GOAL, SNAPSHOT, Settings())
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"


async def test_nothing_is_taken_from_profiles_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a profile on disk nor a `.env` of the folder says where requests go."""
    profile = {"base_url": "http://127.0.0.1:9", "authentication": {"type": "api_key"}}
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "default.json").write_text(json.dumps(profile))
    (tmp_path / ".env").write_text("ANTHROPIC_BASE_URL=http://127.0.0.1:9\n")
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with MessagesServer(DOUBLE) as server:
        answer = await ask(server)
    assert isinstance(answer.proposal, Candidate)


async def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with MessagesServer(DOUBLE) as server:
        answer = await ask(server)
    assert isinstance(answer.proposal, Candidate)


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:9", "nonsense://x", "http://"])
async def test_a_bad_address_is_a_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "BACKOFF_SECONDS", 0.0)
    answer = await model.propose(GOAL, SNAPSHOT, settings_for(url))
    assert isinstance(answer.proposal, Failure)
    assert answer.proposal.kind is FailureKind.UNREACHABLE


@pytest.mark.parametrize("key", [SECRET, SECRET + "\né", SECRET + " "])
async def test_the_key_is_in_no_sentence_and_no_log(
    key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    monkeypatch.setattr(model, "BACKOFF_SECONDS", 0.0)
    said: list[str] = []
    with MessagesServer() as server:
        server.always(Fault(400, message=f"bad key {key}"))
        settings = settings_for(server.url)
        answer = await model.propose(GOAL, SNAPSHOT, settings, said=said.append)
    assert SECRET not in repr(answer)
    assert SECRET not in "".join(said)
    assert SECRET not in caplog.text


async def test_progress_is_said() -> None:
    said: list[str] = []
    long = edits_reply(
        "T", [{"path": "a.py", "symbol": "f", "after": "def f(x): pass" + " " * 1500}]
    )
    with MessagesServer(Fault(529, headers=NO_WAIT), Fault(404), long) as server:
        settings = settings_for(server.url, "one", "two")
        await model.propose(GOAL, SNAPSHOT, settings, said=said.append)
        host = server.url.removeprefix("http://")
    assert [line.replace(host, "HOST") for line in said[:4]] == [
        "asking one",
        "one is overloaded; trying again in 0 s",
        "HOST has no model called one",
        "asking two",
    ]
    assert said[4].startswith("two has written 10")


async def test_a_goal_without_its_text_is_not_sent() -> None:
    with MessagesServer() as server:
        goal = dataclasses.replace(GOAL, path="b.py")
        answer = await model.propose(goal, SNAPSHOT, settings_for(server.url))
    assert isinstance(answer.proposal, Failure)
    assert answer.proposal.sentence == "b.py is not open and was not read"
    assert server.requests == []
