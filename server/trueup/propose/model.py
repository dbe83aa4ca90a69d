"""Candidates from a model, over the Messages API. The only module that knows the vendor's SDK.

One call of `propose` is one turn of a conversation. What it sends is made by `request`, which sends
nothing. The key is taken from the environment of this process and is never logged or shown; where
requests go is the machine's setting. Redirects are not followed, because they would carry the key
along.

Whatever goes wrong is a Failure with a sentence. Cancelling closes the connection.
"""

from __future__ import annotations

import asyncio
import functools
import os
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import anthropic
import httpx2
from anthropic.lib.streaming import ParsedMessageStreamEvent
from anthropic.types import Message, MessageDeltaUsage

from trueup.guards.redaction import Veil
from trueup.operations.budget import Refusal
from trueup.operations.meter import Meter, Taken
from trueup.operations.prices import Usage
from trueup.propose import context, endpoints, prompts, request, unveiled
from trueup.propose.conversation import FIRST, Turn
from trueup.propose.endings import RETRIED, Ending, ending_of
from trueup.propose.endpoints import Capabilities
from trueup.propose.prompts import Prompt
from trueup.propose.proposal import Failure, FailureKind, Proposal
from trueup.propose.reply import SCHEMA
from trueup.propose.request import Question, Request
from trueup.settings import Settings, endpoint, model_key
from trueup.snapshot import Snapshot
from trueup.suggestion import Candidate, Goal

PLACEHOLDER_KEY: Final = "not-needed"
"""Local servers want no key, and the SDK wants one."""

TRIES_PER_MODEL: Final = 2
BACKOFF_SECONDS: Final = 0.25
"""The wait before another try where the server does not name one."""

PROGRESS_CHARACTERS: Final = 1_000
"""How much the model writes between two reports."""

Say = Callable[[str], None]

FRAME_TOKENS: Final = 1_000
"""What the form of the answer and the frame of the request take beside the texts."""

_NEXT_MODEL: Final = frozenset(
    # A cheaper model may fit into a budget that this one does not.
    {FailureKind.OVERLOADED, FailureKind.REFUSED, FailureKind.CANNOT, FailureKind.BUDGET}
)


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """The proposal and what it took. Tokens are of all tries together; a cut try is estimated."""

    proposal: Proposal
    reply: str = ""
    model: str = ""
    prompt: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    elapsed_s: float = 0.0
    call: int | None = None
    """The place of the last call in the trace; None where none was made."""


@dataclass(slots=True)
class _Call:
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

    @property
    def host(self) -> str:
        return urlsplit(endpoint(self.settings)).netloc


