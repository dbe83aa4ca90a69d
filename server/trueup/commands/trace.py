"""`trueup trace`: what happened, why, and what it cost."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from rich.markup import escape
from rich.table import Table

from trueup import TrueupError
from trueup import settings as settings_module
from trueup.commands.console import console, errors, fail
from trueup.files import write_atomically
from trueup.literate import CaseError
from trueup.operations.budget import Purse, in_words, ledger_file, session_of
from trueup.operations.prices import dollars
from trueup.operations.trace import Text, Trace, Tried
from trueup.operations.tracepage import page, summary
from trueup.operations.tracestore import Broken, TraceStore, to_json
from trueup.operations.watching import Watch

COLOURS: Final = {
    "verified": "green",
    "passed": "green",
    "answered": "green",
    "unproven": "yellow",
    "unknown": "yellow",
    "rejected": "red",
    "failed": "red",
}
LISTED: Final = 20


@click.group()
def trace() -> None:
    """What happened, why, and what it cost."""


@trace.command("list")
@click.option("--number", "-n", default=LISTED, show_default=True, help="How many, latest first.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON, one a line.")
def list_(number: int, as_json: bool) -> None:
    """The latest traces."""
    store = _store()
    names = store.names()
    found = [store.read(name) for name in names[: max(0, number)]]
    for item in found:
        if isinstance(item, Broken):
            errors.print(item.sentence, highlight=False)
    read = [item for item in found if isinstance(item, Trace)]
    if as_json:
        for item in read:
            click.echo(json.dumps(to_json(item)))
        return
    if not names:
        console.print("there are no traces yet")
        return
    table = Table("trace", "goal", "outcome", "s", "tokens", "cost", "you", box=None)
    for item in read:
        said = item.answers[-1].said if item.answers else ""
        cost = dollars(item.cost_nano) if item.calls else ""
        tokens = f"{item.usage.total:,}" if item.calls else ""
        seconds = f"{item.elapsed_ms / 1000:.1f}"
        table.add_row(
            item.id,
            escape(item.goal.title),
            _coloured(item.outcome),
            seconds,
            tokens,
            cost if not item.unpriced else f"{cost} + unknown",
            escape(said),
        )
    console.print(table)
    _spent()


def _spent() -> None:
    """The running total, where a model was ever asked."""
    if not ledger_file().exists():
        return
    purse = Purse(_settings().budget, session_of(os.getpid()))
    total = purse.spent()
    purse.close()
    month = "" if total.problem else f"; this month {in_words(total.spent.month)}"
    console.print(f"[dim]{escape(total.sentence)}{month}[/]", highlight=False)


@trace.command()
@click.argument("name", default="last")
@click.option("--json", "as_json", is_flag=True, help="Print the trace as JSON, texts included.")
def show(name: str, as_json: bool) -> None:
    """One trace: its id, the beginning or the end of it, or `last`."""
    store = _store()
    found = _found(store, name)
    if as_json:
        texts = {item.digest: _text(store, item) for item in found.texts}
        click.echo(json.dumps({**to_json(found), "texts": texts}, indent=2))
        return
    console.print(f"[bold]{escape(found.goal.title)}[/]  {_coloured(found.outcome)}")
    if found.sentence:
        console.print(escape(found.sentence))
    console.print(f"[dim]{found.id} · {escape(found.root)} · {escape(summary(found))}[/]")
    for line in found.plan:
        console.print(f"plan: {escape(line)}")
    for item in found.told:
        console.print(f"told: {escape(item.sentence)}", highlight=False)
    for number, call in enumerate(found.calls, 1):
        cost = "price unknown" if call.cost_nano is None else dollars(call.cost_nano)
        served = f" (served by {call.served})" if call.served not in {"", call.asked} else ""
        first = "" if call.first_token_ms is None else f", first after {call.first_token_ms} ms"
        console.print(
            f"call {number}: {escape(call.asked + served)} with {escape(call.prompt)}:"
            f" {call.usage.prompt:,} tokens in, {call.usage.cached:,} cached,"
            f" {call.usage.thinking:,} thinking, {call.usage.output:,} out, {cost},"
            f" {call.elapsed_ms} ms{first}",
            highlight=False,
        )
        if call.sentence:
            console.print(f"  {escape(call.sentence)}")
    for number, tried in enumerate(found.tried, 1):
        _show_candidate(store, number, tried)
    for answer in found.answers:
        console.print(f"you: {escape(answer.said)} [dim]{escape(answer.at)}[/]")


def _show_candidate(store: TraceStore, number: int, tried: Tried) -> None:
    console.print(
        f"\n[bold]candidate {number}[/] by {escape(tried.proposer)}:"
        f" {escape(tried.title)}  {_coloured(tried.outcome)}"
    )
    if tried.sentence:
        console.print(escape(tried.sentence))
    for found in tried.evidence:
        console.print(
            f"  {_coloured(found.outcome.value)} {escape(found.check)}: {escape(found.detail)}",
            highlight=False,
        )
    if tried.diff is not None:
        console.print(_text(store, tried.diff), markup=False, highlight=False)


@trace.command()
@click.argument("name", default="last")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a page that needs nothing else.",
)  # fmt: skip
@click.option(
    "--as-case", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a case of an evaluation; it is added to those that are in the file.",
)  # fmt: skip
def export(name: str, html: Path | None, as_case: Path | None) -> None:
    """One trace as a page, or as a case for evals/. It holds your code; mind who gets it."""
    if (html is None) == (as_case is None):
        fail("say where to: --html FILE or --as-case FILE")
    store = _store()
    found = _found(store, name)
    if html is not None:
        _write(html, page(found, lambda item: _text(store, item)))
    if as_case is not None:
        _write(as_case, _with_case(found, store, as_case))
        console.print(f"replay it with: trueup eval blocking {as_case}", markup=False,
                      highlight=False)  # fmt: skip


def _write(file: Path, text: str) -> None:
    try:
        write_atomically(file, text.encode())
    except OSError as problem:
        fail(f"{file} cannot be written: {problem.strerror}")
    console.print(f"wrote {file}", markup=False, highlight=False)


def _with_case(found: Trace, store: TraceStore, file: Path) -> str:
    """The text of a file of cases with one more at its end."""
    # Here and not above: only this needs to know how a case is made and read.
    from trueup.evals import cases, from_trace  # noqa: PLC0415

    try:
        before = file.read_text("utf-8") if file.exists() else "# Cases from traces\n"
        known = {case.title for case in cases.cases_in(file)} if file.exists() else set()
        made = from_trace.case_of(found, store.text, file)
    except (TrueupError, CaseError) as problem:
        fail(str(problem))
    except (OSError, UnicodeDecodeError) as problem:
        fail(f"{file} cannot be read: {problem}")
    if made.title in known:
        made = replace(made, title=f"{made.title} ({found.id})")
    return f"{before.rstrip()}\n\n{cases.written(made)}"


@trace.command()
@click.option("--days", type=click.IntRange(0), help="Keep what is younger, whatever is set.")
@click.option("--all", "everything", is_flag=True, help="Keep nothing.")
def prune(days: int | None, everything: bool) -> None:
    """Remove old traces now: those that `traces.days` and `traces.bytes` do not let stay."""
    limits = _settings().traces
    if days is not None:
        limits = replace(limits, days=days)
    if everything:
        limits = replace(limits, bytes=0)
    removed = _store().prune(limits, young_seconds=0.0)
    console.print(
        f"removed {removed.traces} traces and {removed.texts} texts, {removed.bytes:,} bytes",
        highlight=False,
    )
    if removed.problem:
        fail(removed.problem)


@trace.command("drift")
def drift_() -> None:
    """Whether suggestions are getting worse, and since when; exits 1 when they are."""
    alarms = Watch(_store()).alarms()
    for alarm in alarms:
        console.print(f"[yellow]since {escape(alarm.since)}:[/] {escape(alarm.sentence)}")
        if alarm.before:
            console.print(f"  go back with: trueup prompts rollback {escape(alarm.goal)}")
    if alarms:
        sys.exit(1)
    console.print("nothing is getting worse, as far as the traces tell")


def _settings() -> settings_module.Settings:
    """The machine's: traces belong to the user, whatever project they are about."""
    try:
        return settings_module.load("/")
    except TrueupError as problem:
        fail(str(problem))


def _store() -> TraceStore:
    return TraceStore(_settings().traces)


def _found(store: TraceStore, name: str) -> Trace:
    whole = store.find(name)
    found = whole if isinstance(whole, Broken) else store.read(whole)
    if isinstance(found, Broken):
        fail(found.sentence)
    return found


def _text(store: TraceStore, named: Text) -> str:
    text = store.text(named)
    return f"({text.sentence})" if isinstance(text, Broken) else text


def _coloured(outcome: str) -> str:
    return f"[{COLOURS.get(outcome, 'cyan')}]{escape(outcome)}[/]"
