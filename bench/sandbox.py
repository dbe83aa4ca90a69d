"""What the sandbox adds to one warm run.

A run that does nothing at all takes what the sandbox takes: a process of its own, namespaces, the
overlay, the system calls taken away, the report, and the end of all of it. So its best time is the
most that the sandbox can add, whatever else the machine does. For comparison, the same on a bare
copy of the workspace without any isolation, and one small test in both.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import Target, load, milliseconds
from support.tiny_projects import ADD, TEST_ADD, Project
from trueup.runner.results import RunRequest, RunStatus, ScriptAnswer, ScriptRequest, TestRun

TARGET: Final = Target("sandbox overhead of a run", "ms", 30)
ROUNDS: Final = 40
TEST: Final = ("tests/test_price.py",)
NOTHING: Final = ScriptRequest("tool", {"after": [], "before": [], "files": {}})


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder, "project"), Path(sys.executable))
        project.put("shop/__init__.py", "")
        project.put("shop/price.py", ADD)
        project.put("tests/test_price.py", TEST_ADD)
        async with project.session("namespaces") as inside, project.session("bare") as outside:
            print(f"{inside.isolation.sentence}; {load()}")
            sessions = {"namespaces": inside, "bare copy": outside}
            empty: dict[str, list[float]] = {name: [] for name in sessions}
            tests: dict[str, list[float]] = {name: [] for name in sessions}
            for number in range(ROUNDS):
                for name, session in sessions.items():
                    empty[name].append(await timed(session.ask(NOTHING)))
                    changed = {"shop/price.py": f"{ADD}# {number}\n".encode()}
                    tests[name].append(await timed(session.run(RunRequest(TEST, changed))))
    for what, found in (("nothing", empty), ("one test", tests)):
        for name, times in found.items():
            median = milliseconds(statistics.median(times))
            print(f"{what:8} {name:10} best {milliseconds(min(times))}, median {median}")
    TARGET.report(min(empty["namespaces"]) * 1000)


async def timed(run: Awaitable[TestRun | ScriptAnswer]) -> float:
    """How long a run took, which must come to its end."""
    began = time.perf_counter()
    answer = await run
    taken = time.perf_counter() - began
    if answer.status is not RunStatus.FINISHED:
        raise SystemExit(f"a run did not finish: {answer.reason}")
    return taken


if __name__ == "__main__":
    asyncio.run(main())
