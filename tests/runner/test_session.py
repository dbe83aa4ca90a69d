"""What a run says: about tests that pass, fail, hang, crash, lie or are not there."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.tiny_projects import ADD, Project, unavailable
from trueup.runner.results import RunRequest, RunStatus, TestOutcome, TestRun
from trueup.runner.session import Session
from trueup.settings import Limits

MODES = pytest.mark.parametrize("mode", ["namespaces", "copy", "spawn"])


def one_test(body: str) -> RunRequest:
    """A request that replaces the test file by one with `body` in its only test."""
    text = f"import os, sys, time, ctypes, pytest\n\ndef test_only():\n    {body}\n"
    return RunRequest(("tests/test_only.py",), {"tests/test_only.py": text.encode()}, timeout_s=10)


def outcomes(run: TestRun) -> dict[str, str]:
    return {node.partition("::")[2]: str(result.outcome) for node, result in run.results.items()}


@MODES
async def test_every_outcome_is_told_with_the_reason_of_a_failure(
    project: Project, mode: str
) -> None:
    project.put(
        "tests/test_price.py",
        """
        import pytest
        from shop.price import add

        @pytest.fixture
        def broken():
            raise OSError("no such shop")

        def test_pass(): assert add(1, 2) == 3
        def test_fail(): assert add(1, 2) == 4
        def test_error(broken): pass
        def test_skip(): pytest.skip("not today")
        @pytest.mark.xfail
        def test_xfail(): assert False
        @pytest.mark.xfail
        def test_xpass(): pass
        @pytest.mark.xfail(strict=True)
        def test_strict(): pass
        @pytest.fixture
        def leaves_badly():
            yield
            raise OSError("could not leave")
        def test_teardown(leaves_badly): pass
        @pytest.mark.parametrize("n", [1, 2])
        def test_many(n): assert n == 1
        """,
    )
    async with project.session(mode) as session:
        assert session.total_tests == 10
        run = await session.run(RunRequest())
    assert run.status is RunStatus.FINISHED
    assert not run.all_passed
    assert outcomes(run) == {
        "test_pass": "passed",
        "test_fail": "failed",
        "test_error": "error",
        "test_skip": "skipped",
        "test_xfail": "xfailed",
        "test_xpass": "xpassed",
        "test_strict": "failed",
        "test_teardown": "error",
        "test_many[1]": "passed",
        "test_many[2]": "failed",
    }
    assert "assert 3 == 4" in run.results["tests/test_price.py::test_fail"].detail
    assert "no such shop" in run.results["tests/test_price.py::test_error"].detail
    assert "\x1b" not in "".join(result.detail for result in run.results.values())


@MODES
async def test_a_change_is_seen_and_the_disk_is_not_touched(project: Project, mode: str) -> None:
    project.put(
        "tests/test_price.py",
        """
        import pathlib, subprocess, sys
        from shop.price import add

        def test_writes():
            pathlib.Path("shop", "price.py").write_text("gone")
            pathlib.Path("new.txt").write_text("new")
            pathlib.Path("tests", "test_price.py").unlink()

        def test_add():
            assert add(1, 2) == -1
        """,
    )
    project.put("README", "read me")
    before = contents(project.root)
    change = {"shop/price.py": b"def add(a, b):\n    return a - b\n"}
    async with project.session(mode) as session:
        run = await session.run(RunRequest(changed=change))
        cold = await session.confirm(RunRequest(changed=change))
        without = await session.run(RunRequest())
    assert run.all_passed, run
    assert cold.all_passed, cold
    assert outcomes(without)["test_add"] == "failed"
    assert contents(project.root) == before


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def compile_unchecked(project: Project) -> None:
    """Bytecode that Python takes whatever the source says."""
    subprocess.run(
        [
            project.interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
            project.root,
        ],
        check=True,
        timeout=60,
    )  # fmt: skip


@MODES
async def test_old_bytecode_never_runs_for_a_changed_file(project: Project, mode: str) -> None:
    """Same size and same second: Python would take the .pyc. This one it takes in any second."""
    compile_unchecked(project)
    assert list(project.root.rglob("*.pyc"))
    minus = b"def add(a, b):\n    return a - b\n"
    async with project.session(mode) as session:
        run = await session.run(RunRequest(changed={"shop/price.py": minus}))
    assert outcomes(run) == {"test_add": "failed"}


async def test_bytecode_of_the_dry_run_is_not_used_after_an_edit_on_disk(project: Project) -> None:
    source = project.root / "shop" / "price.py"
    stamp = source.stat().st_mtime_ns
    async with project.session("namespaces") as session:
        before = await session.run(RunRequest())
        source.write_bytes(source.read_bytes().replace(b"a + b", b"a - b"))
        os.utime(source, ns=(stamp, stamp))
        after = await session.run(RunRequest())
    assert before.all_passed
    assert outcomes(after) == {"test_add": "failed"}


@MODES
async def test_a_change_is_seen_by_a_process_that_the_test_starts(
    project: Project, mode: str
) -> None:
    project.put(
        "tests/test_price.py",
        """
        import subprocess, sys

        def test_child():
            code = "import shop.price; print(shop.price.add(1, 2))"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            assert done.stdout.strip() == "-1", done
        """,
    )
    change = {"shop/price.py": b"def add(a, b):\n    return a - b\n"}
    async with project.session(mode) as session:
        run = await session.run(RunRequest(changed=change))
    assert run.all_passed, run


@MODES
async def test_new_and_deleted_files(project: Project, mode: str) -> None:
    request = RunRequest(
        changed={
            "shop/deep/er/__init__.py": b"",
            "shop/deep/__init__.py": b"",
            "tests/test_new.py": (
                b"import pathlib, shop.deep.er\n"
                b"def test_new():\n    assert not pathlib.Path('shop/price.py').exists()\n"
            ),
        },
        deleted=("shop/price.py", "tests/test_price.py"),
    )
    async with project.session(mode) as session:
        run = await session.run(request)
    assert run.all_passed, run
    assert list(run.results) == ["tests/test_new.py::test_new"]


@MODES
async def test_a_hang_is_stopped_at_its_limit_and_named(project: Project, mode: str) -> None:
    project.put(
        "tests/test_hang.py", "def test_fine(): pass\ndef test_hang():\n    while True: pass\n"
    )
    async with project.session(mode) as session:
        run = await session.run(RunRequest(("tests/test_hang.py",), timeout_s=1))
        after = await session.run(RunRequest(("tests/test_price.py",)))
    assert run.status is RunStatus.TIMED_OUT
    assert run.unfinished == "tests/test_hang.py::test_hang"
    assert "tests/test_hang.py::test_hang" in run.reason
    assert run.results["tests/test_hang.py::test_fine"].outcome is TestOutcome.PASSED
    assert run.elapsed_s < 4
    assert after.all_passed


WAYS_TO_STOP = {
    "os._exit(0)": RunStatus.CRASHED,
    "ctypes.string_at(0)": RunStatus.CRASHED,
    "os.kill(os.getpid(), 9)": RunStatus.CRASHED,
    "pytest.exit('enough', returncode=0)": RunStatus.UNAVAILABLE,
    "sys.exit(0)": RunStatus.FINISHED,
    "raise KeyboardInterrupt": RunStatus.UNAVAILABLE,
    "b'x' * (50 << 30)": RunStatus.FINISHED,
    "os.fork() or os._exit(0); os.wait(); assert 0": RunStatus.FINISHED,
}


async def test_no_way_to_stop_is_a_pass(project: Project) -> None:
    async with project.session() as session:
        runs = {body: await session.run(one_test(body)) for body in WAYS_TO_STOP}
    assert {body: run.status for body, run in runs.items()} == WAYS_TO_STOP
    assert not [body for body, run in runs.items() if run.all_passed]
    for run in runs.values():
        if run.status is RunStatus.CRASHED:
            assert run.unfinished == "tests/test_only.py::test_only"
            assert "while tests/test_only.py::test_only ran" in run.reason


async def test_tests_that_did_not_run_are_no_result(project: Project) -> None:
    stops = b"def test_a(request): request.session.shouldfail = 'enough'\ndef test_b(): pass\n"
    async with project.session() as session:
        run = await session.run(RunRequest(changed={"tests/test_price.py": stops}))
    assert run.status is RunStatus.UNAVAILABLE
    assert run.reason == "pytest stopped early: 1 of 2 tests have a result"


async def test_a_child_that_returns_into_pytest_reports_nothing(project: Project) -> None:
    async with project.session() as session:
        run = await session.run(one_test("assert os.fork() >= 0"))
    assert list(run.results) == ["tests/test_only.py::test_only"]


async def test_what_cannot_be_collected_is_told(project: Project) -> None:
    broken = RunRequest(changed={"tests/test_broken.py": b"import nowhere\n"})
    async with project.session() as session:
        run = await session.run(broken)
    assert not run.all_passed
    assert "No module named 'nowhere'" in run.collection_errors["tests/test_broken.py"]
    assert run.results["tests/test_price.py::test_add"].outcome is TestOutcome.PASSED


@MODES
async def test_a_conftest_that_fails_is_no_pass(project: Project, mode: str) -> None:
    project.put("tests/conftest.py", "raise OSError('conftest is broken')\n")
    async with project.session(mode) as session:
        assert session.total_tests is None
        run = await session.run(RunRequest())
    assert run.status is RunStatus.UNAVAILABLE
    assert "conftest is broken" in run.collection_errors["tests/conftest.py"]


async def test_asking_for_what_is_not_there(project: Project) -> None:
    async with project.session() as session:
        no_test = await session.run(RunRequest(("tests/test_price.py::test_none",)))
        no_file = await session.run(RunRequest(("tests/test_none.py",)))
        empty = await session.run(
            RunRequest(("tests/test_price.py",), {"tests/test_price.py": b""})
        )
    for run in (no_test, no_file, empty):
        assert run.status is RunStatus.UNAVAILABLE, run
    assert empty.reason == "pytest found no test to run"


async def test_a_deselected_test_is_missing_rather_than_passed(project: Project) -> None:
    project.put("pytest.ini", "[pytest]\naddopts = -k other\n")
    project.put("tests/test_price.py", "def test_add(): pass\ndef test_other(): pass\n")
    asked = ("tests/test_price.py::test_add", "tests/test_price.py::test_other")
    async with project.session() as session:
        run = await session.run(RunRequest(asked))
    assert run.status is RunStatus.UNAVAILABLE
    assert "test_add has no result" in run.reason


async def test_options_of_the_project_that_would_hide_results_are_taken_back(
    project: Project,
) -> None:
    options = "-x --lf --sw --cache-clear --strict-config"
    project.put("pytest.ini", f"[pytest]\naddopts = {options}\ncache_dir = .cache\n")
    project.put("tests/test_price.py", "def test_a(): assert 0\ndef test_b(): assert 0\n")
    async with project.session() as session:
        run = await session.run(RunRequest())
    assert outcomes(run) == {"test_a": "failed", "test_b": "failed"}


async def test_several_runs_at_once_do_not_meet(project: Project) -> None:
    project.put(
        "tests/test_price.py",
        """
        import pathlib, socket
        from shop.price import add

        def test_add():
            server = socket.create_server(("127.0.0.1", 8123))
            with open("/tmp/meeting", "x"), open("/dev/shm/meeting", "x"):
                assert add(1, 2) == 3
            server.close()
        """,
    )
    minus = {"shop/price.py": b"def add(a, b):\n    return a - b\n"}
    async with project.session("namespaces") as session:
        runs = await asyncio.gather(
            *(session.run(RunRequest(changed=minus if n % 2 else {})) for n in range(6))
        )
    assert [run.all_passed for run in runs] == [True, False] * 3, runs


PROBED = '''
from __future__ import annotations

import contextlib


@contextlib.contextmanager
def scope():
    try:
        yield
    except ValueError:
        pass
    else:
        return


def add(a, b):
    """Docstrings are no statements."""
    if a: c = a; b = b
    elif b:
        return b
    match = [x for x in (a, b)]
    with scope():
        return (
            a
            + b
        )
'''


@MODES
async def test_probes_say_which_tests_ran_a_statement(project: Project, mode: str) -> None:
    lines = frozenset(range(1, PROBED.count("\n") + 1))
    change = {"shop/price.py": PROBED.encode()}
    request = RunRequest(changed=change, probes={"shop/price.py": lines})
    async with project.session(mode) as session:
        run = await session.run(request)
        cold = await session.confirm(request)
    assert run.all_passed, run
    in_tests = {line for (_, line), tests in run.runners.items() if "" not in tests}
    imported = {line for (_, line), tests in run.runners.items() if tests == {""}}
    test = {"tests/test_price.py::test_add"}
    assert imported == {4, 7, 17}
    assert in_tests == {9, 10, 14, 19, 22, 23, 24}
    assert {name for tests in run.runners.values() for name in tests} == test | {""}
    assert cold.runners == run.runners


async def test_what_runs_in_a_thread_counts(project: Project) -> None:
    project.put(
        "tests/test_price.py",
        """
        import threading
        from shop.price import add

        def test_add():
            thread = threading.Thread(target=add, args=(1, 2))
            thread.start()
            thread.join()
        """,
    )
    async with project.session() as session:
        run = await session.run(RunRequest(probes={"shop/price.py": frozenset({2})}))
    assert run.runners["shop/price.py", 2] == {"tests/test_price.py::test_add"}


async def test_a_warm_pass_that_only_preloading_explains_is_not_confirmed(project: Project) -> None:
    """The change uses a submodule that it does not import; another test file does import it."""
    project.put("tests/test_other.py", "import xml.dom.minidom\ndef test_other(): pass\n")
    change = b"import xml\ndef add(a, b):\n    return xml.dom.minidom and a + b\n"
    request = RunRequest(("tests/test_price.py",), {"shop/price.py": change})
    async with project.session() as session:
        warm, cold = await session.run(request), await session.confirm(request)
    assert warm.all_passed
    assert outcomes(cold) == {"test_add": "failed"}


async def test_a_hundred_kilobytes_of_failures_are_cut(project: Project) -> None:
    text = (
        b"import pytest\n@pytest.mark.parametrize('n', range(100))\n"
        b"def test(n): assert not 'x' * 900\n"
    )
    limits = Limits(test_output_bytes=20_000)
    async with project.session(limits=limits) as session:
        run = await session.run(RunRequest(changed={"tests/test_price.py": text}))
    assert len(run.results) == 100
    assert sum(len(result.detail) for result in run.results.values()) <= 20_000


async def test_an_agent_that_dies_fails_its_runs_and_is_replaced(project: Project) -> None:
    async with project.session() as session:
        waiting = asyncio.create_task(session.run(one_test("time.sleep(600)")))
        agent = session._agent
        assert agent is not None
        while not any("start" in line for t in agent._transcripts.values() for line in t.lines):
            await asyncio.to_thread(os.sched_yield)
        agent._process.kill()
        run = await waiting
        again = await session.run(RunRequest())
    assert run.status is RunStatus.CRASHED
    assert again.all_passed


async def test_no_pytest_in_the_environment(project: Project, bare_interpreter: Path) -> None:
    started = await Session.start(project.root, bare_interpreter, Limits(), "any")
    assert unavailable(started) == (
        f"pytest is not installed in the project's environment ({bare_interpreter})"
    )


@pytest.mark.parametrize("content", ["", "#!/bin/sh\nexit 3\n", "#!/bin/sh\necho no >&2; exit 3\n"])
async def test_an_interpreter_that_does_not_start(
    project: Project, tmp_path: Path, content: str
) -> None:
    wrong = tmp_path / "python"
    if content:
        wrong.write_text(content)
        wrong.chmod(0o755)
    started = await Session.start(project.root, wrong, Limits(), "any")
    assert f"{wrong} does not start" in unavailable(started)


async def test_the_environment_inside_the_workspace(project: Project) -> None:
    """The most usual layout; and modules of such an environment are not the project's own."""
    venv = project.interpreter.parent.parent
    shutil.copytree(venv, project.root / ".venv", symlinks=True)
    inside = Project(project.root, project.root / ".venv" / "bin" / "python")
    for mode in ("namespaces", "copy"):
        async with inside.session(mode) as session:
            run = await session.run(RunRequest())
        assert run.all_passed, run


