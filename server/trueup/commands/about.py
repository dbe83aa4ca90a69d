"""What is said about the machine, the project and Trueup itself: trust, doctor, demo."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup import (
    ConfigurationError,
    TrueupError,
    limits,
    workspace,
)
from trueup import settings as settings_module
from trueup import trust as trust_module
from trueup.commands.console import console, errors, fail
from trueup.commands.terminal import asker, machine
from trueup.settings import Settings

if TYPE_CHECKING:
    from trueup.doctor import Finding


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--revoke", is_flag=True, help="Forget that this folder is trusted.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
def trust(folder: str, revoke: bool, interpreter: str | None) -> None:
    """Show what would run, ask, and remember the answer."""
    root = str(workspace.root_of(Path(folder).absolute()))
    try:
        if revoke:
            known = trust_module.revoke(root)
            console.print(f"{root} {'is not trusted any more' if known else 'was not trusted'}")
            return
        wanted = trust_module.plan(root, _interpreter(root, interpreter))
        console.print(wanted.words(), highlight=False)
        if trust_module.is_trusted(wanted):
            console.print("You trust it already.")
            return
        if not sys.stdin.isatty():
            fail("there is no terminal to ask on; commands that run tests take --trust")
        if not click.confirm("Let Trueup run it, now and later?", default=False):
            sys.exit(1)
        trust_module.remember(wanted)
    except TrueupError as problem:
        fail(str(problem))


def _interpreter(root: str, chosen: str | None) -> Path:
    settings = settings_module.load(root, machine(chosen))
    found = workspace.interpreter_of(root, settings.interpreter)
    if found is None:
        raise ConfigurationError("no interpreter: the project has no .venv; pass --interpreter")
    return found


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--trust", "trusted", is_flag=True, help="Let the project's tests run, this once.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
@click.option("--limits", "shows_limits", is_flag=True, help="Print every limit, and nothing else.")
@click.option("--bundle", metavar="FILE", help="Also write a zip for a bug report, without code.")
def doctor(
    folder: str, trusted: bool, interpreter: str | None, shows_limits: bool, bundle: str | None
) -> None:
    """Say in words what works here and what does not."""
    from trueup import doctor as examination  # noqa: PLC0415

    if shows_limits:
        click.echo(limits.as_markdown(limits.every()), nl=False)
        return
    root = str(workspace.root_of(Path(folder).absolute()))
    try:
        findings = asyncio.run(
            examination.examine(root, machine(interpreter), asker(trusted=trusted))
        )
    except TrueupError as problem:
        fail(str(problem))
    for finding in findings:
        mark, style = ("✓", "green") if finding.good else ("✗", "yellow")
        console.print(f"[{style}]{mark}[/] [bold]{finding.what}[/] {finding.says}", highlight=False)
    if bundle is not None:
        _bundle(Path(bundle), findings, settings_module.load(root, machine(interpreter)))
    sys.exit(0 if all(finding.good for finding in findings) else 1)


def _bundle(target: Path, findings: tuple[Finding, ...], settings: Settings) -> None:
    from trueup import bundle  # noqa: PLC0415

    try:
        names = bundle.write(target, findings, settings)
    except OSError as problem:
        fail(f"{target} cannot be written: {problem.strerror}")
    errors.print(f"{target} holds {', '.join(names)}; read it before you send it", highlight=False)


@click.command()
@click.option("--keep", metavar="FOLDER", help="Leave the changed copy there.")
@click.option("--svg", metavar="FILE", help="Save what is shown as a picture.")
def demo(keep: str | None, svg: str | None) -> None:
    """The whole story on a copy of the example, through a real server; no key needed."""
    from trueup import demo as story  # noqa: PLC0415

    try:
        sys.exit(asyncio.run(story.tell(keep=Path(keep) if keep else None, svg=svg)))
    except TrueupError as problem:
        fail(str(problem))
