"""What time it is, by two clocks, and whether a process is still the one it was.

The wall clock says which day it is and jumps; the boot clock counts seconds evenly and says nothing
of days. Together they date what happened: see `budget`. A process is known by its number and the
moment it started, because numbers are used again.

Knows Linux's /proc. Elsewhere a boot cannot be named and a process cannot be recognised: then every
process counts its own boot, and only leases end what a dead one has left.
"""

from __future__ import annotations

import datetime
import functools
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Moment:
    """`wall` in seconds since 1970; `ticks` in seconds since `boot`, sleep included."""

    wall: float
    ticks: float
    boot: str

    @property
    def day(self) -> datetime.date:
        """The calendar day, where this machine is."""
        return datetime.datetime.fromtimestamp(self.wall).date()

    @property
    def start_of_day(self) -> float:
        return _midnight(self.day)

    @property
    def start_of_month(self) -> float:
        return _midnight(self.day.replace(day=1))


def _midnight(day: datetime.date) -> float:
    return datetime.datetime.combine(day, datetime.time()).timestamp()


Now = Callable[[], Moment]


def now() -> Moment:
    return Moment(time.time(), _ticks(), _boot())


def _ticks() -> float:
    # It goes on while the machine sleeps, as days do.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@functools.cache
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return f"process {uuid.uuid4()}"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process: its number, when it started (in ticks of the kernel; "" where nobody knows), and
    the namespace in which that number means something.
    """

    number: int
    started: str
    space: str

    @classmethod
    def of(cls, number: int) -> Holder:
        return cls(number, _started(number), _space())

    def __str__(self) -> str:
        return f"{self.number} {self.started or '-'} {self.space or '-'}"

    @classmethod
    def parse(cls, text: str) -> Holder:
        """Of what `str` gave; of anything else, a process of which nothing is known."""
        number, started, space, *_ = (*text.split(" "), "-", "-", "-")
        known = {"started": started.removeprefix("-"), "space": space.removeprefix("-")}
        return cls(int(number) if number.isdecimal() else 0, **known)

    @property
    def is_dead(self) -> bool:
        """Whether it has surely ended; False where that cannot be known from here."""
        if not self.started or self.space != _space():
            return False
        return _started(self.number) != self.started


def _started(number: int) -> str:
    """The boot and the tick at which the process began, "" where there is none or no /proc."""
    try:
        status = (_PROC / str(number) / "stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name stands in brackets and may hold anything, brackets too.
    fields = status.rpartition(")")[2].split()
    # A zombie has ended; only its parent has not asked yet.
    return "" if fields[0] in {"Z", "X"} else f"{_boot()}/{fields[19]}"


def _space() -> str:
    try:
        return str((_PROC / "self/ns/pid").stat().st_ino)
    except OSError:
        return ""
