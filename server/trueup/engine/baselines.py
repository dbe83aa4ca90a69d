"""Runs of tests on the unchanged workspace, so that a second verdict need not wait for its own.

A run answers again as long as nothing that lies in the workspace has changed, nor what unsaved
buffers hold, nor what is installed; for the tests that it ran or for some of them. Only a run that
finished is kept, and one with red tests answers only after another run agreed on which they are.

It knows files by their stamps and reads none. It does not see what tests depend on elsewhere: other
folders, the network, the clock. So a kept green test that fails with a change proves nothing before
it was run again on both sides, which is the affair of whoever judges.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trueup.runner.results import RunRequest, RunStatus, TestRun

RUNS_MAX: Final = 16
FILES_MAX: Final = 20_000
"""In a workspace of more files than this, to look at all of them is no gain."""

NOT_READ: Final = frozenset(
    {
        "__pycache__",
        "node_modules",
        "site-packages",
        ".git",
        ".hg",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
    }
)

Key = str


@dataclass(frozen=True, slots=True)
class _Kept:
    """`settled`: nothing is red, or two runs agree on what is."""

    run: TestRun
    settled: bool


class Baselines:
    """The latest runs of one workspace under one interpreter."""

    def __init__(self, root: str, interpreter: Path) -> None:
        self._root = root
        self._environment = interpreter.parent.parent
        self._kept: dict[tuple[Key, tuple[str, ...]], _Kept] = {}

    def key(self, request: RunRequest) -> Key | None:
        """What the workspace is now, for this request; None where that is not known."""
        if request.probes or request.watched or request.stop_early:
            return None
        state = hashlib.sha256()
        count = 0
        try:
            for stamp in (*self._installed(), *_stamps(self._root)):
                state.update(repr(stamp).encode())
                count += 1
                if count > FILES_MAX:
                    return None
        except OSError:
            return None
        for path in sorted(request.changed):
            state.update(repr((path, hashlib.sha256(request.changed[path]).digest())).encode())
        state.update(repr(sorted(request.deleted)).encode())
        return state.hexdigest()

    def _installed(self) -> Iterator[object]:
        for folder in sorted(self._environment.glob("lib*/python*/site-packages")):
            yield _stamp(str(folder), folder.stat())

    def answer(self, key: Key | None, tests: tuple[str, ...]) -> TestRun | None:
        """What a kept run says about these tests, if one of them ran them all."""
        for (state, ran), kept in reversed(self._kept.items()):
            if state == key and kept.settled and _covers(ran, tests):
                found = kept.run if ran == tests else _part(kept.run, tests)
                if found is not None:
                    return found
        return None

    def keep(self, key: Key | None, tests: tuple[str, ...], run: TestRun) -> None:
        """`key` is that of before the run, and nothing must have changed since."""
        if key is None or run.status is not RunStatus.FINISHED or run.collection_errors:
            return
        before = self._kept.pop((key, tests), None)
        settled = not _red(run) or (before is not None and _red(before.run) == _red(run))
        self._kept[key, tests] = _Kept(replace(run, recording=None), settled)
        while len(self._kept) > RUNS_MAX:
            del self._kept[next(iter(self._kept))]


def _stamps(root: str) -> Iterator[object]:
    """Every file that a test might read; of git, what says which commit this is."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            name
            for name in names
            if name not in NOT_READ and not Path(folder, name, "pyvenv.cfg").exists()
        )
        yield folder
        for file in sorted(files):
            if not file.endswith(".pyc"):
                path = os.path.join(folder, file)  # noqa: PTH118 - thousands of them
                yield _stamp(path, os.lstat(path))
    head = Path(root, ".git", "HEAD")
    if head.exists():
        yield _stamp(str(head), head.stat())


def _stamp(path: str, status: os.stat_result) -> object:
    return path, status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _covers(ran: tuple[str, ...], tests: tuple[str, ...]) -> bool:
    return ran == tests or (
        bool(tests)
        and (not ran or all({test, test.partition("::")[0]} & set(ran) for test in tests))
    )


def _part(run: TestRun, tests: tuple[str, ...]) -> TestRun | None:
    """The run as if these tests alone had run; None where one of them has no result."""
    results = {}
    for test in tests:
        starts = f"{test}[", f"{test}::"
        own = {
            nodeid: result
            for nodeid, result in run.results.items()
            if nodeid == test or nodeid.startswith(starts)
        }
        if not own:
            return None
        results.update(own)
    part = replace(run, results=MappingProxyType(results))
    return replace(part, returncode=1 if _red(part) else 0)


def _red(run: TestRun) -> frozenset[str]:
    return frozenset(name for name, each in run.results.items() if each.outcome.is_red)
