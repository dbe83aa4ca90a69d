"""Candidates from rope: extract, inline, rename, move. Deterministic, offline, no model.

Knows what of rope's answer is a candidate, and which change of the surface a refactoring declares.
What is asked of rope is in `rope_recipes`; what rope may see of the workspace, and that it can
neither run nor write anything, is `rope_project`'s affair.

Rope changes what it can resolve statically: an attribute of a value of unknown type stays as it
is, which is for the gate to find.
"""

from __future__ import annotations

import asyncio
import threading
import warnings
from pathlib import Path
from typing import Final

from rope.base.change import ChangeContents, ChangeSet
from rope.base.exceptions import InterruptedTaskError, RopeError

from trueup.propose.hunks import minimal_edits, with_line_ends_of, with_line_feeds
from trueup.propose.proposal import Failure, FailureKind, Proposal
from trueup.propose.rope_project import compiles
from trueup.propose.rope_recipes import REFACTORINGS, CannotError, Job, extracted_name, is_local
from trueup.snapshot import Edit, Snapshot
from trueup.suggestion import Candidate, Goal, Recipe, Surface, SurfaceKind
from trueup.symbols import Outline

PROPOSER: Final = "rope"

# Rope's own defects come out as these: they are its answer about this code, not a defect of ours.
_DEFECTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


async def propose(goal: Goal, snapshot: Snapshot) -> Proposal:
    """The goal's refactoring by rope, over every Python file of the workspace."""
    stopped = threading.Event()
    try:
        return await asyncio.to_thread(_propose, goal, snapshot, stopped)
    finally:
        # Also on cancellation: the thread ends at the next file that rope reads.
        stopped.set()


def _propose(goal: Goal, snapshot: Snapshot, stopped: threading.Event) -> Proposal:
    try:
        with warnings.catch_warnings():
            # Compiling other people's code warns about their escapes.
            warnings.simplefilter("ignore")
            return _refactored(goal, snapshot, stopped)
    except CannotError as problem:
        return _cannot(str(problem))
    except InterruptedTaskError:
        return _cannot("the refactoring was stopped")
    except RopeError as problem:
        return _cannot(f"rope cannot do this: {_sentence(problem)}")
    except _DEFECTS as problem:
        return _cannot(f"rope gave up on this code ({type(problem).__name__})")


def _refactored(goal: Goal, snapshot: Snapshot, stopped: threading.Event) -> Proposal:
    refactor = REFACTORINGS.get(goal.recipe)
    if refactor is None:
        raise CannotError(f"rope has no refactoring called {goal.recipe.value}")
    if not Path(snapshot.root).is_dir():
        raise CannotError("the workspace is not a folder")
    job = Job(goal, snapshot, stopped)
    edits = _edits(job, refactor(job))
    if not edits:
        return Failure(FailureKind.NOTHING_TO_DO, "rope has nothing to change here", PROPOSER)
    doubt = ""
    if job.unread:
        doubt = f"Not looked at, because of syntax errors: {', '.join(job.unread)}."
    return Candidate(_title(job), edits, PROPOSER, explanation=doubt)


def _edits(job: Job, changes: ChangeSet) -> tuple[Edit, ...]:
    """The change set as minimal edits, in each document's own line ends."""
    edits: list[Edit] = []
    for change in changes.changes:
        if not isinstance(change, ChangeContents):
            raise CannotError("this refactoring moves or creates files, and Trueup does not")
        if change.new_contents is None:
            continue
        document = job.overlay.document(change.resource.path)
        if compiles(with_line_feeds(document.text)) and not compiles(change.new_contents):
            raise CannotError(f"rope's result for {document.path} is not valid Python")
        after = with_line_ends_of(document.text, change.new_contents, document.newline)
        edits.extend(minimal_edits(document.path, document.text, after))
    return tuple(sorted(edits, key=lambda edit: (edit.path, edit.span)))


def surface_of(goal: Goal, snapshot: Snapshot) -> Surface:
    """The change of public names that the goal declares. Names are bare, as in the source."""
    document = snapshot.get(goal.path)
    if document is None:
        return Surface()
    outline = Outline(document.text)
    place = outline.identifier_at(goal.span.start)
    old = document.text[place.start : place.end] if place else ""
    local = place is not None and is_local(outline, document.text, place)
    surface = Surface()
    match goal.recipe:
        case Recipe.RENAME if old and not local:
            surface = Surface(SurfaceKind.RENAME, old=old, new=goal.name)
        case Recipe.MOVE if old:
            surface = Surface(SurfaceKind.MOVE, old=goal.path, new=goal.name, name=old)
        case Recipe.INLINE if old and not local:
            surface = Surface(SurfaceKind.REMOVE, old=old)
        case Recipe.EXTRACT_FUNCTION:
            surface = Surface(SurfaceKind.ADD, new=extracted_name(goal, document.text))
        case Recipe.EXTRACT_VARIABLE if outline.enclosing(goal.span) is None:
            surface = Surface(SurfaceKind.ADD, new=extracted_name(goal, document.text))
    return surface


def _title(job: Job) -> str:
    name, goal = job.identifier(), job.goal
    match goal.recipe:
        case Recipe.RENAME:
            return f"Rename {name} to {goal.name}"
        case Recipe.MOVE:
            return f"Move {name} to {goal.name}"
        case Recipe.INLINE:
            return f"Inline {name}"
        case Recipe.EXTRACT_FUNCTION:
            return f"Extract function {extracted_name(goal, job.text)}"
        case _:
            return f"Extract variable {extracted_name(goal, job.text)}"


def _sentence(problem: RopeError) -> str:
    said = " ".join(str(problem).split()).rstrip(".")
    return said or type(problem).__name__


def _cannot(sentence: str) -> Failure:
    return Failure(FailureKind.CANNOT, sentence, PROPOSER)
