"""A candidate adds no import that a contract of the project forbids.

What was illegal before stays the project's own matter; only what is new is held against it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from trueup.architecture.checker import Architecture
from trueup.architecture.contracts import Severity
from trueup.architecture.findings import Finding
from trueup.architecture.sources import cache_file
from trueup.snapshot import Snapshot
from trueup.suggestion import Evidence
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "architecture"


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
    if architecture.unjudged:
        one = architecture.unjudged[0]
        says = f"a contract cannot be judged: {one.message}"
        return unknown(CHECK, says, one.source.path, one.source.line)
    count = len(architecture.contracts)
    return passed(CHECK, f"{count} import contract{'s' * (count != 1)} kept as before")


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
