"""A case as a trial: its goal, its candidate, and the lines of its verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cases.literate import Case, CaseError
from trueup.evals import cases
from trueup.propose.hunks import minimal_edits
from trueup.settings import Limits
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import (
    Candidate,
    Goal,
    Outcome,
    Verdict,
)
from trueup.verify.trial import TestBed, Trial

GOAL_KEYS: Final = cases.GOAL_KEYS | {"proposer", "deletes", "shows"}


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
    said = {key: value for key, value in case.goal.items() if key in cases.GOAL_KEYS}
    try:
        return cases.goal_of(said, case.selected, case.span)
    except ValueError as problem:
        raise CaseError(f"{case.name}: {problem}") from None
