"""Suites that misbehave: nothing hangs, nothing is left, the disk is as it was, and it is said."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import pytest

from support.tiny_projects import ADD, Project
from trueup.runner.process import AgentProcess
from trueup.runner.results import RunRequest, RunStatus, TestOutcome, TestRun
from trueup.settings import Limits

MODES = pytest.mark.parametrize("mode", ["namespaces", "copy", "spawn"])
ONLY = "tests/test_only.py::test_only"


def only(body: str, seconds: float = 10) -> RunRequest:
    """One test with that body, where `body` may have more lines."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    text = f"import os, signal, socket, subprocess, sys, time\n\ndef test_only():\n{lines}"
    changed = {"tests/test_only.py": text.encode()}
    return RunRequest(("tests/test_only.py",), changed, timeout_s=seconds)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def blocked(run: TestRun) -> str:
    assert run.results[ONLY].outcome is TestOutcome.FAILED, run
    return run.results[ONLY].blocked


FORK_BOMB = """
children = 0
while True:
    if os.fork() == 0:
        time.sleep(600)
    children += 1
"""
FULL_DISK = """
for name in "abc":
    with open("/tmp/" + name, "wb") as file:
        file.write(bytes(200 << 20))
"""
CONNECT = 'socket.create_connection(("192.0.2.1", 80), 2)'


async def test_what_the_sandbox_refuses_is_named(project: Project) -> None:
    expected = {
        FORK_BOMB: "the sandbox limits processes",
        FULL_DISK: "the sandbox holds 256 MB of new files",
        CONNECT: "the sandbox has no network",
        'open("/usr/local/new", "w")': "the machine is read-only in the sandbox",
        "b'x' * (50 << 30)": "tests have a limit of memory",
        f"open({str(Path.home() / '.ssh' / 'id')!r})": "the sandbox hides the home folder",
        "assert 1 == 2": "",
    }
    before = contents(project.root)
    async with project.session("namespaces", Limits(test_processes=310)) as session:
        runs = {body: await session.run(only(body)) for body in expected}
    assert {body: blocked(run) for body, run in runs.items()} == expected
    assert contents(project.root) == before


async def test_what_a_fence_refuses_is_named(project: Project) -> None:
    expected = {
        CONNECT: "the sandbox has no network",
        'open("/usr/local/new", "w")': "the sandbox lets tests reach their copy alone",
        f"open({str(project.root / 'shop' / 'price.py')!r})":
            "the sandbox lets tests reach their copy alone",
        "b'x' * (50 << 30)": "tests have a limit of memory",
    }  # fmt: skip
    async with project.session("landlock") as session:
        runs = {body: await session.run(only(body)) for body in expected}
    assert {body: blocked(run) for body, run in runs.items()} == expected


@pytest.mark.parametrize("mode", ["copy", "spawn"])
async def test_too_many_processes_of_a_copy_are_ended(project: Project, mode: str) -> None:
    """Root knows no limit of processes here, so somebody counts them."""
    async with project.session(mode, Limits(test_processes=50)) as session:
        run = await session.run(only(FORK_BOMB.replace("children += 1", "time.sleep(0.005)")))
        after = await session.run(RunRequest(("tests/test_price.py",)))
    assert run.status is RunStatus.CRASHED or blocked(run) == "the sandbox limits processes"
    assert not run.all_passed
    assert after.all_passed


@MODES
async def test_a_test_that_kills_what_runs_it(project: Project, mode: str) -> None:
    """The first process of a namespace cannot be killed from within; a copy's watcher can be."""
    before = contents(project.root)
    kill = "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(1)"
    async with project.session(mode) as session:
        run = await session.run(only(kill))
        after = await session.run(RunRequest(("tests/test_price.py",)))
    assert (run.status is RunStatus.CRASHED) == (mode == "spawn"), run
    assert after.all_passed
    assert contents(project.root) == before


async def test_warnings_that_are_errors(project: Project) -> None:
    project.put("pytest.ini", "[pytest]\nfilterwarnings = error\n")
    for mode in ("namespaces", "copy", "spawn"):
        async with project.session(mode) as session:
            assert session.total_tests == 1
            run, cold = await session.run(RunRequest()), await session.confirm(RunRequest())
        assert run.all_passed, run
        assert cold.all_passed, cold


@MODES
async def test_a_plugin_of_the_project_that_starts_threads(project: Project, mode: str) -> None:
    project.put(
        "tests/conftest.py",
        """
        import threading, time

        def work():
            while True:
                time.sleep(0.01)

        threading.Thread(target=work, daemon=True).start()
        threading.Thread(target=work).start()
        """,
    )
    async with project.session(mode) as session:
        runs = [await session.run(RunRequest()) for _ in range(2)]
    assert all(run.all_passed for run in runs), runs


@MODES
async def test_a_suite_that_takes_ten_minutes(project: Project, mode: str) -> None:
    project.put(
        "tests/test_long.py",
        """
        import time, pytest

        @pytest.mark.parametrize("n", range(600))
        def test_long(n):
            time.sleep(n and 1)
        """,
    )
    async with project.session(mode) as session:
        started = time.monotonic()
        run = await session.run(RunRequest(("tests/test_long.py",), timeout_s=2.5))
        taken = time.monotonic() - started
    assert run.status is RunStatus.TIMED_OUT
    assert run.results["tests/test_long.py::test_long[0]"].outcome is TestOutcome.PASSED
    assert run.reason.startswith("the tests were stopped after 2.5 s while tests/test_long.py")
    assert taken < 6


@MODES
async def test_a_suite_that_is_red_from_the_start(project: Project, mode: str) -> None:
    project.put("shop/price.py", "def add(a, b):\n    return None\n")
    async with project.session(mode) as session:
        run = await session.run(RunRequest())
    assert run.status is RunStatus.FINISHED
    assert run.results["tests/test_price.py::test_add"].outcome is TestOutcome.FAILED
    assert not run.all_passed


@MODES
@pytest.mark.parametrize("name", ["a b", "a,b", "a:b", "a\\b", "été-日本", "-x", "$(true)"])
async def test_every_name_of_a_folder(
    tmp_path: Path, interpreter: Path, mode: str, name: str
) -> None:
    project = Project(tmp_path / name, interpreter)
    project.put("shop.py", ADD)
    project.put("test_shop.py", "from shop import add\ndef test_add(): assert add(1, 2) == -1\n")
    change = {"shop.py": b"def add(a, b):\n    return a - b\n"}
    async with project.session(mode) as session:
        run = await session.run(RunRequest(changed=change))
    assert run.all_passed, run


async def test_what_a_killed_engine_left_is_cleaned_up(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LEAVE, str(project.root), str(project.interpreter), str(scratch)
    )
    await process.wait()
    left = list(scratch.iterdir())
    assert len(left) == 1
    foreign = scratch / "trueup-notes"
    foreign.mkdir()
    agent = await AgentProcess.start(
        project.root, project.interpreter, Limits(), mode="copy", cold=True
    )
    assert isinstance(agent, AgentProcess)
    assert left[0] not in scratch.iterdir()
    assert len(list(scratch.iterdir())) == 2
    await agent.close()
    assert list(scratch.iterdir()) == [foreign]


LEAVE = """
import asyncio, os, signal, sys, tempfile
from pathlib import Path
from trueup.runner.session import Session
from trueup.settings import Limits

async def main():
    tempfile.tempdir = sys.argv[3]
    await Session.start(Path(sys.argv[1]), Path(sys.argv[2]), Limits(), mode="copy")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
