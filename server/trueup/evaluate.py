"""How good the gate is, on labelled candidates.

A row is a function before and after, with the tests that its project would have. Each goes through
the gate that every suggestion goes through, in a workspace of its own; what the row says of the
truth is looked at afterwards only. Knows nothing of how a verdict is reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trueup import ConfigurationError, InputError
from trueup.intervals import Share, share
from trueup.propose.hunks import minimal_edits
from trueup.runner.affected import Affected
from trueup.runner.results import RunRequest, TestRun, Unavailable
from trueup.runner.session import Session
from trueup.settings import Limits
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe, Ruling, Verdict
from trueup.verify import behaviour, gate
from trueup.verify.trial import TestBed, Trial

MODULE: Final = "subject.py"
TESTS: Final = "test_subject.py"
TEST_SECONDS: Final = 10.0
"""Wall time of the tests of one row; some candidates never end."""
ROWS_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    task: str
    kind: GoalKind
    before: str
    after: str
    entry_point: str
    visible_tests: tuple[str, ...]
    right: bool
    passes_visible: bool

    @property
    def group(self) -> str:
        if self.right:
            return "right"
        return "wrong_passing" if self.passes_visible else "wrong_failing"


@dataclass(frozen=True, slots=True)
class Judged:
    row: Row
    verdict: Verdict

    @property
    def rejected_on_behaviour(self) -> bool:
        return any(
            found.check == behaviour.CHECK and found.outcome == "failed"
            for found in self.verdict.evidence
        )

    @property
    def has_counterexample(self) -> bool:
        return any(found.counterexample is not None for found in self.verdict.evidence)


GROUPS: Final = ("right", "wrong_passing", "wrong_failing")


def read(path: Path) -> tuple[Row, ...]:
    """The rows of a JSON lines file. Raises InputError that names the first line that is none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{path} cannot be read: {problem}") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(_row(json.loads(line)))
        except (ValueError, KeyError, TypeError) as problem:
            raise InputError(f"{path}:{number} is not a candidate: {problem!r}") from None
    if not rows or len(rows) > ROWS_MAX:
        raise InputError(f"{path} holds {len(rows)} candidates; 1 to {ROWS_MAX} are expected")
    return tuple(rows)


def _row(raw: Mapping[str, object]) -> Row:
    tests = raw["visible_tests"]
    if not isinstance(tests, list):
        raise TypeError("visible_tests is no list")
    return Row(
        id=str(raw["id"]),
        task=str(raw.get("task_id", raw["id"])),
        kind=GoalKind(str(raw["kind"])),
        before=str(raw["before"]),
        after=str(raw["after"]),
        entry_point=str(raw["entry_point"]),
        visible_tests=tuple(str(test) for test in tests),
        right=raw["truth"] == "right",
        passes_visible=bool(raw["passes_visible"]),
    )


async def judge_all(
    rows: Collection[Row],
    interpreter: Path,
    limits: Limits,
    only: frozenset[str],
    said: Callable[[int], None],
) -> tuple[Judged, ...]:
    """Every row's verdict, in the order of `rows`; `only` names the checks that count, all where
    it is empty. Raises ConfigurationError where candidates cannot be run in isolation.
    """
    limits = replace(limits, test_run_seconds=TEST_SECONDS)
    with tempfile.TemporaryDirectory(prefix="trueup-eval-") as folder:
        root = await asyncio.to_thread(_workspace, folder)
        session = await Session.start(root, interpreter, limits, "namespaces")
        if isinstance(session, Unavailable):
            raise ConfigurationError(f"candidates are run isolated or not at all: {session.reason}")
        judged: dict[int, Judged] = {}
        waiting = list(enumerate(rows))

        async def work() -> None:
            while waiting:
                place, row = waiting.pop(0)
                judged[place] = Judged(row, await _judge(row, root, session, limits, only))
                said(len(judged))

        try:
            await asyncio.gather(*(work() for _ in range(os.cpu_count() or 1)))
        finally:
            await session.close()
    return tuple(judged[place] for place in sorted(judged))


def _workspace(folder: str) -> Path:
    root = Path(folder).resolve() / "workspace"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", "utf-8")
    # What is warmed up is what every row's tests will need: pytest, and nothing else.
    (root / TESTS).write_text("def test_nothing() -> None:\n    pass\n", "utf-8")
    return root


