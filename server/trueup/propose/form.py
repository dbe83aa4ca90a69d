"""A proposal in the form that the project's formatter gives to code.

Only where the project uses Ruff's formatter: it configures Ruff, and the file is as Ruff writes it.
Then nothing changes but what was proposed. It is done before anything is judged, so that what is
verified is what is applied.
"""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import replace
from pathlib import Path

from trueup import linting
from trueup.propose.hunks import minimal_edits
from trueup.snapshot import Edit, Snapshot
from trueup.suggestion import Candidate


async def in_the_projects_form(candidate: Candidate, snapshot: Snapshot) -> Candidate:
    """`candidate` as it would be after formatting; itself where that is not the project's way."""
    if not await asyncio.to_thread(_configures_ruff, snapshot.root):
        return candidate
    try:
        after = snapshot.edited(candidate.edits, candidate.deletes)
    except ValueError:
        return candidate  # It does not fit the text, which is for the job to say.
    edits: list[Edit] = []
    for path in candidate.paths:
        own = [edit for edit in candidate.edits if edit.path == path]
        edits += await _formatted(path, snapshot, after) or own
    return replace(candidate, edits=tuple(edits))


async def _formatted(path: str, before: Snapshot, after: Snapshot) -> tuple[Edit, ...]:
    """The edits that lead to the formatted result; () where the file is not to be formatted."""
    old, new = before.get(path), after.get(path)
    if old is None or new is None or not path.endswith(".py"):
        return ()
    was, now = await asyncio.gather(
        linting.formatted(before.root, old), linting.formatted(before.root, new)
    )
    if was != old.text or isinstance(now, linting.LintFailure) or now == new.text:
        return ()
    return minimal_edits(path, old.text, now)


def _configures_ruff(root: str) -> bool:
    if any(Path(root, name).is_file() for name in ("ruff.toml", ".ruff.toml")):
        return True
    try:
        tool = tomllib.loads(Path(root, "pyproject.toml").read_text("utf-8")).get("tool")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return isinstance(tool, dict) and "ruff" in tool
