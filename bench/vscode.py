"""What Trueup takes in a real VS Code: to activate, to fill the light bulb, to apply a fix.

VS Code runs as a server with its window in a headless browser; times are taken in its extension
host. Activation is that of a window in which no Python file is open yet, the server's start not
included, which nobody waits for. The light bulb is asked at places of the example project all over
a file. A fix is one of Ruff's that needs no model: from the pick to the changed buffer, judged in
full, on a workspace whose tests are warm. Each has its own target; the value is the worst share of
a target that was taken, so that 1.0 is just good enough.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from common import Target, load, percentile

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

# The path has to be there first.
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from support.vs_code import Workbench, started_browser
from support.vs_code_tools import install
from trueup.demo import example

TARGET: Final = Target("vscode", "worst share of a target", 1.0)
ACTIVATION_MS: Final = 60.0
LIGHT_BULB_MS: Final = 50.0
FIX_MS: Final = 1000.0
VSIX_BYTES: Final = 1_000_000

SOURCE: Final = "src/shop/orders/inventory.py"
FOUND: Final = "for line in basket"

ACTIVATE: Final = """
const began = performance.now();
await vscode.extensions.getExtension('trueup.trueup').activate();
return performance.now() - began;
"""
LIGHT_BULB: Final = """
const uri = vscode.Uri.file(given.file);
const document = await vscode.workspace.openTextDocument(uri);
const times = [];
for (let turn = 0; turn < given.count; turn++) {
    const line = (turn * 7) % document.lineCount;
    const place = new vscode.Range(line, 4, line, 4);
    const began = performance.now();
    await vscode.commands.executeCommand('vscode.executeCodeActionProvider', uri, place);
    times.push(performance.now() - began);
}
return times;
"""
FIX: Final = """
const uri = vscode.Uri.file(given.file);
const document = await vscode.workspace.openTextDocument(uri);
const place = document.positionAt(document.getText().indexOf(given.at));
const found = await vscode.commands.executeCommand(
    'vscode.executeCodeActionProvider', uri, new vscode.Range(place, place));
const { command } = found.find(({ title }) => title.startsWith('Fix '));
const began = performance.now();
void vscode.commands.executeCommand(command.command, ...command.arguments);
await until(vscode.workspace.onDidChangeTextDocument,
    () => document.getText().includes('return all('));
return performance.now() - began;
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of each try, but for the size."""

    activation: list[float]
    light_bulb: list[float]
    fix: list[float]
    bytes: int

    def shares(self) -> dict[str, float]:
        """How much of each target was taken; prints what was measured."""
        rows = {
            "activation, median": (statistics.median(self.activation), ACTIVATION_MS, "ms"),
            "light bulb, p95": (percentile(self.light_bulb, 0.95), LIGHT_BULB_MS, "ms"),
            "verified fix, median": (statistics.median(self.fix), FIX_MS, "ms"),
            "package": (self.bytes / 1000, VSIX_BYTES / 1000, "kB"),
        }
        print(f"real VS Code, {load()}")
        for name, (value, target, unit) in rows.items():
            print(f"  {name:22}{value:9.1f} {unit}   target {target:.0f} {unit}")
        print(f"  fastest: activation {min(self.activation):.1f}, fix {min(self.fix):.1f} ms")
        return {name: value / target for name, (value, target, _) in rows.items()}


def measure(bench: Workbench, folder: Path, vsix: Path, tries: int) -> Measured:
    activation, window = [], None
    for number in range(tries):
        root = folder / f"shop-{number}"
        shutil.copytree(example(), root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        if window is not None:
            window.close()
        window = bench.open(root)
        activation.append(window.host(ACTIVATE))
    if window is None:
        raise SystemExit("at least one try is needed")
    window.open(SOURCE, at=FOUND)
    window.report_ruff(SOURCE, "SIM110")
    window.pick("Fix SIM110")
    window.answer("run the tests", "Always for this folder")
    window.text_when(SOURCE, "return all(")
    window.undo()
    bulb = window.host(LIGHT_BULB, file=str(window.folder / SOURCE), count=20 * tries)
    fixes = []
    for _ in range(tries):
        fixes.append(window.host(FIX, file=str(window.folder / SOURCE), at=FOUND))
        window.undo()
    return Measured(activation, bulb, fixes, vsix.stat().st_size)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tries", type=int, default=5)
    tries = arguments.parse_args().tries
    tools = install()
    with tempfile.TemporaryDirectory(prefix="trueup-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = {
            "trueup.path": str(Path(sys.executable).parent / "trueup"),
            "trueup.interpreter": str(make_environment(folder / "venv", PYTEST_AND_ITS_NEEDS)),
            "trueup.background.fixes": False,
        }
        (folder / "code").mkdir()
        with (
            started_browser(tools) as browser,
            Workbench(tools, browser, folder / "code", settings) as bench,
        ):
            shares = measure(bench, folder, tools.vsix, tries).shares()
    TARGET.report(max(shares.values()))


if __name__ == "__main__":
    main()
