"""A request to the Messages API as it goes out, made in one place.

What is sent, what is shown to somebody who asks what would be sent, what room is reserved for and
what a trace keeps are made from the same value, so that they cannot differ. Nothing here sends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from trueup.guards.redaction import Veil
from trueup.memory import places
from trueup.memory.unsent import Unsent
from trueup.propose import context, conversation, endpoints, prompts
from trueup.propose.context import Context, Material
from trueup.propose.conversation import FIRST, Attempt, Turn
from trueup.propose.endpoints import Capabilities
from trueup.propose.prompts import Prompt
from trueup.propose.proposal import Failure, FailureKind
from trueup.propose.reply import SCHEMA
from trueup.settings import VENDOR, Settings, endpoint, model_key
from trueup.snapshot import Snapshot
from trueup.suggestion import Goal, GoalKind


@dataclass(frozen=True, slots=True)
class Question:
    """The first message of a job, and how what must not be sent is kept out of all its turns.

    `text` is what is sent: `context` with placeholders in the place of its secrets.
    """

    context: Context
    text: str
    unsent: Unsent
    secrets: Mapping[str, str]

    def veil(self) -> Veil:
        """What hides the same secrets by the same placeholders, for one turn."""
        return Veil(dict(self.secrets))

    def cleaned(self, turn: Turn, veil: Veil) -> Turn:
        """The turn without secrets, and without what is never sent: a check may quote both."""
        attempts = (
            Attempt(veil.over(item.reply), veil.over(self.unsent.without(item.complaint)))
            for item in turn.attempts
        )
        return Turn(tuple(attempts), veil.over(self.unsent.without(turn.told)))


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `options` are what not every endpoint takes."""

    model: str
    max_tokens: int
    system: str
    messages: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any]

    @property
    def arguments(self) -> dict[str, Any]:
        """What the SDK is called with."""
        return {name: value for name, value in self.body.items() if name != "stream"}

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that is posted, in the order in which it is."""
        return {
            "max_tokens": self.max_tokens,
            "messages": list(self.messages),
            "model": self.model,
            **self._ordered(),
        }

    def _ordered(self) -> dict[str, Any]:
        rest = {**self.options, "system": self.system, "stream": True}
        return {name: rest[name] for name in _ORDER if name in rest}

    @property
    def json(self) -> str:
        """The bytes of the body, as text."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))

    @property
    def text(self) -> str:
        """All that a model reads, with who says it; for people, and to be counted."""
        said = [f"{message['role']}:\n{_words(message['content'])}" for message in self.messages]
        return "\n\n".join((f"system:\n{self.system}", *said))


_ORDER: Final = ("cache_control", "output_config", "system", "stream")


def _words(content: str | list[Mapping[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n\n".join(part["text"] for part in content)


def build(
    model: str, prompt: Prompt, question: str, turn: Turn, settings: Settings,
    takes: Capabilities, schema: Mapping[str, Any] = SCHEMA,
) -> Request:  # fmt: skip
    """The request for one turn, with the options that the endpoint takes; `schema` is the form of
    the answer.
    """
    options: dict[str, Any] = {}
    if takes.structured:
        config: dict[str, Any] = {"format": {"type": "json_schema", "schema": schema}}
        if settings.model.effort and takes.thinking:
            config["effort"] = settings.model.effort
        options["output_config"] = config
    if takes.caching:
        options["cache_control"] = {"type": "ephemeral"}
    return Request(
        model,
        int(settings.limits.model_output_tokens),
        prompt.text,
        tuple(conversation.messages(question, turn)),
        options,
    )


def missing(settings: Settings) -> Failure | None:
    """Why no model can be asked with these settings, before anything is made for it."""
    if settings.model.provider != "anthropic" or endpoint(settings) != VENDOR or model_key():
        return None
    sentence = (
        "no model is set up: set ANTHROPIC_API_KEY, or model.base_url for a server of your own"
    )
    return Failure(FailureKind.NO_KEY, sentence, settings.model.models[0])


def obstacle(goal: Goal, snapshot: Snapshot, settings: Settings) -> Failure | None:
    """Why no model can be asked about the goal's file, before anything is made for it."""
    first = settings.model.models[0]
    if unsent_of(snapshot, settings).hides(goal.path):
        sentence = f"{goal.path} is never sent to a model: the setting `visibility.never` names it"
        return Failure(FailureKind.PRIVATE, sentence, first)
    return context.obstacle(goal, snapshot, first)


def unsent_of(snapshot: Snapshot, settings: Settings) -> Unsent:
    """What of the project no model is sent."""
    texts = {document.path: document.text for document in snapshot}
    return Unsent(
        snapshot.root,
        settings.shown,
        lambda: places.load(snapshot.root, texts, instructions=False),
    )


def question(
    goal: Goal, snapshot: Snapshot, settings: Settings, material: Material = context.NOTHING
) -> Question | Failure:
    """The first message about `goal`, or why there is none. Made once in a job: what is learned of
    the endpoint meanwhile must not change the beginning of the conversation.
    """
    first = settings.model.models[0]
    if (hindered := obstacle(goal, snapshot, settings)) is not None:
        return hindered
    unsent = unsent_of(snapshot, settings)
    if goal.diagnostic is not None:
        said = unsent.without(goal.diagnostic.message)
        goal = replace(goal, diagnostic=replace(goal.diagnostic, message=said))
    made = context.build(
        goal,
        snapshot,
        int(settings.limits.context_tokens),
        proposer=first,
        material=material,
        characters_per_token=endpoints.known(endpoint(settings), first).characters_per_token,
    )
    if isinstance(made, Failure):
        return made
    veil = Veil()
    text = veil.over(made.text)
    return Question(made, text, unsent, veil.secrets)


def planned(asked: Question, settings: Settings, kind: GoalKind) -> Request:
    """The first request of a job of that kind, as the first model of the list would get it."""
    first = settings.model.models[0]
    takes = endpoints.known(endpoint(settings), first).takes
    return build(
        first,
        prompts.chosen(kind.value, settings.prompts).prompt,
        asked.text,
        FIRST,
        settings,
        takes,
    )
