"""`trueup undo`: which changes were made here, and taking one back."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from trueup import TrueupError, workspace
from trueup.commands.console import console, errors, fail
from trueup.undo import restoring
from trueup.undo.change import Change, Side, State
from trueup.undo.journal import Journal


@click.command()
@click.argument("number", required=False, type=int)
@click.option("--list", "listing", is_flag=True, help="Show the changes, and undo none.")
@click.option("--others", is_flag=True, help="Leave files that changed since, undo in the others.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option(
    "--root",
    default=".",
    type=click.Path(exists=True, file_okay=False),
    help="The project; that of the current folder where it is not given.",
)
def undo(number: int | None, listing: bool, others: bool, as_json: bool, root: str) -> None:
    """Take back the last change that Trueup made in this project, or the one with that NUMBER."""
    root = str(workspace.root_of(Path(root).absolute()))
    journal = Journal()
    known = journal.changes(root)
    if listing:
        _show(known, as_json=as_json)
        return
    change = _wanted(known, number)
    try:
        foreign = restoring.standing_on_disk(change, Side.BASE).foreign
        if foreign and not others:
            names = ", ".join(file.path for file in foreign)
            fail(f"{names} changed since; nothing was undone (--others undoes the other files)")
        made = restoring.restore(change, Side.BASE)
    except TrueupError as problem:
        fail(str(problem))
    journal.settle(change, State.PARTIAL if made.left else State.UNDONE)
    if as_json:
        left = [{"path": path, "why": why} for path, why in made.left]
        click.echo(json.dumps({"change": change.number, "undone": made.done, "left": left}))
    else:
        console.print(f"undone: {change.title} ({', '.join(made.done)})", highlight=False)
        for _, why in made.left:
            errors.print(why, highlight=False)
    sys.exit(1 if made.left else 0)


def _wanted(known: tuple[Change, ...], number: int | None) -> Change:
    wanted = (
        change
        for change in known
        if number == change.number or (number is None and change.state is not State.UNDONE)
    )
    found = next(wanted, None)
    if found is None:
        says = f"no change {number} is known here" if number is not None else "nothing to undo here"
        fail(says)
    return found


def _show(known: tuple[Change, ...], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "change": change.number,
                "title": change.title,
                "state": change.state.value,
                "at": change.at,
                "paths": change.paths,
            }
            for change in known
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for change in known:
        when = datetime.fromtimestamp(change.at).strftime("%Y-%m-%d %H:%M")
        paths = ", ".join(change.paths)
        line = f"{change.number:>4}  {when}  {change.state.value:8} {change.title}  {paths}"
        console.print(line, highlight=False)
    if not known:
        console.print("Trueup has changed nothing here")
