"""What three hundred runs leave behind: descriptors, mounts, processes, files, memory.

Every tenth run fails, every hundredth is killed at its limit. The last line is one JSON object;
its value is the resident memory of the agent in MB at the end. It is not ok if anything is left.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup.runner.results import RunRequest, RunStatus, Unavailable
from trueup.runner.session import Session
from trueup.settings import Limits

RUNS: Final = 300
AT_ONCE: Final = 2
TARGET_MB: Final = 80.0
TEST: Final = "from shop import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
RIGHT: Final = b"def add(a, b):\n    return a + b\n"
WRONG: Final = b"def add(a, b):\n    return a - b\n"
HANGS: Final = b"import time\n\ndef add(a, b):\n    time.sleep(600)\n"


@dataclass(frozen=True, slots=True)
class Held:
    """What is there at one moment, in this process and in the agent below it."""

    engine_descriptors: int
    agent_descriptors: int
    agent_mounts: int
    processes: int
    files_in_tmp: int


def _children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text("ascii")
    return [int(number) for number in text.split()]


def _below(process: int) -> list[int]:
    return [found for child in _children(process) for found in (child, *_below(child))]


def _resident(process: int) -> int:
    text = Path(f"/proc/{process}/statm").read_text("ascii")
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _first(process: int) -> int:
    """The agent is the first process of its namespace; spare runs are below it."""
    launcher = _children(process)[0]
    return _children(launcher)[0]


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def held() -> Held:
    agent = _first(os.getpid())
    return Held(
        engine_descriptors=_entries("/proc/self/fd"),
        agent_descriptors=_entries(f"/proc/{agent}/fd"),
        agent_mounts=len(Path(f"/proc/{agent}/mounts").read_text("utf-8").splitlines()),
        processes=len(_below(os.getpid())),
        files_in_tmp=_entries(tempfile.gettempdir()),
    )


async def settled() -> Held:
    """When the last run has been cleaned away and the next one stands ready."""
    before = held()
    for _ in range(100):
        await asyncio.sleep(0.05)
        now = held()
        if now == before:
            return now
        before = now
    return before


async def runs(session: Session) -> int:
    """Run them all; how many did not end as they should."""
    wrong = 0
    several = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        nonlocal wrong
        source = HANGS if number % 100 == 99 else WRONG if number % 10 == 9 else RIGHT
        limit = 1.0 if source is HANGS else 60.0
        request = RunRequest(("test_shop.py",), {"shop.py": source}, timeout_s=limit)
        async with several:
            run = await session.run(request)
        expected = RunStatus.TIMED_OUT if source is HANGS else RunStatus.FINISHED
        wrong += run.status is not expected or run.all_passed != (source is RIGHT)

    await asyncio.gather(*(one(number) for number in range(RUNS)))
    return wrong


def prepare(ground: Path) -> Path:
    """A small project, and a folder for temporary files in which nobody else has any."""
    tempfile.tempdir = str(ground / "tmp")
    folder = ground / "project"
    for each in (folder, ground / "tmp"):
        each.mkdir()
    (folder / "shop.py").write_bytes(RIGHT)
    (folder / "test_shop.py").write_text(TEST)
    return folder


async def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = prepare(Path(name))
        session = await Session.start(folder, Path(sys.executable), Limits())
        if isinstance(session, Unavailable):
            raise SystemExit(session.reason)
        await session.run(RunRequest())
        before = await settled()
        wrong = await runs(session)
        after = await settled()
        resident = _resident(_first(os.getpid())) / 1e6
        await session.close()
    left = _below(os.getpid())
    print(f"{RUNS} runs, {wrong} of them not as they should be; {session.isolation.sentence}")
    print(f"before: {before}")
    print(f"after:  {after}")
    print(f"processes after closing: {len(left)}; agent {resident:.1f} MB")
    good = wrong == 0 and before == after and not left and resident <= TARGET_MB
    print(
        json.dumps(
            {
                "name": "many_runs",
                "value": round(resident, 1),
                "unit": "MB",
                "target": TARGET_MB,
                "ok": good,
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
