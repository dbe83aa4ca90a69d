"""`trueup eval`: how good Trueup itself is, on labelled candidates and on recorded answers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.markup import escape
from rich.table import Table

from trueup import TrueupError, report
from trueup import settings as settings_module
from trueup.commands.console import console, errors, fail
from trueup.literate import CaseError
from trueup.operations.tally import Tally, tallies
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.verify import gate

if TYPE_CHECKING:
    from trueup.evals.replay import Report

FOLDERS: Final = ("STATE", "CACHE", "CONFIG")


@click.group("eval")
def evaluation() -> None:
    """How good Trueup itself is: its gate, and the whole loop on recorded answers."""


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


_INTERPRETER: Final = click.option(
    "--interpreter", metavar="PATH", help="The interpreter, with pytest, that runs the tests."
)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")


@evaluation.command("blocking")
@click.argument("place", default="evals/blocking", type=click.Path(exists=True))
@_JSON
@_INTERPRETER
def eval_blocking(place: str, as_json: bool, interpreter: str | None) -> None:
    """Replay the cases that must stay right; exits 1 where one is not."""
    found = _replayed(place, interpreter)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        _show(found)
    sys.exit(1 if found.wrong else 0)


@evaluation.command("monitoring")
@click.argument("place", default="evals/monitoring", type=click.Path(exists=True))
@_JSON
@_INTERPRETER
def eval_monitoring(place: str, as_json: bool, interpreter: str | None) -> None:
    """Replay the cases that are watched, and tell how your own suggestions did."""
    own = tallies(item for item in TraceStore(_traces()) if isinstance(item, Trace))
    found = _replayed(place, interpreter)
    if as_json:
        shown = {name: tally.to_json() for name, tally in own.items()}
        click.echo(json.dumps(found.to_json() | {"traces": shown}, indent=2))
        return
    _show(found)
    if own:
        console.print("\nyour own suggestions, as their traces tell:")
        console.print(_table(own))


def _traces() -> settings_module.TraceLimits:
    try:
        return settings_module.load("/").traces
    except TrueupError as problem:
        fail(str(problem))


def _replayed(place: str, interpreter: str | None) -> Report:
    from trueup.evals import replay  # noqa: PLC0415

    python = Path(interpreter or sys.executable).absolute()
    with errors.status("starting") as status, _folders_of_its_own():
        try:
            return asyncio.run(
                replay.report(
                    Path(place), python, lambda done, total: status.update(f"{done} of {total}")
                )
            )
        except (CaseError, TrueupError) as problem:
            fail(str(problem))


@contextmanager
def _folders_of_its_own() -> Iterator[None]:
    """A replay spends nothing, so it counts nowhere; and no setting of this machine changes it."""
    names = [f"XDG_{kind}_HOME" for kind in FOLDERS]
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory(prefix="trueup-evals-") as folder:
        os.environ |= {name: str(Path(folder, name)) for name in names}
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _show(found: Report) -> None:
    for item in found.replayed:
        mark, style = ("✗", "red") if item.problem else ("✓", "green")
        console.print(f"[{style}]{mark}[/] {escape(item.case.name)}: {item.found}", highlight=False)
        if item.problem:
            console.print(f"  {escape(item.problem)}", highlight=False)
            console.print(f"  [dim]from: {escape(item.case.origin)}[/]", highlight=False)
    console.print(_table(found.tallies))
    console.print(
        f"{len(found.replayed) - len(found.wrong)} of {len(found.replayed)} as expected,"
        f" in {found.elapsed_s:.1f} s",
        highlight=False,
    )


def _table(found: Mapping[str, Tally]) -> Table:
    """Rates by version of the prompt."""
    columns = ("prompt", "jobs", "verified", "unproven", "rejected", "refused", "other")
    table = Table(*columns, "invents", "accepted", "USD an accepted one", box=None)
    for name, tally in found.items():
        counts = (tally.verified, tally.unproven, tally.rejected, tally.refused, tally.other)
        cost = tally.cost_per_accepted_usd
        table.add_row(
            escape(name),
            str(tally.jobs),
            *(_percent(count, tally.jobs) for count in (*counts, tally.invented)),
            _percent(tally.accepted, tally.answered),
            "unknown" if cost is None else f"{cost:.4f}",
        )
    return table


def _percent(count: int, of: int) -> str:
    return f"{count / of:.0%}" if of else "-"
