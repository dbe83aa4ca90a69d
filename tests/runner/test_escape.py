"""Everything that a hostile test may try, in each isolation, as root and as nobody in particular.

Two thirds of the checks must be refused or go nowhere, one third must work all the same. What each
isolation does not hold is written down here, so that it can be neither more nor less than is said.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.tiny_projects import ADD, PYTEST_AND_ITS_NEEDS, TEST_ADD, Project, make_environment
from trueup.runner.results import RunRequest, TestOutcome
from trueup.settings import Limits

NOBODY = 65534
# The user of this process, and where that is root, somebody else as well.
USERS = [os.getuid(), *([NOBODY] if os.getuid() == 0 else [])]

CHECKS = """
import ctypes, json, os, pathlib, signal, socket, subprocess, sys, time
import pytest

KNOWN = json.loads(pathlib.Path("known.json").read_text())
HOME, WORKSPACE = KNOWN["home"], os.getcwd()
libc = ctypes.CDLL(None, use_errno=True)


def others():
    own = {os.getpid(), os.getppid()}
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in own]


def refused(attempt):
    try:
        found = attempt()
    except OSError:
        return
    raise AssertionError("not refused: %r" % (found,))


def write(path):
    with open(path, "w") as file:
        file.write("escaped")


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_must_read_secret(): refused(lambda: open(HOME + "/secret").read())
def test_must_read_key(): refused(lambda: open(HOME + "/.ssh/id").read())
def test_must_read_shadow():
    try:
        assert not open("/etc/shadow").read()
    except OSError:
        pass
def test_must_write_home():
    try:
        write(HOME + "/escaped")
    except OSError:
        pass
def test_must_write_tmp():
    try:
        write("/tmp/" + KNOWN["mark"])
    except OSError:
        pass
def test_must_write_shm():
    write("/dev/shm/" + KNOWN["mark"])
def test_must_write_workspace():
    write("escaped")
    write("shop/__init__.py")
def test_must_write_library():
    refused(lambda: write(os.path.join(os.path.dirname(pytest.__file__), "escaped.py")))
def test_must_write_etc(): refused(lambda: write("/etc/escaped"))
def test_must_write_usr(): refused(lambda: write("/usr/local/escaped"))
def test_must_connect_to_the_machine():
    refused(lambda: socket.create_connection(("127.0.0.1", KNOWN["port"]), 1))
def test_must_connect_outward(): refused(lambda: socket.create_connection(("192.0.2.1", 80), 1))
def test_must_send_udp():
    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("192.0.2.1", 53))
    refused(send)
def test_must_reach_a_named_socket(): refused(lambda: connect(KNOWN["socket"]))
def test_must_reach_a_named_socket_at_home(): refused(lambda: connect(HOME + "/socket"))
def test_must_reach_an_abstract_socket(): refused(lambda: connect("\\0" + KNOWN["mark"]))
def test_must_unshare(): assert libc.unshare(0x10000000) == -1
def test_must_unmount():
    assert libc.umount2(HOME.encode(), 2) == -1
    assert libc.umount2(WORKSPACE.encode(), 2) == -1
def test_must_mount(): assert libc.mount(b"t", b"/mnt", b"tmpfs", 0, b"") == -1
def test_must_clone_namespaces():
    assert subprocess.run(["unshare", "-Ur", "true"], capture_output=True).returncode
def test_must_see_processes(): assert len(others()) <= 1
def test_must_read_environments():
    for name in others():
        try:
            assert b"sk-secret" not in open("/proc/%s/environ" % name, "rb").read()
        except OSError:
            pass
    assert "sk-secret" not in os.environ.values()
def test_must_have_capabilities():
    status = open("/proc/self/status").read()
    assert "CapEff:\\t0000000000000000" in status
    assert "NoNewPrivs:\\t1" in status
def test_must_inherit_descriptors():
    held = {}
    for name in os.listdir("/proc/self/fd"):
        if os.path.lexists("/proc/self/fd/" + name):
            held[name] = os.readlink("/proc/self/fd/" + name)
    assert not [n for n, kind in held.items() if kind.startswith(("pipe:", "socket:")) and n != "3"]
def test_must_configure_the_kernel():
    refused(lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
def test_must_press_sysrq(): refused(lambda: os.open("/proc/sysrq-trigger", os.O_WRONLY))
def test_must_write_memory():
    for name in others():
        refused(lambda: os.open("/proc/%s/mem" % name, os.O_RDWR))
def test_must_trace(): assert libc.ptrace(16, os.getppid(), 0, 0) == -1
def test_must_signal_the_engine():
    refused(lambda: os.kill(KNOWN["engine"], 0))
def test_can_use_localhost():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 2).close()
def test_can_listen():
    with socket.create_server(("127.0.0.1", 0)):
        pass
def test_can_use_sockets(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        connect(str(tmp_path / "s"))
def test_can_pool():
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1]) == [1]
    multiprocessing.Lock()
def test_can_spawn():
    import multiprocessing
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
    assert process.exitcode == 0
