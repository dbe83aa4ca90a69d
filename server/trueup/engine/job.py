"""One goal to one suggestion: propose, verify, repair, and say what came of it.

The proposer is chosen by the recipe; everything it proposes goes through the same gate. A model's
candidate that is rejected goes back with its evidence, a limited number of times, and not again
when the same failure or the same candidate repeats.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import InputError, linting, workspace
from trueup import settings as settings_module
from trueup.engine import batch
from trueup.engine.batch import Batch
from trueup.engine.beds import Ask, Bed, Beds
from trueup.engine.messages import OpenDocument, Start
from trueup.engine.recorded import Books, Record, recorded
from trueup.memory import feedback
from trueup.operations.trace import Recording
from trueup.propose import imports, rope, ruff
from trueup.propose.form import in_the_projects_form
from trueup.propose.proposal import Failure, FailureKind, Proposal
from trueup.runner.results import TestRun
from trueup.settings import Settings
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import (
    Candidate,
    Evidence,
    Goal,
    NewFile,
    Outcome,
    Recipe,
    Ruling,
    Stamp,
    Suggestion,
    Surface,
    SurfaceKind,
    TestSummary,
    Verdict,
)
from trueup.verify import gate, pinning, tests
from trueup.verify.trial import Trial

ROPE: Final = frozenset(
    {Recipe.EXTRACT_FUNCTION, Recipe.EXTRACT_VARIABLE, Recipe.INLINE, Recipe.RENAME, Recipe.MOVE}
)
RUFF: Final = frozenset({Recipe.RUFF_RULE, Recipe.RUFF_SAFE, Recipe.RUFF_UNSAFE})

DESTINATIONS_MAX: Final = 12
NO_MODEL: Final = "no model was asked: only what needs none was wanted"
UNSENT: Final = "no model was asked: your editor does not trust this workspace"

_ORDER: Final = (Ruling.REJECTED, Ruling.UNPROVEN, Ruling.VERIFIED)


@dataclass(frozen=True, slots=True)
class Ports:
    """What a job may reach outside of itself."""

    beds: Beds
    ask: Ask
    say: Callable[[str], None]
    books: Books | None = None
    """Where traces and costs are written; None: nowhere."""


async def run(start: Start, ports: Ports) -> Suggestion | Failure:
    """Raises TrueupError where the settings or the documents cannot be read."""
    settings = settings_module.load(start.root, start.settings)
    snapshot = capture(start.root, start.documents, start.goal)
    goal = start.goal
    if goal.recipe is Recipe.MOVE and not goal.name:
        goal = replace(goal, name=await _destination(goal, start.root, ports.ask))
    goal = replace(goal, surface=declared(goal, snapshot))
    bed = ports.beds.bed(start.root, settings, ports.ask, trusted=start.trusted)
    with recorded(ports.books, start.root, goal, settings, ports.say) as record:
        job = _Job(goal, snapshot, settings, bed, ports, start.absent, record, pin=start.pin)
        job.unasked = "" if start.trusted else UNSENT
        if start.deterministic:
            job.unasked = NO_MODEL
        made = await _within_time(job, start)
        record.ended(made)
        return record.named(made) if isinstance(made, Suggestion) else made


async def _within_time(job: _Job, start: Start) -> Suggestion | Failure:
    seconds = job.settings.limits.job_seconds
    try:
        async with asyncio.timeout(seconds):
            if start.candidate is not None:
                return await job.judge(start.candidate)
            return await job.suggest()
    except TimeoutError:
        raise InputError(f"{start.goal.title} took longer than {seconds:.0f} s") from None
    finally:
        await job.close()


async def fix_all(start: Start, ports: Ports) -> Batch | Failure:
    """Every fix that Ruff has for the goal's file, unsafe ones too: the part that verifies."""
    settings = settings_module.load(start.root, start.settings)
    snapshot = capture(start.root, start.documents, start.goal)
    bed = ports.beds.bed(start.root, settings, ports.ask)
    with recorded(ports.books, start.root, start.goal, settings, ports.say) as record:
        job = _Job(start.goal, snapshot, settings, bed, ports, start.absent, record)
        try:
            made = await _all_fixes(job)
        finally:
            await job.close()
        record.ended(made if isinstance(made, Failure) else made.suggestion)
        if isinstance(made, Batch) and made.suggestion is not None:
            made = replace(made, suggestion=record.named(made.suggestion))
        return made


