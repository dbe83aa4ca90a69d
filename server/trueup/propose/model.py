"""Candidates from a model, over the Messages API. The only module that knows the vendor's SDK.

One call of `propose` is one turn of a conversation: the prompt, and for every attempt that the
gate rejected, the model's reply and the gate's complaint. The key is taken from the environment of
this process and is never logged or shown; where requests go is the machine's setting. Redirects
are not followed, because they would carry the key along.

Whatever goes wrong is a Failure with a sentence. Cancelling closes the connection.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import anthropic
import httpx2
from anthropic.types import Message, MessageDeltaUsage, MessageParam

from trueup.guards.redaction import Veil
from trueup.memory import places
from trueup.memory.decisions import Decisions
from trueup.memory.unsent import Unsent
from trueup.operations.budget import Refusal
from trueup.operations.meter import Meter, Taken
from trueup.operations.prices import Usage
from trueup.propose import context, remembered, unveiled
from trueup.propose.endings import RETRIED, Ending, ending_of
from trueup.propose.prompts import Prompt, load
from trueup.propose.proposal import Failure, FailureKind, Proposal
from trueup.propose.reply import SCHEMA
from trueup.settings import VENDOR, Settings, endpoint, model_key
from trueup.snapshot import Snapshot
from trueup.suggestion import Candidate, Goal

PROMPT: Final = "suggest.v1"
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
class Attempt:
    """A reply of the model and what was wrong with it, for the next round."""

    reply: str
    complaint: str


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


@dataclass(slots=True)
class _Call:
    """One turn while it lasts: what is asked, and what it has taken so far."""

    settings: Settings
    prompt: Prompt
    messages: list[MessageParam]
    say: Say
    meter: Meter | None
    structured: bool = True
    """Whether the endpoint takes `output_config`; local servers may not."""
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
    attempts: tuple[Attempt, ...] = (),
    said: Say | None = None,
    meter: Meter | None = None,
) -> ModelAnswer:
    """One candidate for `goal`, or why there is none. `said` is told what is going on; every call
    runs through `meter`, and without one nothing is counted.
    """
    started = time.monotonic()
    prompt = load(PROMPT)
    first = settings.model.models[0]
    if model_key() is None and endpoint(settings) == VENDOR:
        sentence = (
            "no model is set up: set ANTHROPIC_API_KEY, or model.base_url for a server of your own"
        )
        return ModelAnswer(Failure(FailureKind.NO_KEY, sentence, first), prompt=prompt.reference)
    unsent = Unsent(snapshot.root, settings.shown, partial(_decisions, snapshot))
    if unsent.hides(goal.path):
        sentence = f"{goal.path} is never sent to a model: the setting `visibility.never` names it"
        return ModelAnswer(Failure(FailureKind.CANNOT, sentence, first), prompt=prompt.reference)
    goal, attempts = await asyncio.to_thread(_without, unsent, goal, attempts)
    told = await asyncio.to_thread(remembered.decisions, goal, snapshot, unsent.hides)
    if meter is not None:
        meter.told(*remembered.told(told))
    shown = context.build(
        goal,
        snapshot,
        int(settings.limits.context_tokens),
        proposer=first,
        decisions=remembered.text(told),
    )
    if isinstance(shown, Failure):
        return ModelAnswer(shown, prompt=prompt.reference)
    if shown.stripped and said is not None:
        said(f"{shown.stripped} characters that cannot be seen are not shown to the model")
    veil = Veil()
    conversation = _conversation(shown.text, attempts, veil)
    call = _Call(settings, prompt, conversation, said or _silent, meter)
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
    )


def _decisions(snapshot: Snapshot) -> Decisions:
    texts = {document.path: document.text for document in snapshot}
    return places.load(snapshot.root, texts, instructions=False)


def _without(
    unsent: Unsent, goal: Goal, attempts: tuple[Attempt, ...]
) -> tuple[Goal, tuple[Attempt, ...]]:
    """The words of other tools and of the gate, without what is never sent."""
    if goal.diagnostic is not None:
        said = unsent.without(goal.diagnostic.message)
        goal = replace(goal, diagnostic=replace(goal.diagnostic, message=said))
    clean = tuple(replace(item, complaint=unsent.without(item.complaint)) for item in attempts)
    return goal, clean


def _silent(_sentence: str) -> None:
    pass


def _proposal(text: str, snapshot: Snapshot, model: str, veil: Veil) -> Proposal:
    reply = unveiled.parse(text, snapshot, model, veil)
    if isinstance(reply, Failure):
        return reply
    return Candidate(
        reply.title, reply.edits, model, deterministic=False, explanation=reply.explanation
    )


def _conversation(question: str, attempts: tuple[Attempt, ...], veil: Veil) -> list[MessageParam]:
    """What is sent: without the secrets that are in it, whoever wrote them there."""
    messages: list[MessageParam] = [{"role": "user", "content": veil.over(question)}]
    for attempt in attempts:
        # The API refuses empty texts.
        replied = veil.over(attempt.reply.strip()) or "(no answer)"
        complained = veil.over(attempt.complaint.strip()) or "Try again."
        messages.append({"role": "assistant", "content": replied})
        messages.append({"role": "user", "content": complained})
    return messages


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
        transport = httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=seconds)
    else:
        transport = anthropic.DefaultAsyncHttpxClient(follow_redirects=False)
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
    model, longest = call.model, call.settings.limits.retry_after_seconds
    for number in range(1, TRIES_PER_MODEL + 1):
        ending = await _ask(client, model, call)
        if ending.status in {400, 422} and call.structured and ending.kind is FailureKind.PROTOCOL:
            call.structured = False
            ending = await _ask(client, model, call)
        if ending.kind not in RETRIED or not ending.again or number == TRIES_PER_MODEL:
            break
        wait = BACKOFF_SECONDS * number if ending.wait is None else ending.wait
        if wait > longest:
            asked = f"asks to wait {wait:g} s, and Trueup waits {longest:g} s at most"
            return Ending(ending.kind, f"{call.host} {asked}")
        call.say(f"{ending.sentence}; trying again in {wait:g} s")
        await asyncio.sleep(wait)
    return ending


async def _ask(client: anthropic.AsyncAnthropic, model: str, call: _Call) -> Ending:
    """One request, to its end: paid for before, settled after."""
    with _metered(call, model) as taken:
        if isinstance(taken, Refusal):
            return Ending(FailureKind.BUDGET, taken.sentence)
        ending = _without_key(await _streamed(client, model, call, taken))
        taken.ended(ending.kind.value if ending.kind else "", ending.sentence, ending.text)
    return ending


def _without_key(ending: Ending) -> Ending:
    """A server may repeat what it was sent."""
    key = model_key()
    if not key:
        return ending
    sentence, text = (said.replace(key, "(the key)") for said in (ending.sentence, ending.text))
    return replace(ending, sentence=sentence, text=text)


def _metered(call: _Call, model: str) -> AbstractContextManager[Taken | Refusal]:
    if call.meter is None:
        return nullcontext(Taken(lambda: 0))
    said = [f"{message['role']}:\n{message['content']}" for message in call.messages]
    sent = "\n\n".join((f"system:\n{call.prompt.text}", *said))
    return call.meter.calling(
        model,
        sent=sent,
        reference=call.prompt.reference,
        digest=call.prompt.digest,
        prompt=context.most_tokens(sent) + FRAME_TOKENS,
        output=int(call.settings.limits.model_output_tokens),
    )


async def _streamed(
    client: anthropic.AsyncAnthropic, model: str, call: _Call, taken: Taken
) -> Ending:
    written = reported = thought = 0
    counted: MessageDeltaUsage | None = None
    try:
        async with client.messages.stream(
            model=model,
            max_tokens=int(call.settings.limits.model_output_tokens),
            system=call.prompt.text,
            messages=call.messages,
            **_options(call),
        ) as stream:
            async for event in stream:
                if event.type == "message_start":
                    call.began, call.model = True, event.message.model or model
                    taken.began(call.model, _read(event.message))
                elif event.type == "content_block_delta":
                    taken.wrote()
                    thought += len(getattr(event.delta, "thinking", ""))
                elif event.type == "text":
                    written += len(event.text)
                    if written - reported >= PROGRESS_CHARACTERS:
                        reported = written
                        call.say(f"{model} has written {written} characters")
                elif event.type == "message_delta":
                    counted = event.usage
            ending = ending_of(await stream.get_final_message(), model, call.host)
    except _ENDS as problem:
        ending = ending_of(problem, model, call.host)
    finally:
        # The final count never comes for an answer that was cut off.
        if counted is not None:
            details = counted.output_tokens_details
            thinking = details.thinking_tokens if details else 0
            taken.produced(counted.output_tokens, thinking=thinking)
        elif taken.has_begun:
            seen = context.estimated_tokens("x" * (written + thought))
            taken.produced(seen, estimated=True)
        call.tokens_in += taken.usage.prompt
        call.tokens_out += taken.usage.output
    return ending


def _options(call: _Call) -> dict[str, Any]:
    """What an endpoint may not take, and is left out then."""
    if not call.structured:
        return {}
    config: dict[str, Any] = {"format": {"type": "json_schema", "schema": SCHEMA}}
    if call.settings.model.effort:
        config["effort"] = call.settings.model.effort
    return {"output_config": config, "cache_control": {"type": "ephemeral"}}


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
