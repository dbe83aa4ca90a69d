"""Candidates from a model, over the Messages API: which model, how often, and what it proposes.

One call of `propose` is one turn of a conversation. What it sends is made by `request`, which sends
nothing. The key is taken from the environment of this process and is never logged or shown; where
requests go is the machine's setting. Redirects are not followed, because they would carry the key
along.

Whatever goes wrong is a Failure with a sentence. Cancelling closes the connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from trueup.guards.redaction import Veil
from trueup.operations.budget import Refusal
from trueup.operations.meter import Meter, Taken
from trueup.propose import clients, context, endpoints, prompts, request, unveiled
from trueup.propose.clients import Client
from trueup.propose.conversation import FIRST, Turn
from trueup.propose.endings import RETRIED, Ending
from trueup.propose.endpoints import Capabilities
from trueup.propose.prompts import Prompt
from trueup.propose.proposal import Failure, FailureKind, Proposal
from trueup.propose.request import Question, Request
from trueup.propose.streaming import Call, Say, streamed
from trueup.settings import Settings, endpoint, model_key
from trueup.snapshot import Snapshot
from trueup.suggestion import Candidate, Goal

PLACEHOLDER_KEY: Final = "not-needed"
"""Local servers want no key, and the SDK wants one."""

TRIES_PER_MODEL: Final = 2
BACKOFF_SECONDS: Final = 0.25
"""The wait before another try where the server does not name one."""

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
    call = Call(settings, prompt, question.text, turn, said or _silent, meter)
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
    call = Call(settings, prompt, Veil().over(question), FIRST, said, meter, schema)
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


async def _within_deadline(call: Call) -> Ending:
    seconds, key = call.settings.limits.model_seconds, model_key() or PLACEHOLDER_KEY
    if not (key.isascii() and key.isprintable()) or " " in key:
        # The transport would write it into its log, as a header that it cannot send.
        return Ending(FailureKind.AUTH, "the key holds characters that no key can hold")
    try:
        client = clients.make(call.settings, key)
    except clients.UnusableError as problem:
        return Ending(FailureKind.UNREACHABLE, str(problem))
    try:
        async with asyncio.timeout(seconds), client:
            ending = await _down_the_models(client, call)
    except TimeoutError:
        kind = FailureKind.TRUNCATED if call.began else FailureKind.UNREACHABLE
        said = "was still writing" if call.began else "had not answered"
        return Ending(kind, f"{call.model} {said} after {seconds:g} s")
    return ending


async def _down_the_models(client: Client, call: Call) -> Ending:
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


async def _with_retries(client: Client, call: Call) -> Ending:
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


async def _ask_with_fewer(client: Client, call: Call) -> Ending:
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
    if ending.kind is None:
        takes = replace(takes, counting=call.counted)
        if takes != known:
            endpoints.takes(*place, takes)
    return ending


def _request(call: Call, takes: Capabilities) -> Request:
    return request.build(call.model, call.prompt, call.question, call.turn, call.settings, takes,
                         call.schema)  # fmt: skip


async def _ask(client: Client, wanted: Request, call: Call) -> Ending:
    """One request, to its end: paid for before, settled after."""
    with _metered(call, wanted) as taken:
        if isinstance(taken, Refusal):
            return Ending(FailureKind.BUDGET, taken.sentence)
        ending = _without_key(await streamed(client, wanted, call, taken))
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


def _metered(call: Call, wanted: Request) -> AbstractContextManager[Taken | Refusal]:
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
