"""`trueup prompts`: which versions there are, which is used, and the way back."""

from __future__ import annotations

import sys

import click
from rich.markup import escape
from rich.table import Table

from trueup import TrueupError
from trueup import settings as settings_module
from trueup.commands.console import console, errors, fail
from trueup.propose import choices
from trueup.propose import prompts as versions
from trueup.propose.prompts import Broken

KIND = click.Choice(tuple(versions.NAMES))


@click.group()
def prompts() -> None:
    """What the model is told: the versions of the prompts, and which is used."""


@prompts.command("list")
def list_() -> None:
    """The versions for each kind of goal; the one that is used is marked."""
    settings = _settings()
    broken = []
    table = Table("kind", "version", "used", "digest", "what it changed", box=None)
    for kind, name in versions.NAMES.items():
        used = versions.active(kind, settings)
        for version in dict.fromkeys((*versions.versions(name), used)):
            found = versions.read(name, version)
            mark = "yes" if version == used else ""
            if isinstance(found, Broken):
                broken.append(found.sentence)
                table.add_row(kind, escape(f"{name}@{version}"), mark, "", "[red]cannot be used[/]")
                continue
            own = "" if versions.is_published(name, version) else "yours"
            says = versions.change(name, version) or own
            table.add_row(kind, escape(found.reference), mark, found.digest[:12], escape(says))
    console.print(table)
    for sentence in dict.fromkeys(broken):
        errors.print(escape(sentence), highlight=False)
    sys.exit(1 if broken else 0)


@prompts.command()
@click.argument("kind", type=KIND)
@click.argument("version", required=False)
def show(kind: str, version: str | None) -> None:
    """The text of a version, of the one that is used where none is named."""
    found = versions.read(versions.NAMES[kind], version or versions.active(kind, _settings()))
    if isinstance(found, Broken):
        fail(found.sentence)
    click.echo(found.text, nl=not found.text.endswith("\n"))


@prompts.command()
@click.argument("kind", type=KIND)
@click.argument("version")
def use(kind: str, version: str) -> None:
    """Use that version for goals of that kind from now on."""
    try:
        found = choices.use(kind, version)
    except TrueupError as problem:
        fail(str(problem))
    console.print(f"{kind}: {found.reference} from now on", markup=False, highlight=False)


@prompts.command()
@click.argument("kind", type=KIND)
def rollback(kind: str) -> None:
    """Go back to the version before."""
    try:
        found = choices.rollback(kind)
    except TrueupError as problem:
        fail(str(problem))
    console.print(f"{kind}: back to {found.reference}", markup=False, highlight=False)


def _settings() -> settings_module.PromptSettings:
    try:
        return settings_module.load("/").prompts
    except TrueupError as problem:
        fail(str(problem))
