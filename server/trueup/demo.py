"""The whole story on a copy of the example project: a real server, driven as an editor drives it.

Nothing here knows a verdict beforehand. The example is linted as any editor would lint it, every
finding is picked from the light bulb, and what is shown is what came back.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.rule import Rule

from trueup import ConfigurationError, linting, report, workspace
from trueup.editor import Editor
from trueup.snapshot import Snapshot
from trueup.suggestion import Diagnostic, Ruling, Suggestion
from trueup.trust import Answer

PICTURE_COLUMNS: Final = 104
SUITE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One suggestion of the demo, as it came back."""

    diagnostic: Diagnostic
    suggestion: Suggestion
    applied: bool
    before: Snapshot

    def on(self, console: Console) -> None:
        console.print(Rule(f"{self.diagnostic.path}: {self.diagnostic.code}", align="left"))
        console.print(self.diagnostic.message, highlight=False)
        report.show(console, self.suggestion, self.before)
        console.print("applied" if self.applied else "not applied", style="bold")


async def tell(*, keep: Path | None = None, svg: str | None = None) -> int:
    """Run the demo; 0 where all three verdicts were seen and the changed copy's tests pass."""
    if find_spec("pytest") is None:
        raise ConfigurationError("the example's tests need pytest: pip install 'trueup[demo]'")
    console = Console()
    with tempfile.TemporaryDirectory(prefix="trueup-demo-") as folder:
        root = Path(folder, "shop")
        shutil.copytree(example(), root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        shown = await _suggestions(root, Path(folder), console)
        if svg is not None:
            _draw(shown, Path(svg))
        passed = await _suite(root, console)
        if keep is not None:
            shutil.copytree(root, keep, dirs_exist_ok=True)
    seen = {item.suggestion.verdict.outcome for item in shown}
    console.print(f"verdicts seen: {', '.join(sorted(seen))}")
    return 0 if passed and seen == set(Ruling) else 1


def example() -> Path:
    """The example project: beside the package in a wheel, in `examples` of a checkout."""
    here = Path(__file__).parent
    for folder in (here / "examples" / "shop", here.parents[1] / "examples" / "shop"):
        if folder.is_dir():
            return folder
    raise ConfigurationError("the example project is not installed")


async def _suggestions(root: Path, folder: Path, console: Console) -> tuple[Shown, ...]:
    editor = Editor(root, answers=frozenset({Answer.ALWAYS.value}))
    environment = dict(os.environ) | {
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    await editor.start({"interpreter": sys.executable}, environment)
    shown: list[Shown] = []
    try:
        for diagnostic in await _diagnostics(root):
            document = editor.open(diagnostic.path)
            suggestion, applied = await editor.pick_fix(diagnostic)
            before = Snapshot.of(str(root), (document,))
            shown.append(Shown(diagnostic, suggestion, applied, before))
            shown[-1].on(console)
        editor.save_all()
    finally:
        await editor.stop()
    for question in editor.asked[:1]:
        console.print(f"asked once: {question}", style="dim", highlight=False)
    return tuple(shown)


def _draw(shown: tuple[Shown, ...], picture: Path) -> None:
    """One suggestion of each outcome, as a picture of the terminal."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=PICTURE_COLUMNS, file=nowhere)
        for outcome in (Ruling.REJECTED, Ruling.UNPROVEN, Ruling.VERIFIED):
            for item in [item for item in shown if item.suggestion.verdict.outcome is outcome][:1]:
                item.on(console)
        console.save_svg(str(picture), title="trueup demo")


async def _diagnostics(root: Path) -> tuple[Diagnostic, ...]:
    """What Ruff finds in the project: what any editor with Ruff would underline."""
    found: list[Diagnostic] = []
    for path in workspace.python_files(str(root)):
        answer = await linting.diagnostics(str(root), workspace.read(str(root), path))
        if isinstance(answer, linting.LintFailure):
            raise ConfigurationError(answer.sentence)
        found += [item.diagnostic for item in answer]
    return tuple(found)


async def _suite(root: Path, console: Console) -> bool:
    """The test suite of the changed copy, run plainly."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "--no-header", cwd=root,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), SUITE_SECONDS)
    last = out.decode(errors="replace").strip().splitlines()[-1:]
    console.print(f"the suite of the changed copy: {' '.join(last)}", highlight=False)
    return process.returncode == 0
