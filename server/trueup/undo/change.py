"""A change as it is written down, and how the files stand to it now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from trueup.snapshot import digest


class State(StrEnum):
    """What is known to have become of a change."""

    SENT = "sent"
    """It was about to be made; where nobody holds the record any more, that was interrupted."""
    APPLIED = "applied"
    PARTIAL = "partial"
    """Some of its files are not what it made of them."""
    UNDONE = "undone"
    LEFT = "left"
    """It was interrupted, and the user wants it as it is."""


class Side(StrEnum):
    """The text of a file before the change, and after it."""

    BASE = "base"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """Both texts of a file; None where there is no such file. `encoding` makes bytes of them."""

    path: str
    base: str | None
    result: str | None
    encoding: str = "utf-8"

    def text(self, side: Side) -> str | None:
        return self.base if side is Side.BASE else self.result

    def raw(self, side: Side) -> bytes | None:
        """Raises UnicodeEncodeError where the encoding cannot hold the text."""
        text = self.text(side)
        return text.encode(self.encoding) if text is not None else None


@dataclass(frozen=True, slots=True)
class Change:
    """`number` counts all changes of this machine; `at` is when, in seconds of the epoch."""

    number: int
    root: str
    title: str
    at: float
    state: State
    files: tuple[ChangedFile, ...]

    @property
    def identity(self) -> str:
        """What a person calls it by."""
        return str(self.number)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the files of a change stand: those that have the text of that side already, those that
    have the other one, and those that have a text of the user's own.
    """

    already: tuple[ChangedFile, ...]
    other: tuple[ChangedFile, ...]
    foreign: tuple[ChangedFile, ...]

    @property
    def is_mixed(self) -> bool:
        return bool(self.foreign or (self.already and self.other))


def standing(change: Change, text: Callable[[str], str | None], side: Side) -> Standing:
    """How the files stand towards `side`; `text` says what each holds now, None where it is not
    there.
    """
    opposite = Side.RESULT if side is Side.BASE else Side.BASE
    found: dict[Side | None, list[ChangedFile]] = {side: [], opposite: [], None: []}
    for file in change.files:
        held = text(file.path)
        where = next((each for each in (side, opposite) if same(held, file.text(each))), None)
        found[where].append(file)
    return Standing(tuple(found[side]), tuple(found[opposite]), tuple(found[None]))


def same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and digest(one) == digest(other)
