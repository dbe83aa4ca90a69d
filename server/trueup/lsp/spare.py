"""What background work may take: of this machine, and of the time.

Reads what the kernel says of power, load and processes; where it says nothing, nothing stands in
the way but the counts. Decides nothing about what the work is.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

POWER: Final = Path("/sys/class/power_supply")
PROCESSES: Final = Path("/proc")
MINUTE: Final = 60.0
HOUR: Final = 3_600.0


def on_battery(supplies: Path = POWER) -> bool:
    """Whether a battery of this machine is being emptied."""
    return any(_line(status) == "Discharging" for status in supplies.glob("*/status"))


def load_per_processor() -> float:
    """Processes that run or wait to run, averaged over a minute, for each processor; 0.0 where the
    system does not say.
    """
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return 0.0


def cpu_seconds(process: int, processes: Path = PROCESSES) -> float:
    """CPU time of a process and of all below it, those that have ended included; 0.0 where the
    system does not say.
    """
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in processes.glob("[0-9]*/stat"):
        # The name of a command is in brackets and may hold anything, brackets too.
        fields = _line(entry).rpartition(")")[2].split()
        if len(fields) < 15:
            continue
        number = int(entry.parent.name)
        children.setdefault(int(fields[1]), []).append(number)
        ticks[number] = sum(map(int, fields[11:15]))
    total, waiting = 0, [process]
    while waiting:
        number = waiting.pop()
        total += ticks.get(number, 0)
        waiting += children.get(number, ())
    return total / os.sysconf("SC_CLK_TCK")


def _line(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


@dataclass
class Allowance:
    """How often work may begin, and how much CPU time it may take: moving windows of a minute and
    of an hour. Moments are seconds of any clock that only goes forward.
    """

    per_minute: float
    cpu_seconds: float
    _begun: deque[float] = field(default_factory=deque)
    _spent: deque[tuple[float, float]] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """Seconds until work may begin, 0.0 for now; a window when there is never room."""
        while self._begun and self._begun[0] <= now - MINUTE:
            self._begun.popleft()
        while self._spent and self._spent[0][0] <= now - HOUR:
            self._spent.popleft()
        until = now
        if len(self._begun) >= self.per_minute:
            until = max(until, (self._begun[0] if self._begun else now) + MINUTE)
        if sum(taken for _, taken in self._spent) >= self.cpu_seconds:
            until = max(until, (self._spent[0][0] if self._spent else now) + HOUR)
        return until - now

    def began(self, now: float) -> None:
        self._begun.append(now)

    def took(self, now: float, seconds: float) -> None:
        """Count CPU time that work has taken."""
        self._spent.append((now, seconds))
