"""What the loop costs beside the model and the tests: a round, the first word, and being cancelled.

* A round: the time of a whole job, plan and static checks included, without the calls of a model
  that answers at once, by its rounds. Nothing is run, because nothing but a docstring changes.
* The first word: from the click to the first progress that the editor is sent.
* Cancelled: from the cancel to silence: while the model writes, until its connection is closed;
  while tests run, until none of their processes is left.

The value is the worst of them, relative to what is claimed for it (150 ms, 100 ms, 500 ms).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from common import Target, load, milliseconds
from sessions import picked, session
from support import jobs
from support.messages_server import MessagesServer, Reply, edits_reply
from support.sessions import SOURCE, processes_with
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits

TARGET: Final = Target("loop_overhead", "of what is allowed", 1.0)
ROUND, FIRST_WORD, SILENCE = 0.150, 0.100, 0.500
ROUNDS: Final = 3
HANGING: Final = """
import subprocess
import sys

from shop.total import total


def test_hangs():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)", "{marker}"])
    assert total([]) == 0
"""
SIMPLER: Final = (
    'def total(prices, discount=0):\n    """The sum of `prices`, less a discount."""\n'
    "    return sum(prices) - discount\n"
)


async def rounds(count: int) -> list[float]:
    """Seconds of one round beside its call, of so many jobs; the first job loads what is needed."""
    found = []
    with tempfile.TemporaryDirectory() as made:
        for kind in ("STATE", "CACHE", "CONFIG"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(made, kind))
        root = jobs.put(Path(made, "project"), jobs.FILES)
        for _ in range(count + 1):
            wrong = [
                jobs.answer(jobs.WRONG),
                jobs.answer("def bill(prices):\n    return 0\n", "shop/bill.py", "bill"),
            ]
            with MessagesServer(*wrong, jobs.answer(jobs.RIGHT)) as server:
                limits = {"candidates": 1, "repair_rounds": ROUNDS - 1}
                await jobs.run(root, jobs.about(root), server.url, limits=limits)
        traces = [item for item in TraceStore(TraceLimits()) if isinstance(item, Trace)]
    for trace in sorted(traces, key=lambda item: item.began)[1:]:
        if len(trace.calls) != ROUNDS:
            raise SystemExit(f"a job had {len(trace.calls)} rounds instead of {ROUNDS}")
        beside = trace.elapsed_ms - sum(call.elapsed_ms for call in trace.calls)
        found.append(beside / 1000 / ROUNDS)
    return found


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for is in other processes
        await asyncio.sleep(0.005)


async def first_words(count: int) -> list[float]:
    found = []
    with MessagesServer() as model:
        model.always(Reply("No."))
        async with session(model.url) as (_, editor):
            for number in range(count + 1):
                before = len(editor.progress)
                began = time.perf_counter()
                answer = await picked(editor, f"job-{number}")
                await until(lambda: len(editor.progress) > before)  # noqa: B023 - awaited here
                found.append(time.perf_counter() - began)
                await answer  # type: ignore[misc]
    return found[1:]


async def silences(count: int) -> list[float]:
    """Of cancelled jobs: half while the model writes, half while tests run."""
    found = []
    held = edits_reply("T", [{"path": SOURCE, "symbol": "total", "after": SIMPLER}], hold_after=4)
    right = edits_reply("T", [{"path": SOURCE, "symbol": "total", "after": SIMPLER}])
    marker = f"hanging-{uuid.uuid4()}"
    with MessagesServer() as model:
        async with session(model.url) as (project, editor):
            for number in range(count + 1):
                model.enqueue(held)
                answer = await picked(editor, f"writing-{number}")
                request = await asyncio.to_thread(model.arrived.get)
                await until(request.held.is_set)
                began = await cancelled(editor, f"writing-{number}", answer)
                await until(request.gone.is_set)
                found.append(time.perf_counter() - began)
            project.put("tests/test_hang.py", HANGING.format(marker=marker))
            for number in range(count + 1):
                model.enqueue(right)
                answer = await picked(editor, f"testing-{number}")
                await until(lambda: bool(processes_with(marker)))
                began = await cancelled(editor, f"testing-{number}", answer)
                await until(lambda: not processes_with(marker))
                found.append(time.perf_counter() - began)
    return found[1 : count + 1] + found[count + 2 :]


async def cancelled(editor: object, identity: str, answer: object) -> float:
    """When it was cancelled; the answer says that it was."""
    began = time.perf_counter()
    editor.client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams(identity))  # type: ignore[attr-defined]
    try:
        await answer  # type: ignore[misc]
    except JsonRpcException:
        return began
    raise SystemExit("a cancelled job answered")


async def measure(count: int) -> float:
    worst = 0.0
    for title, measured, allowed in (
        ("a round beside model and tests", rounds(count), ROUND),
        ("from the click to the first word", first_words(count), FIRST_WORD),
        ("from the cancel to silence", silences(max(2, count // 4)), SILENCE),
    ):
        values = await measured
        median = statistics.median(values)
        worst = max(worst, median / allowed)
        print(
            f"{title:36} p50 {milliseconds(median):>9}  max {milliseconds(max(values)):>9}"
            f"  allowed {milliseconds(allowed)}",
            flush=True,
        )
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=20)
    count = parser.parse_args().jobs
    print(f"{count} jobs of {ROUNDS} rounds; {load()}")
    TARGET.report(asyncio.run(measure(count)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
