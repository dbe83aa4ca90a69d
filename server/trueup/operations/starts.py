"""When the server was started for a workspace, and how often that ended in a crash.

An editor starts a server that died again. One that dies of something in the workspace would die of
it again and again, until the editor gives up; so the third start in three minutes is a safe one.
Only ends that nobody asked for count: a session that was closed, by whom ever, leaves no trace.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Final

from trueup import settings
from trueup.files import write_atomically

WINDOW_SECONDS: Final = 180.0
CRASHES_MAX: Final = 1
"""Crashes within WINDOW_SECONDS after which a start is a usual one; with more it is a safe one."""


def safe_because(crashes: int) -> str:
    """What a person is told of a safe start; "" where there is no need for one."""
    if crashes <= CRASHES_MAX:
        return ""
    minutes = round(WINDOW_SECONDS / 60)
    return (
        f"Trueup ended unexpectedly {crashes} times in {minutes} minutes, so it checks contracts"
        f" and decisions and does nothing else; start it again in {minutes} minutes, or see"
        " `trueup doctor`"
    )


class Starts:
    """The starts for one workspace; what cannot be read or written counts as none."""

    def __init__(self, root: str, folder: Path | None = None) -> None:
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        self._file = (folder or settings.cache_folder() / "starts") / f"{name}.json"

    def begin(self) -> int:
        """Note the start of this process; how many before it crashed a short while ago."""
        before = self._known()
        crashed = [item for item in before if not _lives(item[0])]
        self._write([*before, (os.getpid(), time.time())])
        return len(crashed)

    def end(self) -> None:
        """Note that this process ends because somebody wants it to."""
        self._write([item for item in self._known() if item[0] != os.getpid()])

    def crashes(self) -> int:
        """How many crashed a short while ago."""
        return sum(not _lives(process) for process, _ in self._known())

    def _known(self) -> list[tuple[int, float]]:
        """Processes with when they started; a clock that was set back makes old ones vanish."""
        try:
            items = json.loads(self._file.read_bytes())
            known = [(int(process), float(at)) for process, at in items]
        except (OSError, ValueError, TypeError):
            return []
        now = time.time()
        return [item for item in known if 0 <= now - item[1] <= WINDOW_SECONDS]

    def _write(self, items: list[tuple[int, float]]) -> None:
        with contextlib.suppress(OSError):
            if items:
                write_atomically(self._file, json.dumps(items).encode())
            else:
                self._file.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
