"""Whole suggestions on machines that have less than namespaces: the verdict says which."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.lesser_machines import REFUSED, lesser_machine
from support.sessions import SOURCE, Editing, ruff_diagnostic
from support.tiny_projects import Project


@pytest.mark.parametrize("case", ["unshare", "unshare and landlock", "seccomp"])
async def test_the_isolation_line_is_true(
    shop: Project, editing: Editing, tmp_path: Path, environment: dict[str, str], case: str
) -> None:
    calls, sentence = REFUSED[case]
    lesser = Project(shop.root, lesser_machine(shop.interpreter, tmp_path, calls))
    lesser.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text("utf-8"))
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    async with editing(lesser) as editor:
        suggestion, applied = await editor.pick_fix(diagnostic)
    assert (suggestion.verdict.outcome, applied) == ("verified", True), suggestion.verdict
    assert suggestion.isolation == sentence
    done = await asyncio.to_thread(
        subprocess.run,
        [
            sys.executable, "-m", "trueup", "doctor", "--trust",
            "--interpreter", str(lesser.interpreter),
        ],
        cwd=shop.root,
        env={**environment, "COLUMNS": "1000", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert sentence in done.stdout, done
