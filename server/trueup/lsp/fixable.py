"""What could be fixed in a document without anybody's judgement, and whether that may be tried.

Findings of the contracts and of Ruff; the latter where the project configures Ruff, or the editor
has shown what it finds. Runs in threads: it reads files and asks Ruff, which executes nothing of
the project.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from trueup import linting, settings, trust, workspace
from trueup.settings import Settings
from trueup.snapshot import Document
from trueup.suggestion import Diagnostic

UNASKED: Final = "no fixes are looked for: you have not allowed the tests of this folder to run"
NO_INTERPRETER: Final = "no fixes are looked for: the project has no interpreter"
_RUFF_FILES: Final = ("ruff.toml", ".ruff.toml")


def allowed(root: str, client: dict[str, object]) -> tuple[Settings, str]:
    """The settings, and why nothing may be tried in this workspace, "" where it may: its tests have
    to be allowed to run, in words about exactly what would run. Raises ConfigurationError.
    """
    chosen = settings.load(root, client)
    interpreter = workspace.interpreter_of(root, chosen.interpreter)
    if interpreter is None:
        return chosen, NO_INTERPRETER
    return chosen, "" if trust.is_trusted(trust.plan(root, interpreter)) else UNASKED


def configures_ruff(root: str) -> bool:
    if any(Path(root, name).is_file() for name in _RUFF_FILES):
        return True
    try:
        return "[tool.ruff" in Path(root, "pyproject.toml").read_text("utf-8", "replace")
    except OSError:
        return False


def of_ruff(root: str, document: Document, *, model: bool) -> list[Diagnostic]:
    """What Ruff finds and can fix; with a `model`, all that it finds."""
    found = asyncio.run(linting.diagnostics(root, document))
    if isinstance(found, linting.LintFailure):
        return []
    return [
        item.diagnostic
        for item in found
        if item.diagnostic.code != linting.SYNTAX_ERROR
        and (model or (item.fix and item.applicability != "display"))
    ]