def test_can_manage():
    import multiprocessing
    with multiprocessing.Manager() as manager:
        assert list(manager.list([1])) == [1]
def test_can_thread():
    import threading
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
def test_can_run_programs():
    assert subprocess.check_output([sys.executable, "-c", "print(1)"]) == b"1\\n"
def test_can_await_programs():
    import asyncio
    async def run():
        process = await asyncio.create_subprocess_exec("true")
        return await process.wait()
    assert asyncio.run(run()) == 0
def test_can_end_a_child():
    pid = os.fork()
    if not pid:
        time.sleep(9)
        os._exit(0)
    os.kill(pid, 15)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == 15
def test_can_write_its_home():
    (pathlib.Path.home() / ".cache").mkdir(exist_ok=True)
    (pathlib.Path.home() / ".cache" / "x").write_text("1")
def test_can_rename_its_folders():
    os.mkdir("one")
    os.rename("one", "two")
def test_can_rename_a_folder_of_the_project(): os.rename("docs", "documents")
"""

LEAKS = {
    # The overlay of an ordinary user cannot redirect a folder that lies below.
    "namespaces": {"can_rename_a_folder_of_the_project"},
    "landlock": {"can_use_localhost", "must_reach_a_named_socket",
                 "must_reach_a_named_socket_at_home", "must_see_processes"},
}  # fmt: skip
"""What does not go as it should, and is in the sentence about the isolation or in its reason."""


def python_for(user: int) -> str:
    """An interpreter that this user can start."""
    for python in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        with_user = {"user": user, "group": user, "extra_groups": []} if user != os.getuid() else {}
        try:
            done = subprocess.run([python, "-c", "import venv"], check=False, **with_user)
        except OSError:
            continue
        if done.returncode == 0:
            return python
    raise AssertionError(f"no interpreter for user {user}")


def as_user(user: int, python: Path, folder: Path) -> Path:
    """`python`, started by root, that goes on as `user`."""
    change = folder / "change.py"
    change.write_text(
        "import os, sys\n"
        f"os.chown('.', {user}, {user})\n"
        f"os.setgroups([]); os.setresgid(*[{user}] * 3); os.setresuid(*[{user}] * 3)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    wrapper = folder / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -I {change} {python} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


@pytest.fixture
def ground() -> Iterator[Path]:
    """A folder that every user may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="trueup-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
    for left in Path("/dev/shm").glob(f"trueup-{os.getpid()}-*"):
        left.unlink()


def prepare(ground: Path, user: int, known: dict[str, object]) -> Project:
    home, root = ground / "home", ground / "project"
    python = make_environment(ground / "venv", PYTEST_AND_ITS_NEEDS, python_for(user))
    project = Project(root, python if user == os.getuid() else as_user(user, python, ground))
    for path, text in {
        "shop/__init__.py": "", "shop/price.py": ADD, "docs/one.md": "", "known.json":
        json.dumps(known), "tests/test_price.py": TEST_ADD, "tests/test_escape.py": CHECKS,
    }.items():  # fmt: skip
        project.put(path, text)
    (home / ".ssh").mkdir()
    for secret in (home / "secret", home / ".ssh" / "id"):
        secret.write_text("sk-secret")
    for folder, _, names in os.walk(ground):
        for name in ("", *names):
            os.chown(Path(folder, name), user, user, follow_symlinks=False)
    return project


def files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", ["namespaces", "landlock"])
async def test_what_a_hostile_test_can_do(
    ground: Path, monkeypatch: pytest.MonkeyPatch, mode: str, user: int
) -> None:
    home, mark = ground / "home", f"trueup-{os.getpid()}-{mode}-{user}"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SECRET_TOKEN", "sk-secret")
    tcp = await asyncio.start_server(lambda _r, writer: writer.close(), "127.0.0.1", 0)
    known = {
        "home": str(home), "mark": mark, "port": tcp.sockets[0].getsockname()[1],
        "socket": str(ground / "socket"), "engine": os.getpid(),
    }  # fmt: skip
    project = prepare(ground, user, known)
    sockets = []
    for address in (ground / "socket", home / "socket", f"\0{mark}"):
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(address))
        listening.listen()
        sockets.append(listening)
        if isinstance(address, Path):
            address.chmod(0o777)
    before = files(project.root)
    async with tcp, project.session(mode, Limits(test_processes=310)) as session:
        run = await session.run(RunRequest(("tests/test_escape.py",)))
    for listening in sockets:
        listening.close()
    names = {node.partition("::test_")[2]: result for node, result in run.results.items()}
    red = {name: result.detail for name, result in names.items() if result.outcome.is_red}
    assert len(names) == 42, run.reason
    assert all(
        result.outcome in {*TestOutcome} - {TestOutcome.SKIPPED} for result in names.values()
    )
    assert set(red) == LEAKS[mode], red
    assert files(project.root) == before
    shared = Path("/dev/shm", mark)
    left = [path for path in (home / "escaped", Path("/tmp", mark), shared) if path.exists()]
    # Locks and pools need it, so without namespaces it is the machine's own, as the sentence says.
    assert left == ([shared] if mode == "landlock" else [])
