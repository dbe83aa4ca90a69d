"""How long a picked fix takes to the buffer: Ruff's, verified, in the example project.

A real session: the server, its engine and the project's own tests, driven as an editor drives them.
The first pick pays for starting the engine and the test runner, so it is told apart; before each of
the others the old text is put back with one more comment in it, so that nothing is remembered. The
value is the median from the command to the edit, in seconds, with a warm engine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from lsprotocol import types

from common import Target, load, milliseconds, percentile
from trueup import linting, trust, workspace
from trueup.demo import example
from trueup.editor import Editor
from trueup.lsp.convert import uri_of
from trueup.lsp.spare import cpu_seconds
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic, Ruling

TARGET: Final = Target("pick_fix", "s", 1.0)
PATH: Final = "src/shop/orders/inventory.py"
RULE: Final = "SIM110"
PICKS: Final = 10


class Timed(Editor):
    """An editor that notes when it was last asked to change a buffer."""

    changed = 0.0

    def _edit(self, change: types.TextDocumentEdit) -> None:
        super()._edit(change)
        self.changed = time.perf_counter()


async def finding(root: Path, editor: Editor) -> Diagnostic:
    """What Ruff says of the buffer."""
    document = editor.buffers[uri_of(root / PATH)]
    found = await linting.diagnostics(str(root), document)
    if isinstance(found, linting.LintFailure):
        raise SystemExit(found.sentence)
    return next(item.diagnostic for item in found if item.diagnostic.code == RULE)


async def measure(root: Path, picks: int) -> list[tuple[float, float]]:
    """Seconds of each pick, and those of CPU time in all processes; the cold one first."""
    editor = Timed(root, answers=frozenset())
    await editor.start({"interpreter": sys.executable}, dict(os.environ))
    seconds: list[tuple[float, float]] = []
    try:
        original = editor.open(PATH).text
        for number in range(picks + 1):
            whole = Span(0, len(editor.text(PATH)))
            editor.type(PATH, whole, f"{original}# {number}\n")
            diagnostic = await finding(root, editor)
            actions = await editor.actions(PATH, diagnostic.span, (diagnostic,))
            began, used = time.perf_counter(), cpu_seconds(editor.process.pid)
            result = await editor.run(actions[0])
            if result.get("outcome") != Ruling.VERIFIED or not result["applied"]:
                raise SystemExit(f"the fix was not verified: {result.get('message')}")
            used = cpu_seconds(editor.process.pid) - used
            seconds.append((editor.changed - began, used))
    finally:
        await editor.stop()
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picks", type=int, default=PICKS)
    picks = parser.parse_args().picks
    with tempfile.TemporaryDirectory(prefix="trueup-bench-") as folder:
        for kind in ("STATE", "CACHE", "CONFIG"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(folder, kind.lower()))
        root = Path(folder, "shop")
        shutil.copytree(example(), root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        trust.remember(trust.plan(str(root), Path(sys.executable)))
        print(f"{RULE} of {len(workspace.python_files(str(root)))} files, {picks} picks, {load()}")
        cold, *warm = asyncio.run(measure(root, picks))
    waited = [item for item, _ in warm]
    median = statistics.median(waited)
    used = statistics.median(item for _, item in warm)
    print(f"  cold {milliseconds(cold[0]):>9}   CPU {milliseconds(cold[1]):>9}")
    print(
        f"  warm {milliseconds(median):>9}   CPU {milliseconds(used):>9}"
        f"   p95 {milliseconds(percentile(waited, 0.95))}"
    )
    TARGET.report(median)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