async def _all_fixes(job: _Job) -> Batch | Failure:
    goal, snapshot = job.goal, job.snapshot
    findings = await linting.diagnostics(snapshot.root, snapshot.documents[goal.path])
    if isinstance(findings, linting.LintFailure):
        return Failure(FailureKind.CANNOT, findings.sentence, "ruff")
    if any(item.diagnostic.code == linting.SYNTAX_ERROR for item in findings):
        sentence = f"{goal.path} is not Python as it stands; Ruff fixes nothing there"
        return Failure(FailureKind.CANNOT, sentence, "ruff")
    fixable = [item for item in findings if item.fix and item.applicability != "display"]

    async def judge(candidate: Candidate) -> Suggestion:
        codes = {item.diagnostic.code for item in fixable if set(item.fix) & set(candidate.edits)}
        surfaces = {ruff.surface_of(code) for code in codes} - {Surface()}
        # Several kinds of surface change in one batch are judged apart, by the halving.
        job.goal = replace(goal, surface=surfaces.pop() if surfaces else Surface())
        return await job.judge(candidate)

    return await batch.verified_part(fixable, judge)


def capture(root: str, documents: tuple[OpenDocument, ...], goal: Goal) -> Snapshot:
    """The open buffers and the goal's own file. Raises InputError where that cannot be read."""
    opened = tuple(
        Document(item.path, item.text, item.version, workspace.disk_encoding(root, item.path))
        for item in documents
    )
    snapshot = Snapshot.of(root, opened)
    if goal.path and snapshot.get(goal.path) is None and goal.recipe is not Recipe.PATCH:
        snapshot = snapshot.having(workspace.read(root, goal.path))
    return snapshot


def declared(goal: Goal, snapshot: Snapshot) -> Surface:
    """The change of public names that this goal announces before anyone proposes anything."""
    if goal.recipe in ROPE:
        return rope.surface_of(goal, snapshot)
    if goal.recipe is Recipe.ANNOTATE:
        return Surface(SurfaceKind.ANNOTATIONS)
    if goal.recipe is Recipe.DOCUMENT:
        return Surface(SurfaceKind.DOCSTRING)
    if goal.diagnostic is not None:
        return ruff.surface_of(goal.diagnostic.code)
    return goal.surface


async def _destination(goal: Goal, root: str, ask: Ask) -> str:
    """The module to move to, chosen among those nearest to the goal's own."""
    files = await asyncio.to_thread(workspace.python_files, root)
    own = PurePosixPath(goal.path)

    def distance(path: str) -> tuple[int, str]:
        common = os.path.commonpath([own.parent.as_posix() or ".", str(PurePosixPath(path).parent)])
        return -len(PurePosixPath(common).parts), path

    others = [path for path in files if path != goal.path and not workspace.is_test(path)]
    choices = tuple(sorted(others, key=distance)[:DESTINATIONS_MAX])
    return await ask(f"Move {goal.symbol} to which module?", choices) if choices else ""


