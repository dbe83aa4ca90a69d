"""A case as a trial: its goal, its candidate, and the lines of its verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cases.literate import Case, CaseError
from trueup.propose.hunks import minimal_edits
from trueup.settings import Limits
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import (
    Candidate,
    Diagnostic,
    Goal,
    GoalKind,
    Outcome,
    Recipe,
    Surface,
    SurfaceKind,
    Verdict,
)
from trueup.verify.trial import TestBed, Trial

GOAL_KEYS: Final = {
    "proposer",
    "kind", "recipe", "path", "symbol", "name", "surface", "diagnostic", "instruction", "deletes",
    "shows", "red",
}  # fmt: skip


def lines_of(verdict: Verdict, shows: tuple[str, ...]) -> tuple[str, ...]:
    """The ruling, what did not pass, and what of the rest the case wants to see."""
    return (
        verdict.outcome.value,
        *(
            f"{found.check} {found.outcome} {found.detail}"
            + (f" ({found.path}:{found.line})" if found.path and found.line else "")
            for found in verdict.evidence
            if found.outcome is not Outcome.PASSED or found.check in shows or "all" in shows
        ),
    )


def on_disk(case: Case, root: Path) -> Snapshot:
    """The case's files, written to a folder of its own."""
    documents = [Document(path, text, None, case.encodings[path]) for path, text in
                 case.before.items()]  # fmt: skip
    for document in documents:
        file = root / document.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(document.to_bytes())
    return Snapshot.of(str(root), documents)


def in_buffers(case: Case, root: Path) -> Snapshot:
    """The case's files as unsaved buffers, so that many cases can share a folder."""
    return Snapshot.of(str(root), [Document(path, text, 1) for path, text in case.before.items()])


def trial_of(case: Case, before: Snapshot, bed: Callable[[Snapshot, Snapshot], TestBed]) -> Trial:
    candidate = Candidate(
        case.title,
        tuple(
            edit
            for path, text in case.after.items()
            for edit in minimal_edits(path, case.before.get(path, ""), text)
        ),
        case.goal.get("proposer", "case"),
        deterministic=case.goal.get("proposer") != "model",
        deletes=tuple(case.goal.get("deletes", "").split()),
    )
    after = before.edited(candidate.edits, candidate.deletes)
    return Trial(
        goal=goal_of(case),
        candidate=candidate,
        before=before,
        after=after,
        bed=bed(before, after),
        limits=Limits(),
        interpreter=Path(sys.executable),
    )


def goal_of(case: Case) -> Goal:
    if strange := case.goal.keys() - GOAL_KEYS:
        raise CaseError(f"{case.name}: a goal has no {min(strange)!r}")
    path = case.goal.get("path", case.selected)
    diagnostic = None
    if said := case.goal.get("diagnostic"):
        source, code, message = said.split(maxsplit=2)
        diagnostic = Diagnostic(path, case.span, message, source, code)
    return Goal(
        kind=GoalKind(case.goal["kind"]),
        recipe=Recipe(case.goal["recipe"]),
        path=path,
        span=case.span,
        symbol=case.goal.get("symbol", ""),
        diagnostic=diagnostic,
        instruction=case.goal.get("instruction", ""),
        name=case.goal.get("name", ""),
        red=tuple(case.goal.get("red", "").split()),
        surface=surface_of(case.goal.get("surface", "keep").split()),
    )


def surface_of(words: list[str]) -> Surface:
    match words:
        case ["rename", old, new]:
            return Surface(SurfaceKind.RENAME, old=old, new=new)
        case ["move", name, old, new]:
            return Surface(SurfaceKind.MOVE, old=old, new=new, name=name)
        case ["add", new]:
            return Surface(SurfaceKind.ADD, new=new)
        case ["remove", old]:
            return Surface(SurfaceKind.REMOVE, old=old)
        case [kind]:
            return Surface(SurfaceKind(kind))
    raise CaseError(f"no surface is written like this: {' '.join(words)}")
