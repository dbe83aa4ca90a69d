"""One goal to one suggestion: which proposer is asked, in which order, and what came of it.

The proposer is chosen by the recipe; everything it proposes goes through the same gate (`judging`).
A model's answers are the affair of `loop`. Where no model can be asked, what deterministic
proposers know of the place is tried in its stead, and it is said.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import PurePosixPath
from typing import Final

from trueup import InputError, linting, workspace
from trueup import settings as settings_module
from trueup.engine import batch, plan
from trueup.engine.batch import Batch
from trueup.engine.beds import Ask, Bed, Beds
from trueup.engine.judging import Judging, Made, is_verified
from trueup.engine.messages import OpenDocument, Start
from trueup.engine.plan import Planned
from trueup.engine.recorded import Books, Record, recorded
from trueup.engine.turns import Turns
from trueup.propose import fallback, imports, request, rope, ruff
from trueup.propose.conversation import Turn
from trueup.propose.proposal import Failure, FailureKind
from trueup.settings import Settings
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import (
    Candidate,
    Goal,
    Recipe,
    Ruling,
    Suggestion,
    Surface,
    SurfaceKind,
)

ROPE: Final = frozenset(
    {Recipe.EXTRACT_FUNCTION, Recipe.EXTRACT_VARIABLE, Recipe.INLINE, Recipe.RENAME, Recipe.MOVE}
)
RUFF: Final = frozenset({Recipe.RUFF_RULE, Recipe.RUFF_SAFE, Recipe.RUFF_UNSAFE})

DESTINATIONS_MAX: Final = 12
NO_MODEL: Final = "no model was asked: only what needs none was wanted"
LOOP: Final = "trueup.engine.loop"
UNSENT: Final = "no model was asked: your editor does not trust this workspace"


@dataclass(frozen=True, slots=True)
class Ports:
    """What a job may reach outside of itself."""

    beds: Beds
    ask: Ask
    say: Callable[[str], None]
    books: Books | None = None
    """Where traces and costs are written; None: nowhere."""
    turns: Turns = field(default_factory=Turns)
    """What all jobs share that may not be done by too many at once."""


async def run(start: Start, ports: Ports) -> Made:
    """Raises TrueupError where the settings or the documents cannot be read."""
    settings = settings_module.load(start.root, start.settings)
    snapshot = capture(start.root, start.documents, start.goal)
    goal = start.goal
    if goal.recipe is Recipe.MOVE and not goal.name:
        goal = replace(goal, name=await _destination(goal, start.root, ports.ask))
    goal = replace(goal, surface=declared(goal, snapshot))
    bed = ports.beds.bed(start.root, settings, ports.ask, trusted=start.trusted)
    with recorded(ports.books, start.root, goal, settings, ports.say) as record:
        record.holds(snapshot, goal.path)
        judging = _judging(start, goal, snapshot, settings, bed, ports, record)
        unasked = NO_MODEL if start.deterministic else "" if start.trusted else UNSENT
        made = await _within_time(_Job(judging, ports.turns, unasked), start)
        record.ended(made)
        return record.named(made) if isinstance(made, Suggestion) else made


def _judging(
    start: Start, goal: Goal, snapshot: Snapshot, settings: Settings, bed: Bed, ports: Ports,
    record: Record,
) -> Judging:  # fmt: skip
    absent = frozenset(start.absent)
    return Judging(goal, snapshot, settings, bed, record, ports.say, absent=absent, pin=start.pin)


async def _within_time(job: _Job, start: Start) -> Made:
    """What the job makes; when its time is over, the best that it has made by then."""
    judging = job.judging
    seconds = judging.settings.limits.job_seconds
    try:
        async with asyncio.timeout(seconds):
            if start.candidate is not None:
                return await judging.judge(start.candidate)
            return await job.suggest()
    except TimeoutError:
        late = f"{start.goal.title} took longer than {seconds:.0f} s"
        best = judging.best(late)
        if isinstance(best, Suggestion):
            return best
        raise InputError(late) from None
    finally:
        await judging.close()


async def fix_all(start: Start, ports: Ports) -> Batch | Failure:
    """Every fix that Ruff has for the goal's file, unsafe ones too: the part that verifies."""
    settings = settings_module.load(start.root, start.settings)
    snapshot = capture(start.root, start.documents, start.goal)
    bed = ports.beds.bed(start.root, settings, ports.ask)
    with recorded(ports.books, start.root, start.goal, settings, ports.say) as record:
        judging = _judging(start, start.goal, snapshot, settings, bed, ports, record)
        try:
            made = await _all_fixes(judging)
        finally:
            await judging.close()
        record.ended(made if isinstance(made, Failure) else made.suggestion)
        if isinstance(made, Batch) and made.suggestion is not None:
            made = replace(made, suggestion=record.named(made.suggestion))
        return made


