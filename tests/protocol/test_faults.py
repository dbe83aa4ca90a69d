"""Disks that are full, broken or read-only, and clocks that jump."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trueup import InputError, JournalError
from trueup.undo import disk, restoring
from trueup.undo.change import ChangedFile, Side, State
from trueup.undo.disk import Kernel
from trueup.undo.journal import CHANGES_MAX, DAYS_MAX, KEPT_MIN, Journal

FILES = (
    ChangedFile("a.py", "a = 1\n", "a = 2\n"),
    ChangedFile("b.py", "b = '\xe9'\r\n", "b = '\xe9\xe9'\r\n", "latin-1"),
    ChangedFile("new.py", None, "new = 1\n"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    lay(folder)
    return folder


def lay(root: Path) -> None:
    for file in FILES:
        raw = file.raw(Side.BASE)
        if raw is None:
            (root / file.path).unlink(missing_ok=True)
        else:
            (root / file.path).write_bytes(raw)


def failing(step: int, code: int) -> tuple[Kernel, Callable[[], int]]:
    """Calls of which the `step`th fails, and how many there were."""
    counter = itertools.count()
    calls = [0]

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def guard(*given: Any, **named: Any) -> Any:
            calls[0] += 1
            if next(counter) == step:
                raise OSError(code, os.strerror(code))
            return call(*given, **named)

        return guard

    made = Kernel(*map(guarded, (os.write, os.fsync, os.rename, os.unlink)))
    return made, lambda: calls[0]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_a_disk_that_fails_at_any_call(root: Path, code: int) -> None:
    for step in itertools.count():
        lay(root)
        kernel, calls = failing(step, code)
        journal = Journal(kernel=kernel)
        made, problem = None, ""
        try:
            change = journal.begin(str(root), "Change it", FILES)
            made = restoring.put(change, FILES, Side.RESULT, kernel)
            journal.settle(change, State.APPLIED)
        except JournalError as refused:
            problem = str(refused)
        held = {path.name: path.read_bytes() for path in root.iterdir()}
        for file in FILES:
            sides = {file.raw(Side.BASE), file.raw(Side.RESULT)}
            assert held.pop(file.path, None) in sides
        assert held == {}
        if made is None:
            assert problem.startswith("nothing was changed")
            assert problem.endswith(os.strerror(code))
            assert Journal().changes(str(root)) == ()
        else:
            assert all(os.strerror(code) in why for _, why in made.left)
            newest = Journal().changes(str(root))[0]
            assert not restoring.restore(newest, Side.BASE).left
            Journal().forget(newest)
        if calls() <= step:
            assert step > 10
            return


def test_a_disk_that_is_full(root: Path) -> None:
    """The kernel's own refusal, in a process that may write no more than a few bytes a file."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            Journal().begin(str(root), "Change it", FILES)
        except JournalError as problem:
            os._exit(0 if "too large" in str(problem) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert Journal().changes(str(root)) == ()


def test_a_change_that_fails_in_one_file_is_made_in_none(root: Path) -> None:
    (root / "b.py").chmod(0o444)
    made = restoring.make(Journal(), str(root), "Change it", FILES)
    assert made.done == ()
    assert made.left == (("b.py", "b.py is read-only"),)
    assert (root / "a.py").read_text() == "a = 1\n"
    assert not (root / "new.py").exists()
    assert Journal().changes(str(root)) == ()


def link(root: Path) -> None:
    (root / "b.py").rename(root / "real.py")
    (root / "b.py").symlink_to("real.py")


def hard_link(root: Path) -> None:
    (root / "second.py").hardlink_to(root / "b.py")


def fifo(root: Path) -> None:
    (root / "b.py").unlink()
    os.mkfifo(root / "b.py")


def folder(root: Path) -> None:
    (root / "b.py").unlink()
    (root / "b.py").mkdir()


@pytest.mark.parametrize("what", [link, hard_link, fifo, folder])
def test_what_is_no_plain_file_is_refused(root: Path, what: Callable[[Path], None]) -> None:
    what(root)
    with pytest.raises(InputError, match=r"b\.py"):
        disk.replace(str(root), "b.py", FILES[1].raw(Side.BASE), b"x")
    with pytest.raises(InputError, match=r"b\.py"):
        disk.read(str(root), "b.py")


@pytest.mark.parametrize("path", ["../b.py", "/etc/passwd", "", "a/../../b.py"])
def test_what_leads_out_is_refused(root: Path, path: str) -> None:
    with pytest.raises(InputError, match="leads out"):
        disk.replace(str(root), path, None, b"x")


def test_a_folder_that_is_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="over a link"):
        disk.replace(str(root), "deep/b.py", None, b"x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_keeps_its_mode(root: Path) -> None:
    (root / "a.py").chmod(0o755)
    assert disk.replace(str(root), "a.py", b"a = 1\n", b"a = 2\n")
    assert (root / "a.py").stat().st_mode & 0o777 == 0o755


def test_a_record_that_was_damaged_is_none(root: Path) -> None:
    journal = Journal()
    change = journal.begin(str(root), "Change it", FILES)
    journal.settle(change, State.APPLIED)
    (record,) = journal._folder.glob("*.json")
    assert record.stat().st_mode & 0o777 == 0o600
    raw = record.read_bytes()
    for place in range(0, len(raw), 7):
        record.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        assert journal.changes(str(root)) == ()
    record.write_bytes(raw[:-1])
    assert journal.changes(str(root)) == ()
    record.write_bytes(raw)
    assert [item.files for item in journal.changes(str(root))] == [FILES]


@pytest.mark.parametrize("days", [-400, 400], ids=["into-the-past", "into-the-future"])
def test_a_clock_that_jumps_leaves_the_last_changes(root: Path, days: int) -> None:
    journal = Journal()
    for _ in range(KEPT_MIN + 5):
        journal.settle(journal.begin(str(root), "Change it", FILES), State.APPLIED)
    for record in journal._folder.glob("*.json"):
        at = time.time() - days * 86_400
        os.utime(record, (at, at))
    journal.settle(journal.begin(str(root), "The last", FILES), State.APPLIED)
    known = journal.changes(str(root))
    assert known[0].title == "The last"
    assert abs(days) > DAYS_MAX
    assert len(known) == (KEPT_MIN + 1 if days > 0 else KEPT_MIN + 6)


def test_records_are_bounded(root: Path) -> None:
    journal = Journal()
    for number in range(CHANGES_MAX + 5):
        journal.settle(journal.begin(str(root), str(number), FILES[:1]), State.APPLIED)
    known = journal.changes(str(root))
    assert len(known) == CHANGES_MAX
    assert known[0].title == str(CHANGES_MAX + 4)
    assert Journal().changes(str(root / "other")) == ()


def test_half_of_a_character_can_be_undone(root: Path) -> None:
    """An editor may hold what no file can; the journal keeps it all the same."""
    odd = ChangedFile("a.py", "a = '\ud800'\n", "a = 2\n")
    journal = Journal()
    journal.settle(journal.begin(str(root), "Change it", (odd,)), State.APPLIED)
    change = journal.changes(str(root))[0]
    assert change.files == (odd,)
    (root / "a.py").write_text("a = 2\n")
    assert "cannot be written" in restoring.restore(change, Side.BASE).left[0][1]
    assert (root / "a.py").read_text() == "a = 2\n"
