"""One request to a model as it streams: what comes, what it takes, and how it ends.

The vendor's events stop here. Whatever ends a request is an Ending; the meter is told what it took,
by estimate where the connection broke before the server had said, and where a server does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import anthropic
import httpx2
from anthropic.lib.streaming import ParsedMessageStreamEvent
from anthropic.types import Message, MessageDeltaUsage

from trueup.operations.meter import Meter, Taken
from trueup.operations.prices import Usage
from trueup.propose import context, endpoints
from trueup.propose.clients import Client
from trueup.propose.conversation import Turn
from trueup.propose.endings import Ending, ending_of
from trueup.propose.prompts import Prompt
from trueup.propose.reply import SCHEMA
from trueup.propose.request import Request
from trueup.settings import Settings, endpoint

PROGRESS_CHARACTERS: Final = 1_000
"""How much the model writes between two reports."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Call:
    """One turn while it lasts: what is asked, and what it has taken so far."""

    settings: Settings
    prompt: Prompt
    question: str
    turn: Turn
    say: Say
    meter: Meter | None
    schema: Mapping[str, Any] = field(default_factory=lambda: SCHEMA)
    """The form of the answer."""
    number: int | None = None
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    began: bool = False
    counted: bool = True
    """Whether the server said what its last answer took."""

    @property
    def host(self) -> str:
        return urlsplit(endpoint(self.settings)).netloc


@dataclass(slots=True)
class Heard:
    """What has come of one answer: characters, and the count of the server."""

    call: Call
    model: str
    taken: Taken
    written: int = 0
    thought: int = 0
    reported: int = 0
    counted: MessageDeltaUsage | None = None

    def event(self, event: ParsedMessageStreamEvent[None]) -> None:
        if event.type == "message_start":
            self.call.began, self.call.model = True, event.message.model or self.model
            self.taken.began(self.call.model, _read(event.message))
        elif event.type == "content_block_delta":
            self.taken.wrote()
            self.thought += len(getattr(event.delta, "thinking", ""))
        elif event.type == "text":
            self.written += len(event.text)
            if self.written - self.reported >= PROGRESS_CHARACTERS:
                self.reported = self.written
                self.call.say(f"{self.model} has written {self.written} characters")
        elif event.type == "message_delta":
            self.counted = event.usage

    def settle(self, wanted: Request) -> None:
        """Tell the meter what it took; estimated where the server has not said."""
        taken, place = self.taken, (endpoint(self.call.settings), wanted.model)
        self.call.counted = bool(taken.usage.prompt)
        if taken.has_begun and not taken.usage.prompt:
            # Some local servers count nothing, and a budget counts all the same.
            taken.usage = replace(taken.usage, input=context.estimated_tokens(wanted.text))
            taken.estimated = True
        elif taken.has_begun:
            endpoints.counted(*place, len(wanted.text), taken.usage.prompt)
        if self.counted is not None and (self.counted.output_tokens or not self.written):
            details = self.counted.output_tokens_details
            thinking = details.thinking_tokens if details else 0
            estimated = taken.estimated
            taken.produced(self.counted.output_tokens, thinking=thinking, estimated=estimated)
        elif taken.has_begun:
            # The final count never comes for an answer that was cut off.
            seen = context.estimated_tokens("x" * (self.written + self.thought))
            taken.produced(seen, estimated=True)
        self.call.tokens_in += taken.usage.prompt
        self.call.tokens_out += taken.usage.output


async def streamed(client: Client, wanted: Request, call: Call, taken: Taken) -> Ending:
    heard = Heard(call, wanted.model, taken)
    try:
        async with client.messages.stream(**wanted.arguments) as stream:
            async for event in stream:
                heard.event(event)
            return ending_of(await stream.get_final_message(), wanted.model, call.host)
    except _ENDS as problem:
        return ending_of(problem, wanted.model, call.host)
    finally:
        heard.settle(wanted)


def _read(message: Message) -> Usage:
    """What the prompt took."""
    usage = message.usage
    return Usage(
        input=usage.input_tokens,
        cached=usage.cache_read_input_tokens or 0,
        cache_write=usage.cache_creation_input_tokens or 0,
    )


# What a request ends with. Below the SDK's own errors: a connection that breaks in the middle of
# an answer, and the accumulator's surprise at events that it does not understand.
_ENDS: Final = (
    anthropic.AnthropicError,
    httpx2.HTTPError,
    httpx2.StreamError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    # No credentials of a cloud: the SDK's own words for it, and those of the clouds' libraries.
    RuntimeError,
)
