"""What people said about suggestions, appended to a file that lives beside the decisions.

Knows events: one JSON object a line, never rewritten, so that two branches merge by keeping the
lines of both. It holds digests, recipes and reasons; code never enters it. What a rejection means
for the next suggestion is `feedback`'s to say.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from trueup import InputError, workspace
from trueup.architecture.contracts import Severity, Source
from trueup.memory import ulid
from trueup.memory.decisions import Problem
from trueup.memory.places import OURS, folders

NAME: Final = "feedback.jsonl"
BYTES_MAX: Final = 16 * 1024 * 1024
_MARKERS: Final = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


class Said(StrEnum):
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    UNDONE = "undone"


class Reason(StrEnum):
    WRONG = "wrong"
    STYLE = "not-our-style"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody said.

    `fingerprint` and `introduces` are digests of `feedback.Change`; `kind` is a recipe with the
    rule's code; `decisions` digests the decisions that governed the change; `undoes` is an id.
    """

    id: str
    said: Said
    fingerprint: str = ""
    kind: str = ""
    symbol: str = ""
    reason: Reason | None = None
    introduces: tuple[str, ...] = ()
    decisions: str = ""
    undoes: str = ""

    @property
    def date(self) -> str:
        return ulid.date_of(self.id)


@dataclass(frozen=True, slots=True)
class Journal:
    """The events by time, each once, and what could not be read, at its line."""

    events: tuple[Event, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def rejections(self) -> tuple[Event, ...]:
        """Those that nobody has undone."""
        undone = {item.undoes for item in self.events if item.said is Said.UNDONE}
        return tuple(
            item for item in self.events if item.said is Said.REJECTED and item.id not in undone
        )

    @property
    def accepted(self) -> tuple[Event, ...]:
        return tuple(item for item in self.events if item.said is Said.ACCEPTED)


def path_of(root: str) -> str:
    """Where the journal is or will be, relative to the root."""
    return f"{next(iter(folders(root)), OURS)}/{NAME}"


def read(root: str) -> Journal:
    """Everything that can be read; nothing where there is no journal."""
    path = path_of(root)
    file = Path(root, path)
    if workspace.relative(root, file) is None:
        return _unread(path, "it leads out of the project")
    try:
        if file.stat().st_size > BYTES_MAX:
            return _unread(path, "it is too large to be read")
        raw = file.read_bytes()
    except FileNotFoundError:
        return Journal()
    except OSError as problem:
        return _unread(path, f"it cannot be read: {problem.strerror}")
    events: dict[str, Event] = {}
    problems = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        if not line.strip():
            continue
        found = _event(line)
        if isinstance(found, Event):
            events[found.id] = found
        else:
            says = f"{found}; the line is skipped"
            problems.append(Problem(Source(path, number), says, Severity.WARNING))
    return Journal(tuple(events[key] for key in sorted(events)), tuple(problems))


def _unread(path: str, says: str) -> Journal:
    return Journal(problems=(Problem(Source(path, 1), says, Severity.WARNING),))


def _event(line: bytes) -> Event | str:
    try:
        text = line.decode("utf-8")
        if text.startswith(_MARKERS):
            return "a merge is unfinished here"
        held = json.loads(text)
        if not isinstance(held, dict) or not ulid.is_ulid(_text(held, "id")):
            return "this is no event"
        listed = held.get("introduces", [])
        return Event(
            id=_text(held, "id"),
            said=Said(_text(held, "said")),
            fingerprint=_text(held, "fingerprint"),
            kind=_text(held, "kind"),
            symbol=_text(held, "symbol"),
            reason=Reason(_text(held, "reason")) if held.get("reason") else None,
            introduces=tuple(item for item in listed if isinstance(item, str)),
            decisions=_text(held, "decisions"),
            undoes=_text(held, "undoes"),
        )
    except (ValueError, TypeError, RecursionError):
        return "this is no event, or only a part of one"


def _text(held: dict[str, object], key: str) -> str:
    value = held.get(key, "")
    return value if isinstance(value, str) else ""


def append(root: str, event: Event) -> str:
    """Add one event, on the disk when this returns. The journal's path.

    Raises InputError where it cannot be written.
    """
    path = path_of(root)
    file = Path(root, path)
    if workspace.relative(root, file) is None:
        raise InputError(f"{path} leads out of the project")
    held = {key: value for key, value in asdict(event).items() if value}
    line = json.dumps(held, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                # Somebody was stopped in the middle of a line; this one is not to join it.
                line = b"\n" + line
            if os.write(handle, line) != len(line):
                raise InputError(f"{path} was written only in part: the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as problem:
        raise InputError(f"{path} cannot be written: {problem.strerror}") from None
    return path


def undo(root: str, name: str) -> Event:
    """Take back the one rejection whose id starts with `name`; what was undone.

    Raises InputError where there is none, or more than one.
    """
    wanted = name.upper()
    found = [item for item in read(root).rejections if wanted and item.id.startswith(wanted)]
    if len(found) != 1:
        many = "more than one rejection starts" if found else "there is no rejection that starts"
        raise InputError(f"{many} with {name[:30]!r}; `trueup decisions feedback` lists them")
    append(root, Event(ulid.new(), Said.UNDONE, undoes=found[0].id))
    return found[0]