async def test_paths_with_characters_that_mount_options_use(
    tmp_path: Path, interpreter: Path
) -> None:
    root = tmp_path / "a, b:c\\d é"
    project = Project(root, interpreter)
    project.put("shop.py", ADD)
    project.put("test_shop.py", "from shop import add\ndef test_add(): assert add(1, 2) == -1\n")
    change = {"shop.py": b"def add(a, b):\n    return a - b\n"}
    async with project.session("namespaces") as session:
        run = await session.run(RunRequest(changed=change))
    assert run.all_passed, run


async def test_our_own_environment_with_all_its_plugins(project: Project) -> None:
    ours = Project(project.root, Path(sys.executable))
    async with ours.session() as session:
        run = await session.run(RunRequest())
    assert run.all_passed, run


@pytest.mark.parametrize("test", ["-x", "@file", "/etc/test.py", ""])
def test_an_argument_that_is_no_test_is_refused(test: str) -> None:
    with pytest.raises(ValueError, match="not a test"):
        RunRequest((test,))


@pytest.mark.parametrize("path", ["../up.py", "/etc/passwd", "a/../../b.py"])
def test_a_change_outside_of_the_workspace_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        RunRequest(changed={path: b""})


async def test_a_change_through_a_link_that_leads_out_is_refused(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (project.root / "link").symlink_to(tmp_path / "outside")
    async with project.session() as session:
        run = await session.run(RunRequest(changed={"link/new.py": b""}))
    assert run.status is RunStatus.UNAVAILABLE
    assert "leads out of the workspace" in run.reason
    assert not list((tmp_path / "outside").iterdir())


async def test_a_run_may_end_at_its_first_failure(project: Project) -> None:
    project.put("tests/test_price.py", "def test_a():\n    assert 0\n\n\ndef test_b():\n    pass\n")
    async with project.session() as session:
        run = await session.run(RunRequest(tests=("tests/test_price.py",), stop_early=True))
    assert run.results["tests/test_price.py::test_a"].outcome is TestOutcome.FAILED
    assert "tests/test_price.py::test_b" not in run.results


@pytest.mark.parametrize("mode", ["namespaces", "copy", "spawn"])
async def test_a_line_knows_the_tests_that_ran_it(project: Project, mode: str) -> None:
    project.put(
        "tests/test_twice.py", "from shop.price import add\n\n\ndef test_a():\n    add(1, 1)\n"
    )
    lines = frozenset({1, 2, 6})
    request = RunRequest(probes={"shop/price.py": lines})
    async with project.session(mode) as session:
        run = await session.run(request)
    assert run.runners["shop/price.py", 1] == {""}
    assert run.runners["shop/price.py", 2] == {
        "tests/test_price.py::test_add",
        "tests/test_twice.py::test_a",
    }
    assert ("shop/price.py", 6) not in run.runners
