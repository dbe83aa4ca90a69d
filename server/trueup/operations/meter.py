"""The meter that every call of a model runs through: paid for before, settled and recorded after.

    with meter.calling("claude-…", sent=text, prompt=9_000, output=16_000) as taken:
        if isinstance(taken, Refusal):
            ...                       # no call
        taken.began("claude-…-20260901", Usage(input=8_123))

Whatever ends the block, cancellation too, the reservation is settled with what is known by then.
The transactions are not handed to a thread: a task that is cancelled between reserving and
settling would leave the reservation to nobody, and each takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from trueup.operations.budget import Purse, Refusal, Reservation
from trueup.operations.prices import Usage
from trueup.operations.trace import ANSWERED, ModelCall, Recording, Told

CANCELLED = "cancelled"
REFUSED = "budget"


@dataclass
class Taken:
    """One call while it lasts: what it has taken so far, and how it ended."""

    elapsed_ms: Callable[[], int]
    served: str = ""
    usage: Usage = field(default_factory=Usage)
    first_token_ms: int | None = None
    estimated: bool = False
    ending: str = CANCELLED
    sentence: str = ""
    reply: str = ""
    number: int | None = None
    """The place of the call in the trace, once it has ended."""

    @property
    def has_begun(self) -> bool:
        return bool(self.served)

    def began(self, served: str, usage: Usage) -> None:
        """The server has read the prompt and names the model that answers."""
        self.served, self.usage = served, usage

    def wrote(self) -> None:
        """Something of the answer has come."""
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms()

    def produced(self, output: int, *, thinking: int = 0, estimated: bool = False) -> None:
        """The length of the answer in tokens, as counted there or estimated here."""
        self.usage = replace(self.usage, output=output, thinking=thinking)
        self.estimated = estimated

    def ended(self, failure: str = "", sentence: str = "", reply: str = "") -> None:
        self.ending, self.sentence, self.reply = failure or ANSWERED, sentence, reply


class Meter:
    """The calls of one job. `say` is told what the user should know of the money."""

    def __init__(self, purse: Purse, recording: Recording, say: Callable[[str], None]) -> None:
        self._purse, self._recording, self._say = purse, recording, say

    def told(self, *items: Told) -> None:
        """What the prompts hold of the project's memory, and why."""
        self._recording.told(*items)

    @contextmanager
    def calling(
        self, model: str, *, sent: str, reference: str, digest: str, prompt: int, output: int
    ) -> Iterator[Taken | Refusal]:
        """Run one call of at most `prompt` and `output` tokens, or be told why not.

        `sent` is the text that goes out; `reference` and `digest` name the prompt's version.
        """
        recording = self._recording
        began = recording.elapsed_ms
        call = ModelCall(model, "", reference, digest, began, 0, Usage(), sent=recording.keep(sent))
        held = self._held(model, prompt, output)
        if isinstance(held, Refusal):
            recording.called(replace(call, ending=REFUSED, sentence=held.sentence, sent=None))
            yield held
            return
        taken = Taken(lambda: recording.elapsed_ms - began)
        try:
            yield taken
        finally:
            if taken.ending == CANCELLED and not taken.has_begun:
                # The server may have read all of it before the connection was closed.
                taken.usage, taken.estimated = Usage(input=prompt), True
            settled = self._purse.settle(held, taken.usage, taken.served)
            if settled.problem:
                self._say(settled.problem)
            taken.number = recording.called(
                replace(
                    call,
                    served=taken.served,
                    elapsed_ms=recording.elapsed_ms - began,
                    usage=taken.usage,
                    ending=taken.ending,
                    sentence=taken.sentence,
                    first_token_ms=taken.first_token_ms,
                    cost_nano=settled.cost.nano if settled.cost else None,
                    price_version=settled.cost.version if settled.cost else "",
                    estimated=taken.estimated,
                    reply=recording.keep(taken.reply),
                )
            )

    def _held(self, model: str, prompt: int, output: int) -> Reservation | Refusal:
        held = self._purse.reserve(self._recording.trace.id, model, prompt=prompt, output=output)
        if isinstance(held, Refusal):
            return held
        if held.note:
            self._say(held.note)
        return self._purse.sent(held) or held
