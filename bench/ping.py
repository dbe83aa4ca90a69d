"""How long the server takes to answer while it is busy, and to cancel a great deal.

64 fixes are picked at once in a project whose tests take their time, so that all of them are under
way; meanwhile requests that cost nothing are sent, and the value is the 99th percentile of their
answers in milliseconds. Then, on a fresh server with a method that only waits, 10,000 requests are
sent and cancelled; each must be answered as cancelled. On a busy machine the numbers are those of
the machine: what the same requests take on an idle server is printed beside them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from busy import Busy, busy
from common import Json, Target, Wire, load, milliseconds, percentile

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.raw_client import PROBE

TARGET: Final = Target("ping", "ms", 50.0)
CANCEL_SECONDS: Final = 10.0
JOBS: Final = 64
PINGS: Final = 400
CANCELS: Final = 10_000
REQUEST_CANCELLED: Final = -32800
GAP_SECONDS: Final = 0.01


def pings(server: Busy, count: int) -> list[float]:
    times = []
    for _ in range(count):
        times.append(server.ping())
        server.hear(time.perf_counter() + GAP_SECONDS)
    return times


def cancels(count: int) -> tuple[float, Counter[object]]:
    """Seconds until all are answered, and the codes of the answers."""
    with tempfile.TemporaryDirectory() as made, Wire(PROBE, Path(made)) as wire:
        wire.initialize(Path(made))
        codes: Counter[object] = Counter()
        started = time.perf_counter()
        waiting = set(range(1_000_000, 1_000_000 + count))
        numbers = sorted(waiting)
        # As a client would that is asked by a user: in waves, for pipes have an end.
        for first in range(0, count, 500):
            wave = numbers[first : first + 500]
            slow: Json = {"jsonrpc": "2.0", "method": "probe/slow", "params": {"s": 600}}
            wire.send(*({**slow, "id": number} for number in wave))
            cancel: Json = {"jsonrpc": "2.0", "method": "$/cancelRequest"}
            wire.send(*({**cancel, "params": {"id": number}} for number in wave))
            for _ in wave:
                message = wire._message(started + 60)  # noqa: SLF001 - every answer counts here
                error = message.get("error")
                codes[error["code"] if isinstance(error, dict) else "result"] += 1
        return time.perf_counter() - started, codes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--cancels", type=int, default=CANCELS)
    given = parser.parse_args()
    print(load())
    with busy(given.jobs, 30) as server:
        server.start(0)
        idle = pings(server, PINGS // 4)
        jobs = [server.start(number) for number in range(1, given.jobs)]
        times = pings(server, PINGS)
        over = sum(job in server.done for job in jobs)
    seconds, codes = cancels(given.cancels)
    print(
        f"idle: p50 {milliseconds(statistics.median(idle))},"
        f" p99 {milliseconds(percentile(idle, 0.99))}"
    )
    print(
        f"{given.jobs} jobs, {over} of them over by then:"
        f" p50 {milliseconds(statistics.median(times))},"
        f" p99 {milliseconds(percentile(times, 0.99))}, most {milliseconds(max(times))}"
    )
    cancelled = codes[REQUEST_CANCELLED]
    print(f"{given.cancels} cancels: {seconds:.1f} s (at most {CANCEL_SECONDS:g}), {dict(codes)}")
    TARGET.report(percentile(times, 0.99) * 1000)
    return 0 if cancelled == given.cancels and seconds <= CANCEL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
