"""Our own layers: `trueup check` and import-linter read the same contracts and say the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.commands import trueup
from trueup.architecture.checker import Architecture

HERE = Path(__file__).parents[2]
FORBIDDEN = {
    "a layer above": ("snapshot", "trueup.lsp.server"),
    "a layer above, in a function": ("suggestion", "trueup.verify.gate"),
    "an independent layer": ("trust", "trueup.rebase"),
    "the vendor": ("settings", "anthropic"),
    "the protocol": ("symbols", "lsprotocol.types"),
    "what makes the front heavy": ("boot", "libcst"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The server package with its contracts, and nothing else."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE / "server/trueup", tmp_path / "server/trueup", ignore=ignored)
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    return tmp_path


def by_import_linter(root: Path) -> tuple[int, str]:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--no-cache"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "server"), "COLUMNS": "200"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_our_contracts_are_kept() -> None:
    checked = trueup(HERE, "check")
    assert checked.returncode == 0, checked.stdout
    kept, of, count, *_ = checked.stdout.split()
    assert (kept, of) == (count, "of"), checked.stdout


def test_import_linter_keeps_them_too(copy: Path) -> None:
    code, said = by_import_linter(copy)
    assert code == 0, said
    assert f"Contracts: {len(Architecture(copy).contracts)} kept, 0 broken." in said


@pytest.mark.parametrize("title", FORBIDDEN)
def test_both_say_the_same_of_an_import_that_is_forbidden(title: str, copy: Path) -> None:
    module, imported = FORBIDDEN[title]
    file = copy / "server" / "trueup" / f"{module}.py"
    if not file.exists():
        file = file.with_suffix("") / "__init__.py"
    text = file.read_text()
    line = "\n\ndef late() -> None:\n    import {}\n" if "function" in title else "\nimport {}\n"
    file.write_text(text + line.format(imported))
    architecture = Architecture(copy)
    top = imported if imported.startswith("trueup") else imported.partition(".")[0]
    edge = f"trueup.{module}", top
    names = of_contracts(architecture)
    ours = {names[contract] for contract, *pair in architecture.broken() if tuple(pair) == edge}
    assert ours
    code, said = by_import_linter(copy)
    assert code == 1, said
    theirs = {line.partition(" BROKEN")[0] for line in said.splitlines() if "BROKEN" in line}
    assert ours <= theirs == {names[contract] for contract, *_ in architecture.broken()}
    assert any(f"{edge[0]} -> {edge[1]}" in line for line in said.splitlines())
    place = next(found for found in architecture.everything() if found.key[1:] == edge)
    assert place.line == text.count("\n") + line.partition("import")[0].count("\n") + 1
    assert trueup(copy, "check").returncode == 1


def of_contracts(architecture: Architecture) -> Mapping[str, str]:
    """What contracts are called, by their ids."""
    return {found.contract: found.name for found in architecture.everything()}
