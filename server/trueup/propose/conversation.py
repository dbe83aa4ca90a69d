"""One turn of a conversation with a model: what was said before, and what it is told now.

The first message, the prompt's own, is the same in every turn of a job: an endpoint that caches
reads it once, whether a turn goes on with an answer or begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from trueup.propose.delimiters import delimited

AGAIN: Final = "Answer again: a complete JSON object, with all edits against the original text."


@dataclass(frozen=True, slots=True)
class Attempt:
    """A reply of the model and what was wrong with it, for the next round."""

    reply: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows the first message: replies with their complaints, or, where none is to be seen,
    `told`, which is what was wrong with somebody's answer.
    """

    attempts: tuple[Attempt, ...] = ()
    told: str = ""

    def answered(self, reply: str, complaint: str) -> Turn:
        """The turn after this one got `reply`, about which there is this complaint."""
        return replace(self, attempts=(*self.attempts, Attempt(reply, complaint)))


FIRST: Final = Turn()


def messages(question: str, turn: Turn) -> list[dict[str, object]]:
    """The conversation in the form of the Messages API; its last message is the user's."""
    first: object = question
    if turn.told:
        told = f"{delimited('what was found on another answer to this', turn.told)}\n\n{AGAIN}"
        first = [{"type": "text", "text": question}, {"type": "text", "text": told}]
    said: list[dict[str, object]] = [{"role": "user", "content": first}]
    for attempt in turn.attempts:
        # The API refuses empty texts.
        said.append({"role": "assistant", "content": attempt.reply.strip() or "(no answer)"})
        found = delimited("what was found on this answer", attempt.complaint)
        said.append({"role": "user", "content": f"{found}\n\n{AGAIN}"})
    return said
