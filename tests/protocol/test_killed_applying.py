"""What is left when the process is killed while it applies a change, or while it takes one back."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from support.model_editor import Kind, ModelEditor
from support.small_changes import make, marked, suggestion
from trueup import workspace
from trueup.lsp.transport import Server
from trueup.undo import disk, restoring
from trueup.undo.change import Side
from trueup.undo.journal import Journal

EVENTS = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "fcntl.flock", "os.listdir"}
BASES = {
    "a.py": b"a = 1\n",
    "deep/b.py": b"\xef\xbb\xbfb = 1\r\nb = 2",
    "c.py": b"# -*- coding: latin-1 -*-\nc = '\xe9'\x0c\n",
}
RESULTS = {
    path: marked(found).encode(found.encoding)
    for path, raw in BASES.items()
    for found in (workspace.document_of(path, raw),)
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


def lay(root: Path, files: dict[str, bytes]) -> None:
    for path, raw in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(raw)


def held(root: Path) -> dict[str, bytes]:
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file()
    }


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that is killed at its `step`th call of those that change the disk;
    whether it came so far.
    """
    child = os.fork()
    if child == 0:
        left = itertools.count(step, -1)

        def hook(event: str, _: object) -> None:
            if event in EVENTS and next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def apply_it(root: Path) -> None:
    async def whole() -> None:
        server = Server("trueup", "0")
        editor = ModelEditor(root, Kind.GOOD, server)
        editor.connect()
        # The editor saves what it edits, a file at a time, each of them whole.
        editor._edit = lambda change: save(root, editor._path(change))  # type: ignore[method-assign]
        documents = [workspace.read(str(root), path) for path in BASES]
        await make(server, str(root), suggestion(*documents), server.client)

    asyncio.run(whole())


def save(root: Path, path: str) -> None:
    target = root / path
    made = target.with_name(f"{target.name}.saving")
    made.write_bytes(RESULTS[path])
    made.replace(target)


def check(root: Path, *, stride: int, repeats: int) -> int:
    """Kill the process at every `stride`th step; how many steps there were."""
    for step in itertools.count(0, stride):
        for _ in range(repeats):
            lay(root, BASES)
            was_killed = killed_at(step, lambda: apply_it(root))
            now = {path: raw for path, raw in held(root).items() if not path.endswith(".saving")}
            assert all(now[path] in {BASES[path], RESULTS[path]} for path in BASES)
            changes = Journal().changes(str(root))
            if now != BASES:
                assert changes, f"killed at {step}: changed, and not written down"
            if changes:
                newest = changes[0]
                assert not restoring.restore(newest, Side.RESULT).left
                assert {path: held(root)[path] for path in BASES} == RESULTS
                # What takes it back is killed as well, at the same step.
                killed_at(step, partial(restoring.restore, newest, Side.BASE))
                for path in newest.paths:
                    disk.sweep(str(root), path)
                assert not restoring.restore(newest, Side.BASE).left
                Journal().forget(newest)
            left = held(root)
            assert {path: left[path] for path in BASES} == BASES
            assert not [path for path in left if disk.TEMPORARY in path]
        if not was_killed:
            return step
    raise AssertionError


@pytest.mark.parametrize(
    ("stride", "repeats"), [pytest.param(4, 1, id="few"), pytest.param(1, 50, id="many")]
)
def test_a_change_is_restored_whenever_the_process_is_killed(
    root: Path, stride: int, repeats: int
) -> None:
    assert check(root, stride=stride, repeats=repeats) > 15


def test_what_was_interrupted_is_known_and_what_goes_on_is_not(root: Path) -> None:
    lay(root, BASES)
    documents = [workspace.read(str(root), path) for path in BASES]
    files = Server("trueup", "0").changes._files(str(root), suggestion(*documents), keep=False)
    journal = Journal()
    change = journal.begin(str(root), "Mark it", files)
    assert Journal().interrupted(str(root)) == ()
    journal.release(change)
    assert [item.number for item in Journal().interrupted(str(root))] == [change.number]
