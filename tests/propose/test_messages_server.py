"""The server of our tests, against the vendor's own client: what passes here is the real thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest

from support.messages_server import Fault, MessagesServer, Reply, edits_reply

ASK: dict[str, Any] = {
    "model": "one",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "hi"}],
}


@pytest.fixture
def server() -> Any:
    with MessagesServer() as server:
        yield server


@pytest.fixture
async def client(server: MessagesServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        api_key="k",
        base_url=server.url,
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False),
    ) as client:
        yield client


async def test_the_sdk_reads_a_whole_answer(
    server: MessagesServer, client: anthropic.AsyncAnthropic
) -> None:
    server.enqueue(Reply("Grüße 😀 " * 9, thinking="hm", input_tokens=7, output_tokens=8))
    async with client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert await stream.get_final_text() == "Grüße 😀 " * 9
    assert (message.stop_reason, message.model) == ("end_turn", "one")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 8)
    assert server.requests[0].headers["anthropic-version"] == "2026-10-21"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"messages": [{"role": "user", "content": ""}]}, "must be non-empty"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "begin and end with the user"),
        ({"messages": ASK["messages"] * 2}, "must alternate"),
        ({"extra_body": {"temperature": 0}}, "temperature: this parameter was removed"),
        ({"extra_body": {"output_config": {"format": {"type": "x"}}}}, "should be 'json_schema'"),
    ],
)
async def test_a_bad_history_is_refused(
    client: anthropic.AsyncAnthropic, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=said):
        async with client.messages.stream(**{**ASK, **changes}):
            pass


async def test_no_reply_is_made_up(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.InternalServerError, match="no reply left"):
        async with client.messages.stream(**ASK):
            pass


async def test_errors_carry_what_the_sdk_reads(
    server: MessagesServer, client: anthropic.AsyncAnthropic
) -> None:
    server.enqueue(Fault(429, error_code="ramp_limit_exceeded", headers={"retry-after": "7"}))
    with pytest.raises(anthropic.RateLimitError) as caught:
        async with client.messages.stream(**ASK):
            pass
    assert caught.value.type == "rate_limit_error"
    assert caught.value.error_code == "ramp_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "7"


async def test_an_item_may_depend_on_the_request(
    server: MessagesServer, client: anthropic.AsyncAnthropic
) -> None:
    server.always(lambda request: Reply(request.body["messages"][-1]["content"][::-1]))
    async with client.messages.stream(**ASK) as stream:
        assert await stream.get_final_text() == "ih"


def test_an_edits_reply_is_complete() -> None:
    reply = edits_reply("T", [{"path": "a.py", "symbol": "f", "after": "x"}])
    assert '"before": null' in reply.text
