"""Watches one process from a thread of its own: whether its event loop turns, and what it weighs.

A loop that is held answers nobody, and afterwards nothing tells who held it. So it is looked at
while it is held: the function of ours that the loop's thread is in goes to the log, once for each
time. Memory is told once each time that it has grown past its limit by half as much again.

It only tells. What is done about it is for those who own the loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

BEAT_SECONDS: Final = 0.1
"""How often the loop is asked whether it turns."""
HELD_SECONDS: Final = 0.25
"""How long a callback may hold the loop before it is told."""
WEIGHED_SECONDS: Final = 15.0
"""How often memory is looked at."""
MEMORY_BYTES_MAX: Final = 1 << 30
"""Resident memory of one of our processes from which on it is told."""

_OURS: Final = str(Path(__file__).parents[1])

log = logging.getLogger("trueup.pulse")


class Pulse:
    """Watches the loop that it is made in until `stop`; tells the log, or `tell`."""

    def __init__(
        self, tell: Callable[[str], None] = log.warning, memory_bytes_max: int = MEMORY_BYTES_MAX
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._tell, self._memory_max = tell, memory_bytes_max
        self._beaten, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        beats = round(WEIGHED_SECONDS / BEAT_SECONDS)
        while not self._stopped.wait(BEAT_SECONDS):
            self._beaten.clear()
            try:
                self._loop.call_soon_threadsafe(self._beaten.set)
            except RuntimeError:
                return  # The loop is closed.
            if not self._beaten.wait(HELD_SECONDS):
                self._tell(f"the event loop is held by {self._holder()}")
                while not (self._beaten.wait(BEAT_SECONDS) or self._stopped.is_set()):
                    pass
            beats -= 1
            if not beats:
                beats = round(WEIGHED_SECONDS / BEAT_SECONDS)
                self._weigh()

    def _holder(self) -> str:
        """The innermost function of ours that the loop's thread is in, else the innermost."""
        frame: FrameType | None = sys._current_frames().get(self._watched)  # noqa: SLF001
        innermost = frame
        while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
            frame = frame.f_back
        found = frame or innermost
        if found is None:
            return "nobody"
        code = found.f_code
        return f"{found.f_globals.get('__name__')}.{code.co_qualname} (line {found.f_lineno})"

    def _weigh(self) -> None:
        weight = resident_bytes()
        if weight > self._memory_max:
            self._tell(f"this process holds {weight >> 20} MiB of memory")
            self._memory_max = weight + weight // 2


def resident_bytes() -> int:
    """Resident memory of this process now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
