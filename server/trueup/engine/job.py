"""One goal to one suggestion, within its time and with its trace; or all of Ruff's fixes at once.

Who proposes is `proposing`'s affair, what the gate says is `judging`'s.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from trueup import InputError, linting, workspace
from trueup import settings as settings_module
from trueup.engine import batch, proposing
from trueup.engine.batch import Batch
from trueup.engine.beds import Ask, Bed, Beds
from trueup.engine.judging import Judging, Made
from trueup.engine.messages import OpenDocument, Start
from trueup.engine.proposing import Proposers
from trueup.engine.recorded import Books, Record, recorded
from trueup.engine.turns import Turns
from trueup.propose import rope, ruff
from trueup.propose.proposal import Failure, FailureKind
from trueup.settings import Settings
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import (
    Candidate,
    Goal,
    Recipe,
    Suggestion,
    Surface,
    SurfaceKind,
)

DESTINATIONS_MAX: Final = 12
NO_MODEL: Final = "no model was asked: only what needs none was wanted"
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
        made = await _within_time(Proposers(judging, ports.turns, _unasked(start)), start)
        record.ended(made)
        return record.named(made) if isinstance(made, Suggestion) else made


def _judging(
    start: Start, goal: Goal, snapshot: Snapshot, settings: Settings, bed: Bed, ports: Ports,
    record: Record,
) -> Judging:  # fmt: skip
    absent = frozenset(start.absent)
    return Judging(goal, snapshot, settings, bed, record, ports.say, absent=absent, pin=start.pin)


def _unasked(start: Start) -> str:
    """Why no model is asked, "" where one may be."""
    if start.deterministic:
        return NO_MODEL
    return "" if start.trusted else UNSENT


async def _within_time(proposers: Proposers, start: Start) -> Made:
    """What the job makes; when its time is over, the best that it has made by then."""
    judging = proposers.judging
    seconds = judging.settings.limits.job_seconds
    try:
        async with asyncio.timeout(seconds):
            if start.candidate is not None:
                return await proposers.judge_again(start.candidate)
            return await proposers.suggest()
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
    if goal.recipe in proposing.ROPE:
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
