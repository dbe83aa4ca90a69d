"""Many jobs at once in one engine: no call beyond the limit, the order kept, the memory bounded.

Each job documents another function of one file; the model takes a moment for each answer, and
counts how many it answers at the same time. A job is overtaken where the call of one that came
more than a line's length after it arrives first. The value is the number of violations: calls
beyond the limit, jobs overtaken or without an answer, and 1 where the engine has grown by more than
is allowed over what it is after one job.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from common import Target, load

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import jobs
from support.messages_server import MessagesServer, Reply, Request, edits_reply
from trueup.engine.client import Engine
from trueup.engine.messages import Done
from trueup.engine.turns import JOBS_AT_ONCE
from trueup.settings import Limits

TARGET: Final = Target("jobs", "violations", 0)
GROWTH_BYTES: Final = 150 << 20
ANSWER_SECONDS: Final = 0.05
SOURCE: Final = "many.py"


class Model:
    """Answers each question about a function, and remembers in which order they came."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        question = json.dumps(request.body["messages"][0]["content"])
        number = int(re.findall(r"in f(\d+)", question)[-1])
        with self._lock:
            self.order.append(number)
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(ANSWER_SECONDS)
        with self._lock:
            self._now -= 1
        after = f'def f{number}(x):\n    """Double it."""\n    return x * 2\n'
        return edits_reply("Say it", [{"path": SOURCE, "symbol": f"f{number}", "after": after}])


def peak(process: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path("/proc", str(process), "status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) << 10


async def measure(count: int) -> int:
    model = Model()
    with tempfile.TemporaryDirectory() as made, MessagesServer() as server:
        for kind in ("STATE", "CACHE", "CONFIG"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(made, kind))
        code = "\n\n".join(f"def f{number}(x):\n    return x * 2\n" for number in range(count + 1))
        root = jobs.put(Path(made, "project"), {"pyproject.toml": "", SOURCE: code})
        server.always(model)
        engine = Engine()

        async def one(number: int) -> object:
            goal = jobs.about(root, SOURCE, f"f{number}")
            start = jobs.start(root, goal, server.url)
            return await engine.run(start, lambda _: None, jobs.nobody)

        await one(count)
        process = engine.process_id
        if process is None:
            raise SystemExit("the engine died of its first job")
        before = peak(process)
        model.order.clear()
        began = time.perf_counter()
        answers = await asyncio.gather(*map(one, range(count)))
        seconds = time.perf_counter() - began
        grown = peak(process) - before
        await engine.close()
    limit = int(Limits().calls_at_once)
    beyond = max(0, model.most - limit)
    overtaken = sum(
        any(later > number + JOBS_AT_ONCE for later in model.order[:place])
        for place, number in enumerate(model.order)
    )
    missing = sum(not isinstance(answer, Done) for answer in answers)
    print(
        f"{count} jobs in {seconds:.1f} s: at most {model.most} calls at once (limit {limit}),"
        f" {overtaken} overtaken, {missing} without an answer,"
        f" engine {before >> 20} MB after one job, {grown >> 20} MB more at most; {load()}"
    )
    return beyond + overtaken + missing + (grown > GROWTH_BYTES)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=64)
    TARGET.report(asyncio.run(measure(parser.parse_args().jobs)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
