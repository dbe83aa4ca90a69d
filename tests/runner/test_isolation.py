"""What the tests of a project can reach, and how it is put into words."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from support.tiny_projects import Project
from trueup.runner import sandbox
from trueup.runner.results import Isolation, RunRequest
from trueup.settings import Limits

NAMESPACES_SENTENCE = (
    "namespaces, overlay, seccomp: home hidden, no network but its own localhost, writes discarded"
)

REACH = """
import ctypes, errno, json, os, pathlib, socket, subprocess, sys, threading
import pytest

KNOWN = json.loads(pathlib.Path("known.json").read_text())
libc = ctypes.CDLL(None, use_errno=True)


def test_home_holds_nothing_but_what_runs():
    home = pathlib.Path(KNOWN["home"])
    held = os.listdir(home) if home.exists() else []
    assert set(held) <= set(KNOWN["needed"])
    for name in held:
        assert name not in (".ssh", ".bashrc", ".netrc", ".config")


def test_files_of_others_in_tmp_are_not_there():
    assert not os.path.exists(KNOWN["secret"])


@pytest.mark.parametrize("folder", ["/etc", "/usr", "/", KNOWN["prefix"], KNOWN["beside"]])
def test_the_machine_cannot_be_written(folder):
    with pytest.raises(OSError):
        open(os.path.join(folder, "trueup-was-here"), "w")


def test_the_network_is_not_there():
    with pytest.raises(OSError) as refused:
        socket.create_connection(("192.0.2.1", 53), 2)
    assert refused.value.errno == errno.ENETUNREACH


def test_a_server_of_the_machine_is_not_there():
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", KNOWN["port"]), 2)


def test_own_localhost_works():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 2).close()


def test_other_processes_are_not_there():
    assert len([name for name in os.listdir("/proc") if name.isdigit()]) < 5


def test_no_key_is_in_the_environment_of_anyone():
    for environ in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            assert b"sk-secret" not in environ.read_bytes()
        except OSError:
            continue
    assert not [name for name in os.environ if "ANTHROPIC" in name or "TOKEN" in name]


def test_disks_are_no_devices_here():
    import stat
    nodes = [path for path in pathlib.Path("/dev").rglob("*") if not path.is_symlink()]
    assert not [path for path in nodes if stat.S_ISBLK(path.lstat().st_mode)]
    assert pathlib.Path("/dev/null").write_text("x") == 1
    assert len(pathlib.Path("/dev/urandom").open("rb").read(4)) == 4


def test_namespaces_and_mounts_are_refused():
    assert libc.unshare(0x10000000) == -1 and ctypes.get_errno() == errno.EPERM
    assert libc.umount2(os.getcwd().encode(), 2) == -1
    assert libc.ptrace(16, os.getppid(), 0, 0) == -1


def test_capabilities_are_gone_and_stay_away():
    status = pathlib.Path("/proc/self/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert [int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")] == [0] * 4
    assert (fields["NoNewPrivs"].strip(), fields["Seccomp"].strip()) == ("1", "2")


def test_the_kernel_cannot_be_configured():
    with pytest.raises(OSError):
        open("/proc/sys/kernel/core_pattern", "w")


def test_nothing_of_the_result_pipe_reaches_a_child():
    done = subprocess.run([sys.executable, "-c", "import os; os.fstat(3)"], capture_output=True)
    assert b"Bad file descriptor" in done.stderr


def test_what_a_test_may_rely_on():
    import multiprocessing, tempfile
    home = pathlib.Path.home()
    (home / "settings").write_text("mine")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "a").write_text("b")
    assert subprocess.run(["true"]).returncode == 0
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]
    master, slave = os.openpty()
    os.write(slave, b"hello")
    assert os.read(master, 5) == b"hello"


def test_processes_are_counted():
    children = []
    with pytest.raises(OSError):
        for _ in range(600):
            pid = os.fork()
            if pid == 0:
                import time
                time.sleep(60)
                os._exit(0)
            children.append(pid)
    assert len(children) < 320
"""


async def test_what_the_tests_of_a_project_can_reach(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("GITHUB_TOKEN", "sk-secret")
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    home = Path.home()
    # The agent's own file too, where Trueup itself is installed in the home.
    needed = (
        Path(sys.base_prefix),
        project.root,
        project.interpreter.parent,
        Path(sandbox.__file__),
    )
    known = {
        "home": str(home),
        "needed": [path.relative_to(home).parts[0] for path in needed if path.is_relative_to(home)],
        # A home in /tmp is beside what a run may write, which is its own and gone with it.
        "beside": "/etc" if home.is_relative_to("/tmp") else str(home.parent),
        "secret": str(secret),
        "prefix": sys.base_prefix,
        "port": server.sockets[0].getsockname()[1],
    }
    project.put("known.json", json.dumps(known))
    project.put("tests/test_reach.py", REACH)
    async with server, project.session("namespaces", Limits(test_processes=310)) as session:
        assert session.isolation == Isolation("namespaces", NAMESPACES_SENTENCE)
        run = await session.run(RunRequest(("tests/test_reach.py",)))
        cold = await session.confirm(RunRequest(("tests/test_reach.py",)))
    for each in (run, cold):
        red = {test: result.detail for test, result in each.results.items() if result.detail}
        assert each.all_passed, (each.reason, red)
        assert len(each.results) == 19


UNFENCED = {
    "bare": "a copy was asked for; no fence was asked for",
    "spawn": "a fresh interpreter was asked for; each run is a fresh interpreter",
}


@pytest.mark.parametrize("mode", UNFENCED)
async def test_a_copy_says_that_it_is_no_isolation(project: Project, mode: str) -> None:
    async with project.session(mode) as session:
        assert session.isolation == Isolation(
            "none",
            f"no isolation ({UNFENCED[mode]}): the tests ran with your full rights on a copy",
        )


def test_a_workspace_that_is_the_home_folder_is_not_called_hidden() -> None:
    said = sandbox.isolation({"mode": "namespaces", "home_hidden": False, "seccomp": False})
    assert "home visible" in said.sentence
    assert "no seccomp" in said.sentence


def test_the_environment_is_an_allow_list(tmp_path: Path) -> None:
    base = {"PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "ANTHROPIC_API_KEY": "k", "AWS_SECRET": "s"}
    (tmp_path / "pyvenv.cfg").touch()
    interpreter = tmp_path / "bin" / "python"
    assert sandbox.environment(interpreter, base) == {
        "PATH": f"{tmp_path}/bin:/bin",
        "LC_ALL": "C",
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "VIRTUAL_ENV": str(tmp_path),
    }