async def _judge(
    row: Row, root: Path, session: Session, limits: Limits, only: frozenset[str]
) -> Verdict:
    tests = Document(TESTS, _test_file(row), 1)
    before = Snapshot.of(str(root), (Document(MODULE, row.before, 1), tests))
    edits = minimal_edits(MODULE, row.before, row.after)
    goal = Goal(row.kind, Recipe.PATCH, MODULE, Span(0, len(row.before)), symbol="")
    candidate = Candidate("candidate", edits, "dataset", deterministic=False)

    async def affected(*_: object) -> Affected:
        return Affected((TESTS,), 1, "the visible tests")

    async def baseline(request: RunRequest, _texts: Mapping[str, str]) -> TestRun:
        return await session.run(request)

    async def refusal() -> str:
        return ""

    trial = Trial(
        goal=goal,
        candidate=candidate,
        before=before,
        after=before.edited(edits),
        bed=TestBed(affected, refusal, baseline, session.run, session.confirm, session.ask),
        limits=limits,
    )
    try:
        return await gate.judge(trial, only=only)
    finally:
        await trial.close()
        for task in trial.baselines.values():
            task.cancel()
        await asyncio.gather(*trial.baselines.values(), return_exceptions=True)


def _test_file(row: Row) -> str:
    """One test a statement, each of which sees what the module defines."""
    parts = ["from subject import *", f"from subject import {row.entry_point}"]
    for number, test in enumerate(row.visible_tests):
        body = "\n".join(f"    {line}" for line in test.splitlines())
        parts.append(f"\n\ndef test_{number}():\n{body}")
    return "\n".join(parts) + "\n"


# ---------------------------------------------------------------------------------------------
# What the verdicts say together.
# ---------------------------------------------------------------------------------------------


def counts(judged: Iterable[Judged]) -> dict[str, dict[str, int]]:
    """Outcome by group of truth, as the stable JSON has it."""
    found = Counter((item.row.group, item.verdict.outcome) for item in judged)
    return {group: {ruling.value: found[group, ruling] for ruling in Ruling} for group in GROUPS}


def summary(judged: Collection[Judged], elapsed_s: float) -> dict[str, object]:
    """The stable JSON of `trueup eval gate --json`."""
    on_behaviour = [item for item in judged if item.rejected_on_behaviour]
    return {
        "rows": len(judged),
        "outcomes": counts(judged),
        "rejected_on_behaviour": {
            "right": sum(item.row.right for item in on_behaviour),
            "with_counterexample": sum(item.has_counterexample for item in on_behaviour),
        },
        "elapsed_s": round(elapsed_s, 1),
    }


def wrong_verified(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """What the gate let through."""
    return tuple(
        item for item in judged if not item.row.right and item.verdict.outcome is Ruling.VERIFIED
    )


def shares(judged: Collection[Judged]) -> Iterator[tuple[str, Share]]:
    """What the table ends with, and beside it what a gate that only runs the tests would do."""

    def of(items: Iterable[tuple[Row, bool]]) -> Share:
        return share((row.task, hit) for row, hit in items)

    verified = [item for item in judged if item.verdict.outcome is Ruling.VERIFIED]
    by_tests = [item.row for item in judged if item.row.passes_visible]
    yield (
        "right rows verified",
        of((item.row, item in verified) for item in judged if item.row.right),
    )
    yield (
        "wrong rows that pass the tests verified",
        of((item.row, item in verified) for item in judged if item.row.group == "wrong_passing"),
    )
    yield "wrong among the verified", of((item.row, not item.row.right) for item in verified)
    yield "wrong among what only tests accept", of((row, not row.right) for row in by_tests)


async def evaluate(
    path: Path,
    interpreter: Path,
    limits: Limits,
    only: frozenset[str],
    said: Callable[[int, int], None],
) -> tuple[tuple[Judged, ...], float]:
    """The verdict on every row of a file, and the wall time in seconds."""
    rows = await asyncio.to_thread(read, path)
    started = time.monotonic()
    judged = await judge_all(rows, interpreter, limits, only, lambda done: said(done, len(rows)))
    return judged, time.monotonic() - started
