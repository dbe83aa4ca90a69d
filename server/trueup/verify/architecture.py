"""A candidate adds no import that a contract of the project forbids.

What was illegal before stays the project's own matter; only what is new is held against it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trueup.architecture.checker import Architecture
from trueup.architecture.contracts import Severity
from trueup.architecture.findings import Finding
from trueup.architecture.sources import cache_file
from trueup.snapshot import Snapshot
from trueup.suggestion import Evidence, Outcome
from trueup.verify.trial import Trial, failed, passed

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
    broken, count = architecture.broken(), len(architecture.contracts)
    # Only what the candidate breaks further can be held against it.
    unjudged = {problem.message for problem in architecture.problems if problem.contract}
    gone = trial.before.documents.keys() - trial.after.documents.keys()
    architecture.suppose(before | _texts(trial.after) | dict.fromkeys(gone))
    new = architecture.broken() - broken
    if new:
        found = _worst(architecture, new)
        if found is not None:
            more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
            says = f"{found.name}: {found.message}{more}"
            return failed(CHECK, says, found.path, found.line)
    problems = [problem for problem in architecture.problems if problem.severity is Severity.ERROR]
    added = [
        problem for problem in problems if problem.contract and problem.message not in unjudged
    ]
    if added:
        one = added[0]
        return failed(CHECK, one.message, one.source.path, one.source.line)
    if problems:
        one = problems[0]
        return Evidence(
            CHECK,
            Outcome.UNKNOWN,
            f"a contract cannot be judged: {one.message}",
            one.source.path,
            one.source.line,
        )
    contracts = "contract" if count == 1 else "contracts"
    return passed(CHECK, f"{count} import {contracts} kept as they were")


def _texts(snapshot: Snapshot) -> Mapping[str, str | None]:
    return {document.path: document.text for document in snapshot if document.path.endswith(".py")}


def _worst(architecture: Architecture, keys: frozenset[tuple[str, str, str]]) -> Finding | None:
    """The first of the findings that `keys` name, errors before warnings."""
    found = [finding for finding in architecture.everything() if finding.key in keys]
    return min(
        found,
        key=lambda item: (item.severity is not Severity.ERROR, item.path, item.line),
        default=None,
    )