async def propose(
    goal: Goal,
    snapshot: Snapshot,
    settings: Settings,
    turn: Turn = FIRST,
    said: Say | None = None,
    meter: Meter | None = None,
    *,
    asked: Question | None = None,
) -> ModelAnswer:
    """One candidate for `goal`, or why there is none. `said` is told what is going on; every call
    runs through `meter`, and without one nothing is counted. `asked` is the job's first message,
    which must be the same in all its turns; None: made of the goal alone.
    """
    started = time.monotonic()
    chosen = prompts.chosen(goal.kind.value, settings.prompts)
    prompt = chosen.prompt
    if chosen.problem and turn == FIRST:
        (said or _silent)(chosen.problem)
    first = settings.model.models[0]
    if (missing := request.missing(settings)) is not None:
        return ModelAnswer(missing, prompt=prompt.reference)
    question: Question | Failure | None = asked
    if question is None:
        question = await asyncio.to_thread(request.question, goal, snapshot, settings)
    if isinstance(question, Failure):
        return ModelAnswer(question, prompt=prompt.reference)
    veil = question.veil()
    turn = await asyncio.to_thread(question.cleaned, turn, veil)
    call = _Call(settings, prompt, question.text, turn, said or _silent, meter)
    ending = await _within_deadline(call)
    model = call.model or first
    if ending.kind is None:
        proposal = _proposal(ending.text, snapshot, model, veil)
    else:
        proposal = Failure(ending.kind, ending.sentence, model)
    return ModelAnswer(
        proposal,
        reply=ending.text,
        model=model,
        prompt=prompt.reference,
        tokens_in=call.tokens_in,
        tokens_out=call.tokens_out,
        elapsed_s=time.monotonic() - started,
        call=call.number,
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """A text that a model answered with, and which model it was."""

    text: str
    model: str


async def answer(
    question: str,
    prompt: Prompt,
    schema: Mapping[str, Any],
    settings: Settings,
    said: Say,
    meter: Meter | None,
) -> Answered | Failure:
    """What a model answers to one question under `prompt`, in the form of `schema` where the
    endpoint can enforce one. Paid for, retried and given up as the calls of `propose` are; secrets
    are hidden from it, and stay hidden in what it answers.
    """
    first = settings.model.models[0]
    if (missing := request.missing(settings)) is not None:
        return missing
    call = _Call(settings, prompt, Veil().over(question), FIRST, said, meter, schema)
    ending = await _within_deadline(call)
    model = call.model or first
    if ending.kind is not None:
        return Failure(ending.kind, ending.sentence, model)
    return Answered(ending.text, model)


def _silent(_sentence: str) -> None:
    pass


def _proposal(text: str, snapshot: Snapshot, model: str, veil: Veil) -> Proposal:
    reply = unveiled.parse(text, snapshot, model, veil)
    if isinstance(reply, Failure):
        return reply
    return Candidate(
        reply.title, reply.edits, model, deterministic=False, explanation=reply.explanation
    )


async def _within_deadline(call: _Call) -> Ending:
    seconds, key = call.settings.limits.model_seconds, model_key() or PLACEHOLDER_KEY
    if not (key.isascii() and key.isprintable()) or " " in key:
        # The transport would write it into its log, as a header that it cannot send.
        return Ending(FailureKind.AUTH, "the key holds characters that no key can hold")
    try:
        client = _client(call.settings, key)
    except (httpx2.InvalidURL, ValueError):
        return Ending(FailureKind.UNREACHABLE, "model.base_url is not an address")
    try:
        async with asyncio.timeout(seconds), client:
            ending = await _down_the_models(client, call)
    except TimeoutError:
        kind = FailureKind.TRUNCATED if call.began else FailureKind.UNREACHABLE
        said = "was still writing" if call.began else "had not answered"
        return Ending(kind, f"{call.model} {said} after {seconds:g} s")
    return ending


def _client(settings: Settings, key: str) -> anthropic.AsyncAnthropic:
    """A client that takes nothing from profiles on disk and retries nothing on its own."""
    url = endpoint(settings)
    seconds = settings.limits.model_seconds
    token = key == os.environ.get("ANTHROPIC_AUTH_TOKEN")
    if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}:
        # A proxy cannot reach what listens on this machine.
        transport = httpx2.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=seconds, verify=_certificates()
        )
    else:
        transport = anthropic.DefaultAsyncHttpxClient(
            follow_redirects=False, verify=_certificates()
        )
    return anthropic.AsyncAnthropic(
        api_key=None if token else key,
        auth_token=key if token else None,
        base_url=url,
        max_retries=0,
        timeout=seconds,
        # It would send a traceparent of ours along.
        open_telemetry=False,
        http_client=transport,
    )


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once: it takes 50 ms, and every call of a model makes a client."""
    return httpx2.create_ssl_context()


async def _down_the_models(client: anthropic.AsyncAnthropic, call: _Call) -> Ending:
    """The first model that answers; the next where one is overloaded, refuses or is not there."""
    ending = Ending(FailureKind.CANNOT, "no model is named in the settings")
    for model in call.settings.model.models:
        call.model = model
        call.say(f"asking {model}")
        ending = await _with_retries(client, call)
        if ending.kind not in _NEXT_MODEL:
            break
        call.say(ending.sentence)
    return ending


async def _with_retries(client: anthropic.AsyncAnthropic, call: _Call) -> Ending:
    longest = call.settings.limits.retry_after_seconds
    for number in range(1, TRIES_PER_MODEL + 1):
        ending = await _ask_with_fewer(client, call)
        if ending.kind not in RETRIED or not ending.again or number == TRIES_PER_MODEL:
            break
        wait = BACKOFF_SECONDS * number if ending.wait is None else ending.wait
        if wait > longest:
            asked = f"asks to wait {wait:g} s, and Trueup waits {longest:g} s at most"
            return Ending(ending.kind, f"{call.host} {asked}")
        call.say(f"{ending.sentence}; trying again in {wait:g} s")
        await asyncio.sleep(wait)
    return ending


async def _ask_with_fewer(client: anthropic.AsyncAnthropic, call: _Call) -> Ending:
    """One request; while it is refused for its form, one with fewer options. What is accepted then
    is remembered of the endpoint.
    """
    place = endpoint(call.settings), call.model
    known = takes = endpoints.known(*place).takes
    wanted = _request(call, takes)
    while True:
        ending = await _ask(client, wanted, call)
        if ending.status not in {400, 422} or ending.kind is not FailureKind.PROTOCOL:
            break
        smaller = wanted
        while smaller == wanted and (fewer := takes.fewer) is not None:
            takes, smaller = fewer, _request(call, fewer)
        if smaller == wanted:
            return ending
        wanted = smaller
    if ending.kind is None and takes != known:
        endpoints.takes(*place, takes)
    return ending


def _request(call: _Call, takes: Capabilities) -> Request:
    return request.build(call.model, call.prompt, call.question, call.turn, call.settings, takes,
                         call.schema)  # fmt: skip


async def _ask(client: anthropic.AsyncAnthropic, wanted: Request, call: _Call) -> Ending:
    """One request, to its end: paid for before, settled after."""
    with _metered(call, wanted) as taken:
        if isinstance(taken, Refusal):
            return Ending(FailureKind.BUDGET, taken.sentence)
        ending = _without_key(await _streamed(client, wanted, call, taken))
        taken.ended(ending.kind.value if ending.kind else "", ending.sentence, ending.text)
    call.number = taken.number
    return ending


def _without_key(ending: Ending) -> Ending:
    """A server may repeat what it was sent."""
    key = model_key()
    if not key:
        return ending
    sentence, text = (said.replace(key, "(the key)") for said in (ending.sentence, ending.text))
    return replace(ending, sentence=sentence, text=text)


def _metered(call: _Call, wanted: Request) -> AbstractContextManager[Taken | Refusal]:
    if call.meter is None:
        return nullcontext(Taken(lambda: 0))
    return call.meter.calling(
        wanted.model,
        sent=wanted.text,
        reference=call.prompt.reference,
        digest=call.prompt.digest,
        prompt=context.most_tokens(wanted.text) + FRAME_TOKENS,
        output=wanted.max_tokens,
    )


@dataclass(slots=True)
class _Heard:
    """What has come of one answer: characters, and the count of the server."""

    call: _Call
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


async def _streamed(
    client: anthropic.AsyncAnthropic, wanted: Request, call: _Call, taken: Taken
) -> Ending:
    heard = _Heard(call, wanted.model, taken)
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
)
