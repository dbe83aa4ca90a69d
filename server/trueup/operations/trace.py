"""What happened in one job, as values: goal, plan, calls of the model, candidates, the answer.

A trace answers "why this, and what did it cost" long after the job: it names the version of the
prompt, the model that was asked and the one that answered, what each took and by which prices, and
what the gate found on every candidate. Long texts (prompts, replies, diffs) are named by their
digest and kept beside it.

Values, and the Recording in which a job collects them; `tracestore` keeps them, `tracepage` shows
them. Moments are milliseconds since the job began, so that a clock that jumps bends no timeline.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from trueup import __version__
from trueup.guards.redaction import redacted
from trueup.operations.prices import Usage
from trueup.suggestion import Evidence, Goal, TestSummary

FORMAT: Final = 1
"""Of the stored form; a trace of a later one is not read."""

ANSWERED: Final = "answered"
"""The ending of a call that was answered; others are the names of failures."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is kept beside the trace: hex SHA-256 of its UTF-8, and its length in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request. `cost_nano` is None where the price is not known, `first_token_ms` where no
    answer began; `estimated` says that the connection broke before the model told its count.
    """

    asked: str
    served: str
    prompt: str
    prompt_digest: str
    began_ms: int
    elapsed_ms: int
    usage: Usage
    ending: str = ANSWERED
    sentence: str = ""
    first_token_ms: int | None = None
    cost_nano: int | None = None
    price_version: str = ""
    estimated: bool = False
    sent: Text | None = None
    reply: Text | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Something of the project that a prompt held beside the code it is about, and why.

    `kind` is "decision" or "code"; `rank` is its place from 1 on by how much it is about the goal,
    `scope` what of its scope the goal matches. What was `left_out` had no room in the budget.
    """

    kind: str
    name: str
    title: str
    path: str
    why: str
    scope: str = ""
    rank: int = 0
    tokens: int = 0
    left_out: bool = False

    @property
    def sentence(self) -> str:
        """What the user reads of it."""
        called = " ".join(part for part in (self.kind, self.name, self.title) if part)
        if self.left_out:
            return f"no room for {called}"
        return f"{called} (rank {self.rank}, {self.tokens} tokens): {self.why}"


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate and what the gate found; `call` is the place of its call, None for a
    deterministic proposer. Without a candidate, `sentence` says why.
    """

    proposer: str
    title: str
    began_ms: int
    elapsed_ms: int
    outcome: str
    """A Ruling, or the name of a failure."""
    sentence: str = ""
    evidence: tuple[Evidence, ...] = ()
    diff: Text | None = None
    tests: TestSummary = field(default_factory=TestSummary)
    isolation: str = ""
    call: int | None = None


@dataclass(frozen=True, slots=True)
class UserAnswer:
    """What the user did with the suggestion: "applied", "kept", "rejected", "undone"; `at` as
    `Trace.began`.
    """

    said: str
    at: str


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file as it was before any candidate: what a case needs that is made of the trace."""

    path: str
    text: Text


@dataclass(frozen=True, slots=True)
class Trace:
    """`began` is an ISO 8601 moment in UTC; `outcome` as in Tried, or "cancelled", "error"."""

    id: str
    began: str
    root: str
    goal: Goal
    plan: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    """What the prompts held of the project's memory, each once."""
    calls: tuple[ModelCall, ...] = ()
    tried: tuple[Tried, ...] = ()
    outcome: str = ""
    sentence: str = ""
    isolation: str = ""
    elapsed_ms: int = 0
    answers: tuple[UserAnswer, ...] = ()
    files: tuple[HeldFile, ...] = ()
    version: str = __version__
    format: int = FORMAT

    @property
    def usage(self) -> Usage:
        return sum((call.usage for call in self.calls), Usage())

    @property
    def cost_nano(self) -> int:
        """Of the calls whose price is known."""
        return sum(call.cost_nano or 0 for call in self.calls)

    @property
    def unpriced(self) -> int:
        """Tokens of the calls whose price is not known."""
        return sum(call.usage.total for call in self.calls if call.cost_nano is None)

    @property
    def texts(self) -> tuple[Text, ...]:
        """Every text that is kept beside it."""
        named = [text for call in self.calls for text in (call.sent, call.reply)]
        named += [item.diff for item in self.tried]
        named += [item.text for item in self.files]
        return tuple(text for text in named if text is not None)

    def answered(self, said: str, *, at: datetime | None = None) -> Trace:
        """This trace with what the user did."""
        answer = UserAnswer(said, _iso(at or datetime.now(UTC)))
        return replace(self, answers=(*self.answers, answer))


def new_id(began: datetime) -> str:
    """Sorted by time, as "20261121T175903-5f3a9c1e"; nothing that a path would mind."""
    return f"{began.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


@dataclass
class Recording:
    """A trace while its job runs. `texts` are the kept texts by digest."""

    root: str
    goal: Goal
    trace: Trace = field(init=False)
    texts: dict[str, str] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        began = datetime.now(UTC)
        self.trace = Trace(new_id(began), _iso(began), self.root, self.goal)

    @property
    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)

    def keep(self, text: str) -> Text | None:
        """The name of `text`, which is kept beside the trace; None for nothing."""
        if not text:
            return None
        text = redacted(text)
        raw = text.encode("utf-8", "replace")
        named = Text(hashlib.sha256(raw).hexdigest(), len(raw))
        self.texts[named.digest] = text
        return named

    def holds(self, path: str, text: str) -> None:
        """Keep a file as it was; the first time it is named counts."""
        if any(item.path == path for item in self.trace.files):
            return
        kept = self.keep(text)
        if kept is not None:
            self.trace = replace(self.trace, files=(*self.trace.files, HeldFile(path, kept)))

    def planned(self, *lines: str) -> None:
        self.trace = replace(self.trace, plan=(*self.trace.plan, *lines))

    def told(self, *items: Told) -> None:
        """What a prompt holds; a prompt that holds the same again says nothing new."""
        told = tuple(dict.fromkeys((*self.trace.told, *items)))
        self.trace = replace(self.trace, told=told)

    def called(self, call: ModelCall) -> int:
        """The place of this call among those of the trace."""
        self.trace = replace(self.trace, calls=(*self.trace.calls, call))
        return len(self.trace.calls) - 1

    def judged(self, tried: Tried) -> None:
        self.trace = replace(self.trace, tried=(*self.trace.tried, tried))

    def ended(self, outcome: str, sentence: str = "", isolation: str = "") -> Trace:
        """The whole trace."""
        self.trace = replace(
            self.trace,
            outcome=outcome,
            sentence=sentence,
            isolation=isolation,
            elapsed_ms=self.elapsed_ms,
        )
        return self.trace
