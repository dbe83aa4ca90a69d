"""`trueup` as a command of its own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

Done = subprocess.CompletedProcess[str]


def trueup(folder: Path, *arguments: str, given: str | None = None) -> Done:
    """What the command answers, run in `folder`."""
    command = [sys.executable, "-m", "trueup", *arguments]
    return subprocess.run(
        command, cwd=folder, input=given, capture_output=True, text=True, timeout=120, check=False
    )
