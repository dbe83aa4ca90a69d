"""`trueup init`: contracts that hold today, written down so that they hold tomorrow."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click

from trueup import TrueupError, formats, workspace
from trueup.architecture import baseline
from trueup.architecture.checker import Architecture
from trueup.architecture.imports import Imports, Universe
from trueup.architecture.modules import top_packages
from trueup.architecture.proposal import Proposal, propose
from trueup.architecture.sources import Sources, cache_file
from trueup.commands.console import console, errors, fail
from trueup.files import write_atomically


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--dry-run", is_flag=True, help="Print what would be written.")
def init(folder: str, dry_run: bool) -> None:
    """Propose contracts from the project as it is, with a baseline for what they do not hold for.

    Written to pyproject.toml; a project that has contracts keeps them.
    """
    root = workspace.root_of(Path(folder).absolute())
    try:
        architecture = Architecture(root)
        if architecture.contracts:
            count = formats.counted(len(architecture.contracts), "contract")
            fail(f"this project has {count} already; `trueup check` tells how they stand")
        text = proposed(root)
        if dry_run:
            click.echo(text.lstrip("\n"), nl=False)
            return
        _append(root / "pyproject.toml", text)
        made = Architecture(root)
        broken = made.broken()
        if broken:
            baseline.write(root, broken)
    except TrueupError as problem:
        fail(str(problem))
    kept = formats.counted(len(made.contracts), "contract")
    console.print(f"pyproject.toml: {kept}", highlight=False)
    if broken:
        known = formats.counted(len(broken), "violation")
        console.print(f"{baseline.NAME}: {known} known for now", highlight=False)
    errors.print("Look at them, name the layers as your team does, and run `trueup check`.")


def proposed(root: Path) -> str:
    """Tables of contracts for the packages of a project. Calls `fail` where there are none."""
    packages = top_packages(root)
    if not packages:
        fail(f"no package was found in {root} or in its source folders")
    imports = Imports(Sources(root, cache_file(root)), Universe(packages))
    found: list[Proposal] = []
    for package in packages:
        proposal = propose(imports.graph, package)
        if proposal is not None:
            found.append(proposal)
    if not found:
        fail("no package here has parts that could be layers")
    names = ", ".join(f'"{package}"' for package in packages)
    head = f"\n[tool.trueup.architecture]\nroot_packages = [{names}]\n"
    return head + "".join(proposal.table() for proposal in found)


def _append(file: Path, text: str) -> None:
    try:
        old = file.read_text("utf-8") if file.exists() else ""
        tomllib.loads(old)
        tomllib.loads(old + text)
        write_atomically(file, (old.rstrip("\n") + "\n" + text).encode(), mode=0o644)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        fail(f"{file.name} cannot be added to: {problem}")
    except OSError as problem:
        fail(f"{file.name} cannot be written: {problem.strerror}")
