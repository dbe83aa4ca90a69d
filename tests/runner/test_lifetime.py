"""No process outlives the request that started it, nor the process that asked."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from support.tiny_projects import Project
from trueup.runner.results import RunRequest, TestRun
from trueup.runner.session import Session

MODES = pytest.mark.parametrize("mode", ["namespaces", "copy", "spawn"])
GONE_SECONDS = 1.0

SPAWNS = """
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)

def test_spawns():
    subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
            time.sleep(600)
        os._exit(0)
    time.sleep({rest})
"""


def marked(marker: str) -> list[int]:
    """Processes with the marker in their command line, all namespaces included."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


async def until(condition: Callable[[], bool], seconds: float = 20) -> float:
    """Turn the loop until `condition` holds; returns how long that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it never happened"
        await asyncio.to_thread(os.sched_yield)
    return time.monotonic() - started


def spawning(marker: str, rest: int = 600) -> RunRequest:
    text = SPAWNS.format(marker=marker, rest=rest).encode()
    return RunRequest(("tests/test_spawns.py",), {"tests/test_spawns.py": text}, timeout_s=60)


@pytest.fixture
def marker() -> str:
    return f"{6_000_000 + os.getpid()}.{time.monotonic_ns()}"


@MODES
@pytest.mark.parametrize("call", [Session.run, Session.confirm])
async def test_cancelling_ends_everything_of_that_run(
    project: Project, marker: str, mode: str, call: Callable[..., Coroutine[None, None, TestRun]]
) -> None:
    async with project.session(mode) as session:
        task = asyncio.create_task(call(session, spawning(marker)))
        await until(lambda: len(marked(marker)) == 2)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not marked(marker))
        assert time.monotonic() - started < GONE_SECONDS
        assert (await session.run(RunRequest(("tests/test_price.py",)))).all_passed
        workspace = str(project.root)
    assert not marked(workspace)


@MODES
async def test_a_run_that_ends_leaves_nothing(project: Project, marker: str, mode: str) -> None:
    async with project.session(mode) as session:
        run = await session.run(spawning(marker, rest=0))
        assert run.all_passed
        assert not marked(marker)


@MODES
async def test_closing_ends_the_runs(project: Project, marker: str, mode: str) -> None:
    async with project.session(mode) as session:
        task = asyncio.create_task(session.run(spawning(marker)))
        await until(lambda: len(marked(marker)) == 2)
    assert await until(lambda: not marked(marker)) < GONE_SECONDS
    assert not (await task).all_passed
    assert not marked(str(project.root))


SERVER = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from runner.test_lifetime import spawning
from trueup.runner.session import Session
from trueup.settings import Limits

async def main():
    session = await Session.start(Path({root!r}), Path({python!r}), Limits(), mode={mode!r})
    await session.run(spawning({marker!r}))

asyncio.run(main())
"""


@MODES
async def test_nothing_outlives_a_server_that_is_killed(
    project: Project, marker: str, mode: str, tmp_path: Path
) -> None:
    script = SERVER.format(
        tests=str(Path(__file__).parents[1]),
        root=str(project.root),
        python=str(project.interpreter),
        mode=mode,
        marker=marker,
    )
    program = tmp_path / "server.py"
    program.write_text(script)
    server = await asyncio.create_subprocess_exec(sys.executable, str(program))
    await until(lambda: len(marked(marker)) == 2)
    server.send_signal(signal.SIGKILL)
    await server.wait()
    assert await until(lambda: not marked(marker)) < GONE_SECONDS
    assert await until(lambda: not marked(str(project.root))) < GONE_SECONDS
