"""From a proposal to a suggestion: formed as the project writes, tried by the gate, bound to bytes.

One Judging serves a whole job, so that its candidates share what is known of the unchanged code.
Several may be judged at the same time. It does not know who proposed what, nor what comes next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from trueup import InputError, workspace
from trueup.engine.beds import Bed
from trueup.engine.recorded import Record
from trueup.memory import feedback
from trueup.propose.form import in_the_projects_form
from trueup.propose.proposal import Failure, FailureKind, Proposal
from trueup.runner.results import TestRun
from trueup.settings import Settings
from trueup.snapshot import Edit, Snapshot
from trueup.suggestion import (
    Candidate,
    Evidence,
    Goal,
    NewFile,
    Outcome,
    Plan,
    Ruling,
    Stamp,
    Suggestion,
    TestSummary,
    Verdict,
)
from trueup.verify import gate, pinning, tests
from trueup.verify.trial import Trial

Made = Suggestion | Failure

_ORDER: Final = (Ruling.REJECTED, Ruling.UNPROVEN, Ruling.VERIFIED)


class Judging:
    """The gate for the candidates of one job. `tried` is what came of each, in that order."""

    def __init__(
        self,
        goal: Goal,
        snapshot: Snapshot,
        settings: Settings,
        bed: Bed,
        record: Record,
        say: Callable[[str], None],
        *,
        absent: frozenset[str] = frozenset(),
        pin: bool = False,
    ) -> None:
        self.goal, self.snapshot, self.settings = goal, snapshot, settings
        self.bed, self.record, self.say = bed, record, say
        self.absent, self.pin = absent, pin
        self.plan: Plan | None = None
        self.tried: list[Made] = []
        self._began = time.monotonic()
        self._baselines: dict[tuple[str, ...], asyncio.Task[TestRun]] = {}

    async def judged(self, proposal: Proposal, call: int | None = None) -> Made:
        """What the gate says of a proposal, in the project's form; nothing that was rejected before
        is judged again. `call` is the model's call that it came from.
        """
        if isinstance(proposal, Failure):
            return self._failed(proposal, call)
        formed = await in_the_projects_form(proposal, self.snapshot)
        objection = await asyncio.to_thread(
            feedback.objection, self.snapshot.root, self.goal, formed, self.snapshot
        )
        if objection:
            declined = Failure(FailureKind.DECLINED, objection, formed.proposer)
            return self._failed(declined, call)
        return await self.judge(formed, call)

    def _failed(self, failure: Failure, call: int | None) -> Failure:
        self.record.failed(failure, call)
        self.tried.append(failure)
        return failure

    async def judge(self, candidate: Candidate, call: int | None = None) -> Suggestion:
        """The verdict on `candidate`, bound to the bytes it was computed on. Raises InputError
        where the candidate does not fit the text.
        """
        began = self.record.recording.elapsed_ms
        before = self._with_touched_files(candidate)
        try:
            after = before.edited(candidate.edits, candidate.deletes)
        except ValueError as problem:
            raise InputError(f"the change does not fit the text: {problem}") from None
        verdict, summary, pinned = await self._judge(candidate, before, after, pin=self.pin)
        made = Suggestion(
            goal=self.goal,
            candidate=candidate,
            verdict=verdict,
            ticket=tuple(_stamp(before, after, path) for path in candidate.paths),
            tests=summary,
            isolation=self.bed.isolation,
            elapsed_ms=round((time.monotonic() - self._began) * 1000),
            pinned=pinned,
            pinnable=not self.pin and gate.pinning_may_help(verdict),
            plan=self.plan,
        )
        self.record.judged(made, before, after, began, call)
        self.tried.append(made)
        return made

    async def _judge(
        self, candidate: Candidate, before: Snapshot, after: Snapshot, *, pin: bool
    ) -> tuple[Verdict, TestSummary, tuple[NewFile, ...]]:
        """The verdict on one candidate. With `pin`, one that is unproven gets a second chance with
        a test of what the code does today.
        """
        trial = Trial(
            goal=self.goal,
            candidate=candidate,
            before=before,
            after=after,
            bed=self.bed.as_test_bed(),
            limits=self.settings.limits,
            baselines=self._baselines,
            interpreter=workspace.interpreter_of(before.root, self.settings.interpreter),
            absent=self.absent,
            plan=self.plan,
        )
        try:
            verdict = await gate.judge(trial, lambda name: self.say(f"checking that it {name}"))
            summary = await tests.summary(trial, self.bed.total_tests)
            if not pin or not gate.pinning_may_help(verdict):
                return verdict, summary, ()
            self.say("writing down what the code does today")
            pinned = await pinning.pin(trial)
        finally:
            await trial.close()
        if isinstance(pinned, str):
            told = Evidence(pinning.CHECK, Outcome.UNKNOWN, pinned)
            return replace(verdict, evidence=(*verdict.evidence, told)), summary, ()
        document = pinned.document
        verdict, summary, _ = await self._judge(
            candidate, before.having(document), after.having(document), pin=False
        )
        told = Evidence(pinning.CHECK, Outcome.PASSED, pinned.sentence, document.path)
        kept = NewFile(document.path, document.text)
        return replace(verdict, evidence=(*verdict.evidence, told)), summary, (kept,)

    def _with_touched_files(self, candidate: Candidate) -> Snapshot:
        """What the candidate edits, read now where it is not open; missing files are new ones."""
        snapshot = self.snapshot
        for path in set(candidate.paths) - self.absent:
            inside = workspace.relative(snapshot.root, Path(snapshot.root, path))
            if snapshot.get(path) is None and inside and Path(snapshot.root, path).exists():
                snapshot = snapshot.having(workspace.read(snapshot.root, path))
        return snapshot

    def best(self, stopped: str = "") -> Made | None:
        """The best that was tried so far, None where nothing was; `stopped` says why no more is."""
        if not self.tried:
            return None
        suggestions = [item for item in self.tried if isinstance(item, Suggestion)]
        if not suggestions:
            # That something was there before says less than what was wrong with it.
            failed = [item for item in self.tried if isinstance(item, Failure)]
            told = [item for item in failed if item.kind is not FailureKind.REPEATED]
            return (told or failed)[-1]
        chosen = max(reversed(suggestions), key=_merit)
        return replace(
            chosen,
            rounds=len(self.tried),
            stopped="" if is_verified(chosen) else stopped,
        )

    async def close(self) -> None:
        """Stop the baselines too: no run outlives the job."""
        for task in self._baselines.values():
            task.cancel()
        await asyncio.gather(*self._baselines.values(), return_exceptions=True)
        await self.bed.close()


def _merit(made: Suggestion) -> tuple[int, int]:
    """By its verdict; of several that are verified, the smallest change."""
    order = _ORDER.index(made.verdict.outcome)
    return order, -size(made.candidate.edits) if is_verified(made) else 0


def size(edits: tuple[Edit, ...]) -> int:
    """How much a person has to read: the characters that go and those that come."""
    return sum(edit.span.end - edit.span.start + len(edit.replacement) for edit in edits)


def is_verified(made: Made) -> bool:
    return isinstance(made, Suggestion) and made.verdict.outcome is Ruling.VERIFIED


def failures(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """The names of the checks that failed, each with what it found."""
    return tuple(
        (found.check, found.detail) for found in verdict.evidence if found.outcome is Outcome.FAILED
    )


def _stamp(before: Snapshot, after: Snapshot, path: str) -> Stamp:
    base, result = before.get(path), after.get(path)
    return Stamp(path, base.digest if base else None, result.digest if result else None)
