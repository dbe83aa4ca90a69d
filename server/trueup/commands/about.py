"""What is said about the machine, the project and Trueup itself: trust, doctor, eval, demo."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup import (
    ConfigurationError,
    TrueupError,
    limits,
    report,
    workspace,
)
from trueup import settings as settings_module
from trueup import trust as trust_module
from trueup.commands.console import console, errors, fail
from trueup.commands.terminal import asker, machine
from trueup.settings import Settings
from trueup.verify import gate

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
        click.echo(limits.as_markdown(), nl=False)
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


@click.group("eval")
def evaluation() -> None:
    """How good Trueup itself is, on labelled candidates."""


@evaluation.command("gate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--checks", default="", metavar="NAMES", help="Judge by these checks, and syntax.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@click.option("--interpreter", metavar="PATH", help="The interpreter that runs the candidates.")
def eval_gate(file: str, checks: str, as_json: bool, interpreter: str | None) -> None:
    """Judge the candidates of a JSON lines file, and compare with what is known of them."""
    from trueup import evaluate  # noqa: PLC0415

    only = frozenset(filter(None, (name.strip() for name in checks.split(","))))
    if unknown := only - frozenset(gate.NAMES.values()):
        fail(f"{min(unknown)} is no check; there are {', '.join(gate.NAMES.values())}")
    with errors.status("starting") as status:
        try:
            judged, elapsed_s = asyncio.run(
                evaluate.evaluate(
                    Path(file), Path(interpreter or sys.executable).absolute(),
                    settings_module.Limits(), only,
                    lambda done, total: status.update(f"{done} of {total}"),
                )
            )  # fmt: skip
        except TrueupError as problem:
            fail(str(problem))
    if as_json:
        click.echo(json.dumps(evaluate.summary(judged, elapsed_s), indent=2))
    else:
        shown = report.judged_table(evaluate.counts(judged), evaluate.shares(judged))
        console.print(shown, highlight=False)
        for item in evaluate.wrong_verified(judged):
            console.print(f"wrong and verified: {item.row.id}", highlight=False)


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