async def _all_fixes(judging: Judging) -> Batch | Failure:
    goal, snapshot = judging.goal, judging.snapshot
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
        judging.goal = replace(goal, surface=surfaces.pop() if surfaces else Surface())
        return await judging.judge(candidate)

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
    """The proposers of one goal, in their order."""

    def __init__(self, judging: Judging, turns: Turns, unasked: str) -> None:
        """`unasked`: why no model is asked, "" where one may be."""
        self.judging, self.turns, self.say = judging, turns, judging.say
        self.unasked = unasked
        self._planned: Planned | None = None

    async def suggest(self) -> Made:
        goal, snapshot = self.judging.goal, self.judging.snapshot
        if goal.plan is not None:
            await self._plan()
        if goal.recipe in ROPE:
            self.say("rope is looking for the change")
            return await self.judging.judged(await rope.propose(goal, snapshot))
        if goal.recipe in RUFF or _is_ruffs(goal):
            self.say("Ruff is looking for the fix")
            proposal = await ruff.propose(goal, snapshot)
            if isinstance(proposal, Candidate) or goal.recipe in RUFF:
                return await self.judging.judged(proposal)
        if _is_ours(goal):
            return await self._without_import()
        return await self._with_model()

    async def _without_import(self) -> Made:
        """A forbidden import broken: the first way that verifies, else the model's, else the best
        of the others.
        """
        self.say("looking for another way to import")
        for candidate in await imports.propose(self.judging.goal, self.judging.snapshot):
            made = await self.judging.judged(candidate)
            if is_verified(made):
                return self.judging.best() or made
        return await self._with_model()

    async def _plan(self) -> Planned:
        """The plan, made once, to which everything is held from then on."""
        if self._planned is None:
            self.say("looking at what belongs to it")
            judging = self.judging
            self._planned = await plan.make(
                judging.goal, judging.snapshot, judging.settings, judging.bed
            )
            judging.plan = self._planned.plan
            judging.record.planned(judging.plan)
            self.say(f"plan: {judging.plan.sentence}")
        return self._planned

    async def _with_model(self) -> Made:
        judging = self.judging
        if judging.goal.diagnostic is not None:
            # What a rule's own fix may change of a signature is Ruff's to change, not a model's.
            judging.goal = replace(judging.goal, surface=Surface())
        if self.unasked:
            return await judging.judged(Failure(FailureKind.CANNOT, self.unasked, "model"))
        if (missing := request.missing(judging.settings)) is not None:
            return await self._without_model(await judging.judged(missing))
        # The vendor's SDK takes a second to import, which only this path needs, and no loop waits.
        planned, _ = await asyncio.gather(self._plan(), asyncio.to_thread(import_module, LOOP))
        from trueup.engine.loop import Loop  # noqa: PLC0415
        from trueup.propose import model  # noqa: PLC0415

        goal, snapshot, settings = judging.goal, judging.snapshot, judging.settings
        question = await asyncio.to_thread(
            request.question, goal, snapshot, settings, planned.material
        )
        if isinstance(question, Failure):
            return await self._without_model(await judging.judged(question))
        judging.record.told(planned.told, planned.material, question.context)
        if unseen := question.context.stripped:
            self.say(f"{unseen} characters that cannot be seen are not shown to the model")

        def waits() -> None:
            self.say("waiting for other calls of the model to end")

        async def ask(turn: Turn) -> model.ModelAnswer:
            meter = judging.record.meter
            async with self.turns.take("calls", settings.limits.calls_at_once, waits):
                return await model.propose(
                    goal, snapshot, settings, turn, self.say, meter, asked=question
                )

        stopped = await Loop(judging, ask).run()
        best = judging.best(stopped)
        if best is None:
            return Failure(FailureKind.CANNOT, "nothing was proposed", "model")
        return await self._without_model(best)

    async def _without_model(self, made: Made) -> Made:
        """`made`, or where no model could be asked at all, what Ruff knows to do there."""
        if not isinstance(made, Failure) or made.kind not in fallback.UNAVAILABLE:
            return made
        judging = self.judging
        found = await fallback.findings(judging.goal, judging.snapshot)
        if found:
            self.say(f"{made.sentence}; Ruff is looking for a fix instead")
            together = await judging.judge(batch.candidate(batch.apart(found)))
            if together.verdict.outcome is not Ruling.REJECTED:
                return replace(together, stopped=made.sentence)
            kept = (await batch.verified_part(found, judging.judge)).suggestion
            if kept is not None:
                return replace(kept, stopped=made.sentence)
        if judging.goal.recipe in fallback.RULES:
            return replace(made, sentence=f"{made.sentence}; Ruff has nothing for it either")
        return made


def _is_ours(goal: Goal) -> bool:
    return goal.diagnostic is not None and goal.diagnostic.source == imports.SOURCE


def _is_ruffs(goal: Goal) -> bool:
    return (
        goal.recipe is Recipe.FIX_DIAGNOSTIC
        and goal.diagnostic is not None
        and goal.diagnostic.source.casefold() == linting.SOURCE.casefold()
    )
