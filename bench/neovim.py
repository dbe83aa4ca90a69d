"""From opening a Python file in a real Neovim to the first diagnostic, and to the server attached.

Each round opens the file once with every server, one after the other in an order of its own, each
time in a new Neovim; times are taken inside of it, from just before the file is edited. The file
has something for each server to find: an import that a contract forbids and that nobody uses.
Neovim is installed first where it is not there yet, as for the tests.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from common import SERVERS, Target, load, milliseconds, percentile

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "editors" / "terminal"))

from install_terminal import install  # noqa: E402 - found by the line above

TARGETS: Final = {
    "diagnostic": Target("neovim_diagnostic", "s", 0.700),
    "attach": Target("neovim_attach", "s", 0.150),
}
ROUNDS: Final = 15
WAIT_SECONDS: Final = 30
QUIET: Final = frozenset({"jedi-language-server", "pylsp"})
"""Servers that have nothing to say of a file without errors, as they are installed here."""
STARTED: Final = {
    **SERVERS,
    "ruff": (str(Path(sys.executable).parent / "ruff"), "server"),
}
SOURCE: Final = "import shop.web\n\n\ndef total(prices):\n    return sum(prices)\n"
CONTRACT: Final = """
[project]
name = "shop"
version = "1"

[[tool.trueup.contracts]]
kind = "forbidden"
name = "Totals know no web"
from = ["shop.total"]
forbid = ["shop.web"]
"""
MEASURE: Final = """
local given = vim.json.decode(vim.env.TRUEUP_BENCH)
local found, began = {}, 0
local function note(name)
  found[name] = found[name] or (vim.uv.hrtime() - began) / 1e9
end
vim.opt.runtimepath:prepend(given.plugin)
vim.cmd.runtime('plugin/trueup.lua')
vim.lsp.config(given.name, {
  cmd = given.command,
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml' },
})
vim.lsp.enable(given.name)
vim.api.nvim_create_autocmd('LspAttach', { callback = function() note('attach') end })
vim.api.nvim_create_autocmd('DiagnosticChanged', {
  callback = function()
    if #vim.diagnostic.get(0) > 0 then
      note('diagnostic')
    end
  end,
})
vim.cmd('filetype on')
began = vim.uv.hrtime()
vim.cmd.edit(given.file)
vim.wait(given.seconds * 1000, function() return found[given.last] ~= nil end, 1)
io.stdout:write(vim.json.encode(found))
vim.cmd('qall!')
"""


@dataclass
class Times:
    """Seconds since the file was opened, one a round; no diagnostic of a server that has none."""

    attach: list[float] = field(default_factory=list)
    diagnostic: list[float] = field(default_factory=list)


def one_round(nvim: Path, name: str, folder: Path, times: Times) -> None:
    """Raises KeyError where the server said nothing within WAIT_SECONDS."""
    quiet = name in QUIET
    given = {
        "plugin": str(ROOT / "editors" / "neovim"),
        "name": name,
        "command": STARTED[name],
        "file": str(folder / "shop" / "total.py"),
        "seconds": WAIT_SECONDS,
        "last": "attach" if quiet else "diagnostic",
    }
    done = subprocess.run(
        [str(nvim), "--clean", "--headless", "-l", str(folder / "measure.lua")],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TRUEUP_BENCH": json.dumps(given)},
        cwd=folder, capture_output=True, text=True, timeout=2 * WAIT_SECONDS, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    times.attach.append(found["attach"])
    if not quiet:
        times.diagnostic.append(found["diagnostic"])


def project(folder: Path) -> None:
    (folder / "shop").mkdir()
    (folder / "pyproject.toml").write_text(CONTRACT)
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "web.py").write_text("PAGE = 1\n")
    (folder / "shop" / "total.py").write_text(SOURCE)
    (folder / "measure.lua").write_text(MEASURE)


def row(name: str, seconds: list[float]) -> str:
    if not seconds:
        return f"  {name:22} has nothing to say here"
    return (
        f"  {name:22} {milliseconds(statistics.median(seconds)):>10} median,"
        f" {milliseconds(min(seconds))} least, {milliseconds(percentile(seconds, 0.95))} p95"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--measure", choices=sorted(TARGETS), default="diagnostic")
    given = parser.parse_args()
    nvim = install() / "nvim"
    measured = {name: Times() for name in STARTED}
    order = random.Random(0)  # noqa: S311 - an order, not a secret
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        project(folder)
        print(f"{given.rounds} interleaved rounds and one to warm up; {load()}")
        for number in range(given.rounds + 1):
            names = list(STARTED)
            order.shuffle(names)
            for name in names:
                one_round(nvim, name, folder, measured[name] if number else Times())
    for what in TARGETS:
        print(f"opening the file to {what}:")
        for name, times in measured.items():
            print(row(name, getattr(times, what)))
    ours = getattr(measured["trueup"], given.measure)
    TARGETS[given.measure].report(statistics.median(ours))
    return 0


if __name__ == "__main__":
    sys.exit(main())
