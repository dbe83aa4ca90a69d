"""What is learned of an endpoint: found out once, remembered, and never more than a guess."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.messages_server import Fault, MessagesServer, edits_reply
from trueup.propose import endpoints, model, request
from trueup.propose.endpoints import (
    CHARACTERS_PER_TOKEN,
    LEAST,
    MOST,
    SAMPLE_CHARACTERS_MIN,
    Capabilities,
    counted,
    known,
)
from trueup.propose.request import Question
from trueup.settings import ModelSettings, Settings, cache_folder
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe

CODE = "def f(x):\n    return x\n" + "# a line of text\n" * 200
GOAL = Goal(GoalKind.FIX, Recipe.INSTRUCT, "a.py", Span(0, 3), symbol="f", instruction="Double.")
SNAPSHOT = Snapshot.of("/nowhere", [Document("a.py", CODE)])
DOUBLE = edits_reply(
    "Double it", [{"path": "a.py", "symbol": "f", "after": "def f(x):\n    return x * 2\n"}]
)


def at(server: MessagesServer, *, effort: str | None = None) -> Settings:
    return Settings(ModelSettings(server.url, ("one",), effort=effort))


async def asked(server: MessagesServer, chosen: Settings) -> list[set[str]]:
    """The options of each request that one question takes."""
    before = len(server.requests)
    answer = await model.propose(GOAL, SNAPSHOT, chosen)
    assert isinstance(answer.proposal, Candidate), answer
    named = {"output_config", "cache_control"}
    return [named & set(item.body) for item in server.requests[before:]]


@pytest.mark.parametrize(
    ("structured", "caching", "tried"),
    [
        (True, True, [{"output_config", "cache_control"}]),
        (False, True, [{"output_config", "cache_control"}, {"cache_control"}]),
        (False, False, [{"output_config", "cache_control"}, {"cache_control"}, set()]),
    ],
)
async def test_what_a_server_does_not_take_is_found_out_once(
    structured: bool, caching: bool, tried: list[set[str]]
) -> None:
    with MessagesServer(structured=structured, caching=caching) as server:
        server.always(DOUBLE)
        assert await asked(server, at(server)) == tried
        # The next question, of another process too, asks with what is taken.
        assert await asked(server, at(server)) == tried[-1:]
        found = known(server.url, "one").takes
    assert (found.structured, found.caching) == (structured, caching)


async def test_a_refusal_for_another_reason_teaches_nothing() -> None:
    with MessagesServer() as server:
        server.always(Fault(400, message="no such thing"))
        await model.propose(GOAL, SNAPSHOT, at(server))
        assert known(server.url, "one").takes == Capabilities()


async def test_the_effort_goes_before_the_structure() -> None:
    """An endpoint without thinking may still take a schema."""

    def without_effort(item: object) -> object:
        body = getattr(item, "body", {})
        return Fault(400) if "effort" in body["output_config"] else DOUBLE

    with MessagesServer() as server:
        server.always(without_effort)  # type: ignore[arg-type]
        assert (
            await asked(server, at(server, effort="low"))
            == [{"output_config", "cache_control"}] * 2
        )
        assert known(server.url, "one").takes == Capabilities(thinking=False)


async def test_a_server_that_counts_nothing_is_counted_by_estimate() -> None:
    uncounted = dataclasses.replace(DOUBLE, input_tokens=0, output_tokens=0)
    with MessagesServer(uncounted) as server:
        answer = await model.propose(GOAL, SNAPSHOT, at(server))
        assert known(server.url, "one").lacks == ("counting of tokens",)
    assert answer.tokens_in > len(CODE) / MOST
    assert answer.tokens_out > len(DOUBLE.text) / MOST


async def test_what_is_known_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with MessagesServer(structured=False) as server:
        server.always(DOUBLE)
        await asked(server, at(server))
        later = time.time() + endpoints.FORGET_SECONDS + 1
        monkeypatch.setattr(time, "time", lambda: later)
        assert len(await asked(server, at(server))) == 2


# -- tokens --------------------------------------------------------------------------------------


def test_an_estimate_follows_what_calls_took() -> None:
    assert known("e", "m").characters_per_token == CHARACTERS_PER_TOKEN
    for _ in range(5):
        counted("e", "m", 40_000, 10_000)
    assert known("e", "m").characters_per_token == pytest.approx(4.0 * endpoints.CAUTION)
    assert known("e", "other").characters_per_token == CHARACTERS_PER_TOKEN
    for _ in range(3 * endpoints.MEMORY_CALLS):
        counted("e", "m", 20_000, 10_000)
    assert known("e", "m").characters_per_token == pytest.approx(2.0 * endpoints.CAUTION, rel=0.05)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.integers(-5, 10**7), st.integers(-5, 10**7)), max_size=5))
def test_no_count_makes_an_estimate_absurd(calls: list[tuple[int, int]]) -> None:
    for characters, tokens in calls:
        counted("e", "wild", characters, tokens)
    assert LEAST <= known("e", "wild").characters_per_token <= MOST


async def test_what_was_learned_makes_the_next_prompt_fit() -> None:
    """A tokenizer that makes twice as many tokens gets half as much text, and the same budget."""
    length = SAMPLE_CHARACTERS_MIN + len(CODE)
    dense = dataclasses.replace(DOUBLE, input_tokens=length)
    with MessagesServer(dense) as server:
        chosen = at(server)
        before = request.question(GOAL, SNAPSHOT, chosen)
        await asked(server, chosen)
        after = request.question(GOAL, SNAPSHOT, chosen)
    assert isinstance(before, Question)
    assert isinstance(after, Question)
    assert after.context.tokens > before.context.tokens * 1.5


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b'{"e m": {"takes": {"no": 1}}}', b'{"e m": 3}']
)
def test_a_broken_memory_is_no_memory(raw: bytes) -> None:
    file = cache_folder() / "endpoints.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(raw)
    assert known("e", "m") == endpoints.Known()
    counted("e", "m", 9_000, 3_000)
    assert known("e", "m").tokens == 3_000


# -- the key --------------------------------------------------------------------------------------

KEYRING = """
def get_password(service, user):
    {body}
"""


@pytest.mark.parametrize(
    ("body", "environment", "key"),
    [
        ("return f'key of {service} {user}'", {}, "key of trueup model"),
        ("return 'of the keychain'", {"ANTHROPIC_API_KEY": "of the environment"},
         "of the environment"),
        ("raise RuntimeError('locked')", {}, "None"),
        ("return None", {}, "None"),
    ],
)  # fmt: skip
def test_the_key_may_be_in_the_keychain(
    tmp_path: Path, body: str, environment: dict[str, str], key: str
) -> None:
    """The keychain is a module of the same name, in a process that finds it first."""
    (tmp_path / "keyring.py").write_text(KEYRING.format(body=body))
    own = {name: value for name, value in os.environ.items() if "ANTHROPIC" not in name}
    said = subprocess.run(
        [sys.executable, "-c", "from trueup.settings import model_key; print(model_key())"],
        env={**own, "PYTHONPATH": str(tmp_path), **environment},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert said.stdout.strip() == key
