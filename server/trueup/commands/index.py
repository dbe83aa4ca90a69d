"""`trueup index`: what is derived from the files, and making it anew."""

from __future__ import annotations

import json
from pathlib import Path

import click

from trueup import workspace
from trueup.commands.console import console, errors, fail
from trueup.memory.index import Freshness, Index


@click.group()
def index() -> None:
    """The local index of the code: derived from the files, and made anew whenever it must be."""


def _index() -> Index:
    try:
        return Index(str(workspace.root_of(Path.cwd())))
    except FileNotFoundError:
        fail("the current folder does not exist any more")


@index.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """Bring the index in step with the files, read all of it, and say how it is."""
    with _index() as opened:
        found = opened.refresh(wait=True)
        if not opened.is_sound():
            errors.print("the index is damaged and is built again")
            found = opened.rebuild()
        _show(opened, found, as_json=as_json)


@index.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was built as JSON.")
def rebuild(as_json: bool) -> None:
    """Throw the index away and build it from the files."""
    with _index() as opened:
        _show(opened, opened.rebuild(), as_json=as_json)


def _show(opened: Index, found: Freshness, *, as_json: bool) -> None:
    if as_json:
        said = {
            "home": found.home,
            "folder": str(opened.folder),
            "files": found.files,
            "chunks": found.chunks,
            "changed": found.changed,
            "behind": found.behind,
            "rebuilt": found.rebuilt,
            "message": found.says,
        }
        click.echo(json.dumps(said, indent=2))
        return
    if found.says:
        errors.print(found.says, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{found.files} files, {found.chunks} functions and classes", highlight=False)
    what = "built anew" if found.rebuilt else f"{found.changed} files were read again"
    console.print(f"{what}; kept in {opened.folder}" if found.home == "disk" else what,
                  markup=False, highlight=False, soft_wrap=True)  # fmt: skip
