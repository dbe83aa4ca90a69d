"""What a decision is, and all decisions of a project at one moment.

Values only: who reads them from which file, who judges by them and who writes them is elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from trueup.architecture.contracts import Severity, Source
from trueup.memory.rules import Rule

PREFIX_MIN: Final = 6


class Status(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs-review"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    RETIRED = "retired"


class Weight(StrEnum):
    """What breaking a decision means: the gate refuses it, it is worth a warning, or a remark."""

    VETO = "veto"
    WARN = "warn"
    ADVICE = "advice"


class Visibility(StrEnum):
    """Who may see a decision: everybody, who works on this machine, or no model and no export."""

    TEAM = "team"
    LOCAL = "local"
    NEVER = "never"


class Origin(StrEnum):
    """Which form it was read from."""

    DECISION = "decision"
    ADR = "adr"
    INSTRUCTIONS = "instructions"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a decision is about: globs of paths, qualified names (`shop.http.*` is all below), kinds
    of goal. What is empty restricts nothing.
    """

    paths: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anchor:
    """Code that a decision rests on, and the digest that it had then ("" for unknown)."""

    path: str
    symbol: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`path` is relative to the root; `number` is what its file name begins with, "" for none."""

    id: str
    title: str
    path: str
    origin: Origin
    status: Status = Status.PROPOSED
    severity: Weight = Weight.ADVICE
    scope: Scope = Scope()
    rules: tuple[Rule, ...] = ()
    evidence: tuple[Anchor, ...] = ()
    supersedes: tuple[str, ...] = ()
    visibility: Visibility = Visibility.TEAM
    body: str = ""
    """The prose, as it stands in the file."""
    digest: str = ""
    """Of the whole file; a change is written only while it is the same."""
    line: int = 1
    """Where its id or else its title stands, 1-based."""
    broken: str = ""
    """Why a part of it cannot be enforced, one sentence; "" where all can."""

    @property
    def number(self) -> str:
        name = self.path.rpartition("/")[2]
        digits = name[: len(name) - len(name.lstrip("0123456789"))]
        return digits if self.origin is not Origin.INSTRUCTIONS else ""

    @property
    def is_in_force(self) -> bool:
        """Whether its rules are evaluated: one that needs a review still is, as a warning."""
        return self.status in {Status.ACCEPTED, Status.NEEDS_REVIEW}

    @property
    def weight(self) -> Severity:
        if self.severity is Weight.ADVICE:
            return Severity.INFORMATION
        if self.severity is Weight.WARN or self.status is Status.NEEDS_REVIEW:
            return Severity.WARNING
        return Severity.ERROR


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about a file of decisions, at its line. Everything else in it is read."""

    source: Source
    message: str
    severity: Severity = Severity.ERROR
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions of a project, by path. `roots` are the folders that it imports from."""

    decisions: tuple[Decision, ...] = ()
    problems: tuple[Problem, ...] = ()
    roots: tuple[str, ...] = ("", "src")
    _names: Mapping[str, tuple[Decision, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names: dict[str, tuple[Decision, ...]] = {}
        for decision in self.decisions:
            number = _shortest(decision.number)
            for name in {decision.id.upper(), decision.path.upper(), number} - {""}:
                names[name] = (*names.get(name, ()), decision)
        object.__setattr__(self, "_names", names)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.decisions)

    def __len__(self) -> int:
        return len(self.decisions)

    def short(self, decision: Decision) -> str:
        """How people call it: its number, or its id where that is no name for one decision."""
        number = decision.number
        same = self._names.get(_shortest(number), ())
        return number if len(same) == 1 else decision.id

    def find(self, name: str) -> tuple[Decision, ...]:
        """Those called `name`: an id, the first PREFIX_MIN or more letters of one, a number, a
        path. More than one where the name is not clear.
        """
        wanted = name.strip().upper()
        found = self._names.get(_shortest(wanted) if wanted.isdigit() else wanted, ())
        if found or len(wanted) < PREFIX_MIN:
            return found
        return tuple(item for item in self if item.id.upper().startswith(wanted))


def _shortest(number: str) -> str:
    """A number without the zeros in front; MADR's first one is 0000."""
    return (number.lstrip("0") or "0") if number else ""
