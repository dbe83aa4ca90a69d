"""How long from asking for one small test to its result, warm and sandboxed, against pytest itself.

Prints ratios against `python -m pytest` on the same test in the same run of this script, warm and
for the cold confirmation: for two published packages, whose environments hold little more than
pytest, and for a generated project in the environment of this script, with the plugins that many
projects have. The last line is one JSON object; its value is the slowest warm p50 in seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.packages import VERSIONS, PackageUnavailableError, prepare
from trueup.runner.results import RunRequest, TestRun, Unavailable
from trueup.runner.session import Session
from trueup.settings import Limits, cache_folder

TARGET_SECONDS: Final = 0.10
WARM_RUNS: Final = 40
COLD_RUNS: Final = 5


@dataclass(frozen=True, slots=True)
class Subject:
    """A project, one of its small tests, and the file of which a comment is changed each time."""

    name: str
    root: Path
    interpreter: Path
    test: str
    source: str


@dataclass(frozen=True, slots=True)
class Measured:
    subject: Subject
    isolation: str
    warm: list[float]
    cold: list[float]
    plain: list[float]


PACKAGES: Final = {
    "marshmallow": (
        "tests/test_error_store.py::TestMergeErrors::test_merging_none_and_string",
        "src/marshmallow/error_store.py",
    ),
    "jinja2": ("tests/test_tests.py::TestTestsCase::test_defined", "src/jinja2/tests.py"),
}


def subjects(folder: Path) -> list[Subject]:
    """Two published packages where they can be had, and a generated project."""
    found = []
    for name, (test, source) in PACKAGES.items():
        try:
            package = prepare(name, VERSIONS[name], cache_folder() / "packages")
        except PackageUnavailableError as problem:
            print(f"{name} is left out: {problem}")
            continue
        found.append(Subject(name, package.root, package.interpreter, test, source))
    return [*found, _generated(folder)]


def _generated(folder: Path) -> Subject:
    (folder / "shop.py").write_text("def add(a, b):\n    return a + b\n")
    (folder / "test_shop.py").write_text(
        "from shop import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
    )
    return Subject("generated", folder, Path(sys.executable), "test_shop.py::test_add", "shop.py")


async def measure(subject: Subject) -> Measured:
    session = await Session.start(subject.root, subject.interpreter, Limits())
    if isinstance(session, Unavailable):
        raise SystemExit(session.reason)
    original = (subject.root / subject.source).read_bytes()

    def request(number: int) -> RunRequest:
        changed = {subject.source: original + b"\n# %d\n" % number}
        return RunRequest((subject.test,), changed)

    try:
        await session.run(request(0))
        warm, cold, plain = [], [], []
        for number in range(WARM_RUNS):
            warm.append(await _timed(session.run, request(number)))
            if number % (WARM_RUNS // COLD_RUNS) == 0:
                # Interleaved, so that all three see the same load of the machine.
                cold.append(await _timed(session.confirm, request(number)))
                plain.append(await asyncio.to_thread(_plain, subject))
    finally:
        await session.close()
    return Measured(subject, session.isolation.sentence, warm, cold, plain)


async def _timed(call: Callable[[RunRequest], Awaitable[TestRun]], request: RunRequest) -> float:
    started = time.perf_counter()
    run = await call(request)
    if not run.all_passed:
        raise SystemExit(f"{request.tests}: {run.reason or 'the test does not pass'}")
    return time.perf_counter() - started


def _plain(subject: Subject) -> float:
    command = [str(subject.interpreter), "-m", "pytest", subject.test]
    started = time.perf_counter()
    subprocess.run(command, cwd=subject.root, check=True, capture_output=True)
    return time.perf_counter() - started


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def show(measured: Measured) -> None:
    warm, cold, plain = (
        statistics.median(values) for values in (measured.warm, measured.cold, measured.plain)
    )
    print(
        f"{measured.subject.name:12} "
        f"{plain / warm:5.1f}x faster warm  "
        f"{cold / plain:4.2f}x as long cold  "
        f"warm p50 {milliseconds(warm)}  p95 {milliseconds(p95(measured.warm))}  "
        f"cold {milliseconds(cold)}  python -m pytest {milliseconds(plain)}"
    )


async def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        measured = [await measure(subject) for subject in subjects(Path(folder))]
    print(f"one small test, {measured[0].isolation}; load {os.getloadavg()[0]:.1f}")
    for each in measured:
        show(each)
    value = max(statistics.median(each.warm) for each in measured)
    report = {
        "name": "warm_run",
        "value": round(value, 4),
        "unit": "s",
        "target": TARGET_SECONDS,
        "ok": value <= TARGET_SECONDS,
    }
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
