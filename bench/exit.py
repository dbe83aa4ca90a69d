"""How long the end takes when there is much to end.

Eight fixes are picked in a project whose tests sleep, and it is waited until as many tests run as
will. Then, once, the editor says `shutdown` and `exit`; the other time a process that the server
was told is its editor is killed. The value is the time from `shutdown` until the server and all
that it started are gone, in seconds; what it takes after the death of the editor is printed beside.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from importlib import import_module
from typing import Any, Final

from busy import Busy, busy
from common import Target, load

TARGET: Final = Target("exit", "s", 2.0)
ORPHAN_SECONDS: Final = 5.0
JOBS: Final = 8
QUIET_SECONDS: Final = 6.0
"""How long no process may have been added for all to run that will."""
START_SECONDS: Final = 120.0


def started(server: Busy) -> list[Any]:
    """The processes of a server at work, once there are no more of them coming."""
    # psutil has no types.
    whole = import_module("psutil").Process(server.process.pid)
    begun = changed = time.perf_counter()
    known: list[Any] = []
    while time.perf_counter() - changed < QUIET_SECONDS or len(known) < JOBS // 2:
        if time.perf_counter() - begun > START_SECONDS:
            break
        server.hear(time.perf_counter() + 0.1)
        found = whole.children(recursive=True)
        if len(found) > len(known):
            changed = time.perf_counter()
        known = found
    return [whole, *known]


def gone(processes: list[Any], since: float) -> float:
    """Seconds since then until none of them runs."""
    psutil = import_module("psutil")
    psutil.wait_procs(processes, timeout=30)
    return time.perf_counter() - since


def proper(jobs: int) -> tuple[float, int]:
    """Seconds from `shutdown` to the end of everything, and of how many processes."""
    with busy(jobs, 600) as server:
        for number in range(jobs):
            server.start(number)
        processes = started(server)
        since = time.perf_counter()
        server.send({"jsonrpc": "2.0", "id": "end", "method": "shutdown"})
        while "end" not in server.done:
            server.hear(since + 30)
        server.tell("exit", None)
        return gone(processes, since), len(processes)


def orphaned(jobs: int) -> tuple[float, int]:
    """The same after the death of the editor, whose pipes stay open."""
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as editor,
        busy(jobs, 600, editor.pid) as server,
    ):
        for number in range(jobs):
            server.start(number)
        processes = started(server)
        since = time.perf_counter()
        editor.kill()
        return gone(processes, since), len(processes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    jobs = parser.parse_args().jobs
    print(load())
    ended, count = proper(jobs)
    print(f"{jobs} jobs, {count} processes: gone {ended:.2f} s after shutdown")
    orphan, count = orphaned(jobs)
    print(
        f"{jobs} jobs, {count} processes: gone {orphan:.2f} s after the editor died"
        f" (at most {ORPHAN_SECONDS:g} s)"
    )
    TARGET.report(ended)
    return 0 if orphan <= ORPHAN_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
