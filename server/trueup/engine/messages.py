"""What the front and the engine say to each other: one JSON object a line, tagged by its type."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import UnionType
from typing import Final, cast

import cattrs
from cattrs.preconf.json import make_converter
from cattrs.strategies import configure_tagged_union

from trueup import ProtocolError
from trueup.engine.findings import Finding
from trueup.suggestion import Candidate, Goal, Suggestion

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
BEAT_SECONDS: Final = 5.0
"""How often the engine says that it lives."""


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A buffer as the editor holds it."""

    path: str
    text: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Work on `goal`; with a `candidate`, only judge that one. `settings` are the client's.

    `absent` are files of the disk that are not there yet at the moment that `documents` describe.
    """

    job: int
    root: str
    goal: Goal
    documents: tuple[OpenDocument, ...] = ()
    candidate: Candidate | None = None
    settings: dict[str, object] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    show: bool = False
    """Only show what a model would be sent for the goal; the answer is a Prompted."""
    pin: bool = False
    """Where the candidate stays unproven, write a test of what the code does today, and try it."""
    deterministic: bool = False
    """Only what needs no model."""
    trusted: bool = True
    """Whether the editor trusts the workspace; else nothing of it is executed and nothing sent."""


@dataclass(frozen=True, slots=True)
class Review:
    """Look for defects in what changed of `path`: since `since`, a text, or since the last commit
    where that is None.
    """

    job: int
    root: str
    path: str
    documents: tuple[OpenDocument, ...] = ()
    since: str | None = None
    settings: dict[str, object] = field(default_factory=dict)
    trusted: bool = True
    """As in Start."""


@dataclass(frozen=True, slots=True)
class Cancel:
    job: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user chose, "" for nothing."""

    job: int
    question: int
    choice: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What the job is doing now, in a few words."""

    job: int
    says: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something only the user can decide; the job waits for the Answer."""

    job: int
    question: int
    says: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    job: int
    suggestion: Suggestion


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review found, `says` in one sentence; `trace` as in Suggestion."""

    job: int
    findings: tuple[Finding, ...]
    says: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Suggestions of the kind `goal` are getting worse; it belongs to no job."""

    job: int
    says: str
    goal: str


@dataclass(frozen=True, slots=True)
class Prompted:
    """What would be sent: `text` for people, `body` as it would be posted. Nothing was sent."""

    job: int
    text: str
    body: str


@dataclass(frozen=True, slots=True)
class Declined:
    """There is no candidate, and why: one sentence."""

    job: int
    says: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The job was cancelled and nothing of it runs any more."""

    job: int


@dataclass(frozen=True, slots=True)
class Alive:
    """The engine is not stuck, however long its jobs take. `job` is 0: of none."""

    job: int = 0


ToEngine = Start | Review | Cancel | Answer
FromEngine = Progress | Question | Done | Prompted | Reviewed | Noticed | Declined | Stopped | Alive

_CONVERTER: Final = make_converter()
# `object` means: whatever JSON held. A hook for the type itself would match every type.
_CONVERTER.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)
configure_tagged_union(ToEngine, _CONVERTER, tag_name="type")
configure_tagged_union(FromEngine, _CONVERTER, tag_name="type")


def encode(message: ToEngine | FromEngine) -> bytes:
    """One line, the line end included."""
    union = ToEngine if isinstance(message, ToEngine) else FromEngine
    return json.dumps(_CONVERTER.unstructure(message, unstructure_as=union)).encode() + b"\n"


def decode_to_engine(line: bytes) -> ToEngine:
    """Raises ProtocolError where the line is not a message."""
    return cast("ToEngine", _decode(line, ToEngine))


def decode_from_engine(line: bytes) -> FromEngine:
    """Raises ProtocolError where the line is not a message."""
    return cast("FromEngine", _decode(line, FromEngine))


def _decode(line: bytes, union: UnionType) -> object:
    try:
        made: object = _CONVERTER.structure(json.loads(line), cast("type", union))
        return made
    except (ValueError, KeyError, TypeError, cattrs.BaseValidationError) as problem:
        raise ProtocolError(f"the engine and the front disagree: {problem}") from None


def goal_to_json(goal: Goal) -> dict[str, object]:
    """A goal as the arguments of a command carry it through an editor."""
    made: dict[str, object] = _CONVERTER.unstructure(goal)
    return made


def goal_from_json(value: object) -> Goal:
    """Raises ProtocolError where `value` is not a goal."""
    try:
        return _CONVERTER.structure(value, Goal)
    except (ValueError, KeyError, TypeError, cattrs.BaseValidationError):
        raise ProtocolError("the command's argument is not a goal of Trueup") from None


def suggestion_from_json(value: object) -> Suggestion:
    """Raises ProtocolError where `value` is not a suggestion."""
    try:
        return _CONVERTER.structure(value, Suggestion)
    except (ValueError, KeyError, TypeError, cattrs.BaseValidationError):
        raise ProtocolError("that is not a suggestion of Trueup") from None


def suggestion_to_json(suggestion: Suggestion) -> dict[str, object]:
    made: dict[str, object] = _CONVERTER.unstructure(suggestion)
    return made