class _Job:
    def __init__(
        self,
        goal: Goal,
        snapshot: Snapshot,
        settings: Settings,
        bed: Bed,
        ports: Ports,
        absent: tuple[str, ...],
        record: Record | None = None,
        *,
        pin: bool = False,
    ) -> None:
        self.goal, self.snapshot, self.settings = goal, snapshot, settings
        self.absent = frozenset(absent)
        self.pin = pin
        self.unasked = ""
        """Why no model is asked, "" where one may be."""
        self.bed, self.say = bed, ports.say
        self.record = record or Record(Recording(snapshot.root, goal))
        self.began = time.monotonic()
        self.baselines: dict[tuple[str, ...], asyncio.Task[TestRun]] = {}

    async def suggest(self) -> Suggestion | Failure:
        if self.goal.recipe in ROPE:
            self.say("rope is looking for the change")
            return await self._judged(await rope.propose(self.goal, self.snapshot))
        if self.goal.recipe in RUFF or self._is_ruffs():
            self.say("Ruff is looking for the fix")
            proposal = await ruff.propose(self.goal, self.snapshot)
            if isinstance(proposal, Candidate) or self.goal.recipe in RUFF:
                return await self._judged(proposal)
        if self._is_ours():
            return await self._without_import()
        return await self._with_model()

    async def _without_import(self) -> Suggestion | Failure:
        """A forbidden import broken: the first way that verifies, else the model's, else the best
        of the others.
        """
        self.say("looking for another way to import")
        tried: list[Suggestion | Failure] = []
        for candidate in await imports.propose(self.goal, self.snapshot):
            tried.append(await self._judged(candidate))
            if _is_verified(tried[-1]):
                return tried[-1]
        tried.append(await self._with_model())
        return _best(tried)

    def _is_ours(self) -> bool:
        diagnostic = self.goal.diagnostic
        return diagnostic is not None and diagnostic.source == imports.SOURCE

    def _is_ruffs(self) -> bool:
        diagnostic = self.goal.diagnostic
        return (
            self.goal.recipe is Recipe.FIX_DIAGNOSTIC
            and diagnostic is not None
            and diagnostic.source.casefold() == linting.SOURCE.casefold()
        )

    async def _judged(self, proposal: Proposal) -> Suggestion | Failure:
        if isinstance(proposal, Failure):
            self.record.failed(proposal)
            return proposal
        formed = await in_the_projects_form(proposal, self.snapshot)
        objection = await asyncio.to_thread(
            feedback.objection, self.snapshot.root, self.goal, formed, self.snapshot
        )
        if objection:
            declined = Failure(FailureKind.DECLINED, objection, formed.proposer)
            self.record.failed(declined)
            return declined
        return await self.judge(formed)

    async def _with_model(self) -> Suggestion | Failure:
        if self.unasked:
            return Failure(FailureKind.CANNOT, self.unasked, "model")
        # Here and not above: importing the vendor's SDK takes a second that only this path needs.
        from trueup.propose import model  # noqa: PLC0415

        if self.goal.diagnostic is not None:
            # What a rule's own fix may change of a signature is Ruff's to change, not a model's.
            self.goal = replace(self.goal, surface=Surface())
        attempts: tuple[model.Attempt, ...] = ()
        tried: list[Suggestion | Failure] = []
        while True:
            self.say("asking the model" if not tried else f"repairing, round {len(tried)}")
            answer = await model.propose(
                self.goal, self.snapshot, self.settings, attempts, self.say, self.record.meter
            )
            tried.append(await self._judged(answer.proposal))
            if len(tried) > self.settings.limits.repair_rounds or not self._worth_repairing(tried):
                return _best(tried)
            attempts = (*attempts, model.Attempt(answer.reply, complaint(tried[-1])))

    @staticmethod
    def _worth_repairing(tried: list[Suggestion | Failure]) -> bool:
        """Whether the model gets another chance: not after success, nor after a repetition."""
        last, previous = tried[-1], tried[-2] if len(tried) > 1 else None
        if isinstance(last, Failure):
            again = {FailureKind.NONSENSE, FailureKind.DECLINED}
            return last.kind in again and last != previous
        if last.verdict.outcome is not Ruling.REJECTED:
            return False
        if isinstance(previous, Suggestion):
            same_failure = _failures(previous.verdict) == _failures(last.verdict)
            return not same_failure and previous.candidate.edits != last.candidate.edits
        return True

    async def judge(self, candidate: Candidate) -> Suggestion:
        """The verdict on `candidate`, bound to the bytes it was computed on."""
        began = self.record.recording.elapsed_ms
        before = self._with_touched_files(candidate)
        try:
            after = before.edited(candidate.edits, candidate.deletes)
        except ValueError as problem:
            raise InputError(f"the change does not fit the text: {problem}") from None
        verdict, summary, pinned = await self._tried(candidate, before, after, pin=self.pin)
        made = Suggestion(
            goal=self.goal,
            candidate=candidate,
            verdict=verdict,
            ticket=tuple(_stamp(before, after, path) for path in candidate.paths),
            tests=summary,
            isolation=self.bed.isolation,
            elapsed_ms=round((time.monotonic() - self.began) * 1000),
            pinned=pinned,
            pinnable=not self.pin and gate.pinning_may_help(verdict),
        )
        self.record.judged(made, before, after, began)
        return made

    async def _tried(
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
            baselines=self.baselines,
            interpreter=workspace.interpreter_of(before.root, self.settings.interpreter),
            absent=self.absent,
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
        verdict, summary, _ = await self._tried(
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

    async def close(self) -> None:
        """Stop the baselines too: no run outlives the job."""
        for task in self.baselines.values():
            task.cancel()
        await asyncio.gather(*self.baselines.values(), return_exceptions=True)
        await self.bed.close()


def _is_verified(made: Suggestion | Failure) -> bool:
    return isinstance(made, Suggestion) and made.verdict.outcome is Ruling.VERIFIED


def complaint(last: Suggestion | Failure) -> str:
    """What the model is told about its last answer."""
    if isinstance(last, Failure):
        return last.sentence
    return "\n".join(f"- {name}: {detail}" for name, detail in _failures(last.verdict))


def _failures(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    return tuple(
        (found.check, found.detail) for found in verdict.evidence if found.outcome is Outcome.FAILED
    )


def _best(tried: list[Suggestion | Failure]) -> Suggestion | Failure:
    """The candidate with the best verdict, the latest of equals; a failure where there is none."""
    suggestions = [item for item in tried if isinstance(item, Suggestion)]
    if not suggestions:
        return tried[-1]
    best = max(reversed(suggestions), key=lambda item: _ORDER.index(item.verdict.outcome))
    return replace(best, rounds=len(tried))


def _stamp(before: Snapshot, after: Snapshot, path: str) -> Stamp:
    base, result = before.get(path), after.get(path)
    return Stamp(path, base.digest if base else None, result.digest if result else None)
