"""A candidate adds no import that a contract of the project forbids.

What was illegal before stays the project's own matter; only what is new is held against it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from trueup.architecture.checker import Architecture, Key
from trueup.architecture.contracts import Severity
from trueup.architecture.findings import Finding
from trueup.architecture.sources import cache_file
from trueup.snapshot import Snapshot
from trueup.suggestion import Evidence, Goal, GoalKind
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "architecture"
SOURCE: Final = "trueup"
"""The source of diagnostics about contracts."""


async def keeps_the_contracts(trial: Trial) -> Evidence:
    """Compare the illegal imports of the workspace with and without the candidate."""
    return await asyncio.to_thread(_judged, trial)


def _judged(trial: Trial) -> Evidence:
    root = Path(trial.before.root)
    architecture = Architecture(root, cache_file(root))
    if not architecture.is_configured:
        return passed(CHECK, "the project has no import contracts")
    before = _texts(trial.before) | dict.fromkeys(trial.absent)
    architecture.suppose(before)
    broken, undeclared = architecture.broken(), architecture.undeclared
    wanted = _wanted(trial.goal, architecture)
    gone = trial.before.documents.keys() - trial.after.documents.keys()
    architecture.suppose(before | _texts(trial.after) | dict.fromkeys(gone))
    new = architecture.broken() - broken
    found = _worst(architecture, new)
    if found is not None:
        more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
        return failed(CHECK, f"{found.name}: {found.message}{more}", found.path, found.line)
    if homeless := sorted(architecture.undeclared - undeclared):
        contract, module = homeless[0]
        return failed(CHECK, f"{contract}: {module} is in no layer")
    if wanted is not None and wanted in _keys(architecture, trial.goal.path):
        return failed(CHECK, f"{wanted[1]} still imports {wanted[2]}", trial.goal.path)
    if architecture.unjudged:
        one = architecture.unjudged[0]
        says = f"a contract cannot be judged: {one.message}"
        return unknown(CHECK, says, one.source.path, one.source.line)
    if wanted is not None:
        return passed(CHECK, f"{wanted[1]} does not import {wanted[2]} any more")
    count = len(architecture.contracts)
    return passed(CHECK, f"{count} import contract{'s' * (count != 1)} kept as before")


def _wanted(goal: Goal, architecture: Architecture) -> Key | None:
    """The violation that a fix is about, None where it is about none."""
    told = goal.diagnostic
    if told is None or goal.kind is not GoalKind.FIX or told.source != SOURCE:
        return None
    alike = [
        found
        for found in architecture.findings(goal.path)
        if found.contract == told.code and found.span.start <= told.span.end
        and told.span.start <= found.span.end
    ]  # fmt: skip
    return alike[0].key if alike else None


def _keys(architecture: Architecture, path: str) -> set[Key]:
    return {found.key for found in architecture.findings(path)}


def _texts(snapshot: Snapshot) -> dict[str, str | None]:
    return {document.path: document.text for document in snapshot if document.path.endswith(".py")}


def _worst(architecture: Architecture, keys: frozenset[tuple[str, str, str]]) -> Finding | None:
    """The first of the findings that `keys` name, errors before warnings."""
    found = [finding for finding in architecture.everything() if finding.key in keys]
    return min(
        found,
        key=lambda item: (item.severity is not Severity.ERROR, item.path, item.line),
        default=None,
    )
