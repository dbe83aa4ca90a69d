"""One candidate on its way through the gate.

A Trial holds what the checks share: the workspace before and after, and the runs of the affected
tests, each made once however many checks ask for it. It does not know what the checks conclude.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from trueup import workspace
from trueup.runner.affected import Affected
from trueup.runner.results import RunRequest, RunStatus, ScriptAnswer, ScriptRequest, TestRun
from trueup.runner.suite import suite_of
from trueup.settings import Limits
from trueup.snapshot import Snapshot
from trueup.suggestion import Candidate, Evidence, Goal, Outcome, Plan
from trueup.verify import changes
from trueup.verify.pairing import aligned, unpaired

RunTests = Callable[[RunRequest], Awaitable[TestRun]]
AskScript = Callable[[ScriptRequest], Awaitable[ScriptAnswer]]
RunBaseline = Callable[[RunRequest, Mapping[str, str]], Awaitable[TestRun]]
"""On the unchanged workspace; beside the request, the texts that may differ from the disk."""
FindTests = Callable[
    [Collection[str], Mapping[str, str], Mapping[str, str], Collection[str]], Awaitable[Affected]
]
"""Who can see a change of these paths, from these texts to those, where some files are absent."""


@dataclass(frozen=True, slots=True)
class TestBed:
    """How tests are run here.

    `refusal` makes ready to run, asking the user where that is needed, and answers with the reason
    why nothing can be run, or "". Nothing of the project is executed before it was awaited.
    """

    __test__ = False

    affected: FindTests
    refusal: Callable[[], Awaitable[str]]
    baseline: RunBaseline
    run: RunTests
    confirm: RunTests
    ask: AskScript


@dataclass(frozen=True, slots=True)
class Sides:
    """The affected tests on the workspace as it is and with the candidate in it."""

    before: TestRun
    after: TestRun


@dataclass
class Trial:
    goal: Goal
    candidate: Candidate
    before: Snapshot
    after: Snapshot
    bed: TestBed
    limits: Limits
    baselines: dict[tuple[str, ...], asyncio.Task[TestRun]] = field(default_factory=dict)
    """Runs of tests on the unchanged workspace, shared by all trials of a job."""
    interpreter: Path | None = None
    """The project's, for those who read what lies beside it; None where it is not known."""
    absent: frozenset[str] = frozenset()
    """Files of the disk that are not in the workspace that is judged, but where it holds them."""
    plan: Plan | None = None
    """What the job is held to; None: the goal says it alone."""
    _sides: asyncio.Task[Sides] | None = None
    _affected: Affected | None = None

    @cached_property
    def only_text(self) -> bool:
        """Whether no code changes: documentation, and trees that are equal but for docstrings."""
        return all(
            workspace.is_documentation(self.before.root, path)
            or (
                path.endswith(".py")
                and (old := self.before.get(path)) is not None
                and (new := self.after.get(path)) is not None
                and changes.same_code(old.text, new.text)
            )
            for path in self.candidate.paths
        )

    @cached_property
    def examples(self) -> tuple[str, ...]:
        """Edited files whose examples (`>>> `) the project runs as tests, on either side."""
        suite = suite_of(self.before.root)
        return tuple(
            path
            for path in self.candidate.paths
            if suite.runs_examples(path) and (self._shows(path, self.before) or
                                              self._shows(path, self.after))
        )  # fmt: skip

    @staticmethod
    def _shows(path: str, snapshot: Snapshot) -> bool:
        document = snapshot.get(path)
        return document is not None and ">>> " in document.text

    @cached_property
    def statements(self) -> Mapping[str, tuple[changes.Statement, ...]]:
        """Changed statements that leave a trace when they run, by path; syntax was checked.

        Those of tests are not among them: they judge, and are looked after by `tamper`.
        """
        found = {}
        for path in self.candidate.paths:
            old, new = self.before.get(path), self.after.get(path)
            if new is not None and path.endswith(".py") and not workspace.is_test(path):
                found[path] = changes.changed_statements(old.text if old else "", new.text)
        return found

    async def obstacle(self, why_no_tests: str = "there is nothing to run") -> str:
        """Why no test can say anything about this candidate, or ""."""
        if not (await self.affected()).tests:
            return why_no_tests
        return await self.bed.refusal()

    async def left_out(self) -> tuple[str, ...]:
        """Tests that could see this change, and that somebody took out of the plan."""
        out = self._left_out
        return tuple(test for test in (await self._find_affected()).tests if _among(test, out))

    @property
    def _left_out(self) -> frozenset[str]:
        return frozenset(self.plan.left_out if self.plan is not None else ())

    async def affected(self) -> Affected:
        """Found once: what the first run teaches must not change the question in mid-trial. What
        the plan leaves out is not among them.
        """
        if self._affected is None:
            found, out = await self._find_affected(), self._left_out
            kept = tuple(test for test in found.tests if not _among(test, out))
            self._affected = replace(found, tests=kept) if out else found
        return self._affected

    async def _find_affected(self) -> Affected:
        if self.only_text and self.examples:
            # Nothing else can see what a docstring says.
            return Affected(self.examples, len(self.examples), "the examples that change")
        found = await self.bed.affected(
            self.candidate.paths, _texts(self.before), _texts(self.after), self.absent
        )
        named = set(self.goal.red) - {
            test for test in self.goal.red if {test, test.partition("::")[0]} & set(found.tests)
        }
        named = {test for test in named if not self._is_new(test)}
        return replace(found, tests=tuple(sorted({*found.tests, *named}))) if named else found

    def _is_new(self, test: str) -> bool:
        """Whether the file of a test comes with the change."""
        path = test.partition("::")[0]
        if path in self.examples and not self._shows(path, self.before):
            return True
        return self.before.get(path) is None and path in {*self.candidate.paths, *self.absent}

    def request(self, snapshot: Snapshot, tests: tuple[str, ...]) -> RunRequest:
        """A run of `tests` on `snapshot`."""
        return RunRequest(
            tests=tests,
            changed=workspace.unsaved(snapshot),
            deleted=tuple(
                path
                for path in sorted({*self.candidate.paths, *self.absent})
                if snapshot.get(path) is None and Path(snapshot.root, path).exists()
            ),
            timeout_s=self.limits.test_run_seconds,
        )

    async def _aligned(self, before: TestRun, after: TestRun) -> TestRun:
        """`after` with its tests named as in `before`, where an id is new in every run anyway.

        Parameters may come from the code that is changed. So a test whose id is another one now is
        the same test only if the unchanged workspace gives it another id too.
        """
        functions = unpaired(before, after)
        if not functions:
            return after
        again = await self.bed.run(self.request(self.before, functions))
        volatile = frozenset(functions) & frozenset(unpaired(before, again, functions))
        return aligned(before, after, volatile)

    def _probes(self) -> dict[str, frozenset[int]]:
        return {
            path: frozenset(item.first for item in items) for path, items in self.statements.items()
        }

    @property
    def ran(self) -> bool:
        """Whether the affected tests ran to some end on both sides."""
        return self._sides is not None and self._sides.done() and not self._sides.cancelled()

    async def sides(self) -> Sides:
        """Both runs of the affected tests, at the same time; `affected` must not be empty."""
        if self._sides is None:
            self._sides = asyncio.create_task(self._run_both())
        return await self._sides

    async def _run_both(self) -> Sides:
        tests = (await self.affected()).tests
        if tests not in self.baselines:
            # A test that comes with the change is none of what passed before.
            known = tuple(name for name in tests if not self._is_new(name))
            request = self.request(self.before, known)
            run = self.bed.baseline(request, _texts(self.before)) if known else _nothing()
            self.baselines[tests] = asyncio.create_task(_awaited(run))
        probing = replace(self.request(self.after, tests), probes=self._probes())
        after = asyncio.create_task(_awaited(self.bed.run(probing)))
        try:
            # Shielded: another trial of the job may be waiting for it too.
            before = await asyncio.shield(self.baselines[tests])
            return Sides(before, await self._aligned(before, await after))
        finally:
            # Also on cancellation: no run outlives the trial that wanted it.
            after.cancel()

    async def close(self) -> None:
        """Stop what is still running for this trial; the baselines belong to the job."""
        if self._sides is not None and not self._sides.done():
            self._sides.cancel()
            await asyncio.gather(self._sides, return_exceptions=True)


def _among(test: str, names: Collection[str]) -> bool:
    """Whether a test is one of these, or of a file that is."""
    return test in names or test.partition("::")[0] in names


def _texts(snapshot: Snapshot) -> dict[str, str]:
    return {document.path: document.text for document in snapshot}


async def _awaited(run: Awaitable[TestRun]) -> TestRun:
    return await run


async def _nothing() -> TestRun:
    """A run of no test: an empty request would run all of them."""
    return TestRun(RunStatus.FINISHED, returncode=0)


Check = Callable[[Trial], Awaitable[Evidence]]


def passed(check: str, detail: str) -> Evidence:
    return Evidence(check, Outcome.PASSED, detail)


def failed(check: str, detail: str, path: str | None = None, line: int | None = None) -> Evidence:
    return Evidence(check, Outcome.FAILED, detail, path, line)


def unknown(check: str, detail: str, path: str | None = None, line: int | None = None) -> Evidence:
    return Evidence(check, Outcome.UNKNOWN, detail, path, line)
