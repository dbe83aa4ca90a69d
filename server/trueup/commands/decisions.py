"""`trueup decisions`: what the project has decided, kept in git and held against its code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from trueup import InputError, TrueupError, settings, workspace
from trueup.architecture.contracts import Severity
from trueup.commands.console import console, errors, fail
from trueup.commands.decision_report import (
    STATUS_STYLES,
    complain,
    decision_json,
    report_json,
    show_report,
)
from trueup.commands.searching import search
from trueup.memory import evidence, journal, lifecycle
from trueup.memory import export as exporting
from trueup.memory.audience import Audience
from trueup.memory.consistency import kind_of
from trueup.memory.decisions import Decision, Decisions, Scope, Status, Weight
from trueup.memory.hidden import one_line, shown
from trueup.memory.places import load
from trueup.memory.project import check
from trueup.memory.staleness import staleness
from trueup.memory.unsent import hidden_from


def _words(choices: type[StrEnum]) -> click.Choice[str]:
    """The values, where click would offer the names."""
    return click.Choice([item.value for item in choices])


@click.group()
def decisions() -> None:
    """What the project has decided: list, record, accept, and hold the code to it."""


decisions.add_command(search)


def _root() -> str:
    try:
        return str(workspace.root_of(Path.cwd()))
    except FileNotFoundError:
        fail("the current folder does not exist any more")


@decisions.command("list")
@click.option("--status", type=_words(Status), help="Only those with this status.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_(status: str | None, as_json: bool) -> None:
    """Every decision, and every page of instructions that is read as advice."""
    root = _root()
    known = load(root)
    stale = staleness(root, known)
    wanted = [item for item in known if status is None or item.status == status]
    if as_json:
        click.echo(json.dumps([decision_json(known, item) for item in wanted], indent=2))
        return
    complain(tuple(item for item in known.problems if item.severity is Severity.ERROR))
    if not wanted:
        errors.print("no decisions yet; `trueup decisions add TITLE` records one")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("decision", "status", "severity", "rules", "title"):
        table.add_column(name, overflow="fold")
    for item in wanted:
        table.add_row(
            one_line(known.short(item)),
            Text(item.status, STATUS_STYLES.get(item.status, "dim")),
            item.severity,
            ", ".join(dict.fromkeys(kind_of(rule) for rule in item.rules)),
            Text(item.title),
        )
    console.print(table)
    shown_now = {item.id for item in wanted}
    complain(tuple(item.problem for item in stale if item.decision.id in shown_now))


@decisions.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(name: str, as_json: bool) -> None:
    """One decision, by number, id or path."""
    known, item = _named(name)
    if as_json:
        click.echo(json.dumps(decision_json(known, item) | {"body": item.body}, indent=2))
        return
    complain(tuple(problem for problem in known.problems if problem.source.path == item.path))
    console.print(Text(item.title, "bold"))
    console.print(f"{item.status} · {item.severity} · {item.id}", style="dim", markup=False)
    console.print(item.path, style="dim", markup=False)
    for what in ("paths", "symbols", "goals"):
        if said := getattr(item.scope, what):
            console.print(f"{what}: {one_line(', '.join(said))}", markup=False)
    console.print()
    console.print(shown(item.body.strip()), markup=False, highlight=False)


@decisions.command()
@click.argument("title")
@click.option("--body", default="", help="Why, what else was considered, and what follows.")
@click.option("--severity", type=_words(Weight), default="advice", show_default=True)
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Files that it is about.")
@click.option("--symbol", "symbols", multiple=True, metavar="NAME", help="Names it is about.")
@click.option("--goal", "goals", multiple=True, metavar="KIND", help="Kinds of goal it is about.")
@click.option("--rule", "rules", multiple=True, metavar="FILE", help="A rule, as in a rule block;"
              " - reads it from stdin.")  # fmt: skip
@click.option("--supersedes", multiple=True, metavar="NAME", help="A decision that it replaces.")
@click.option("--accepted", is_flag=True, help="It is accepted already.")
@click.option("--json", "as_json", is_flag=True, help="Print the new decision as JSON.")
def add(
    title: str,
    body: str,
    severity: str,
    paths: tuple[str, ...],
    symbols: tuple[str, ...],
    goals: tuple[str, ...],
    rules: tuple[str, ...],
    supersedes: tuple[str, ...],
    accepted: bool,
    as_json: bool,
) -> None:
    """Record a decision: proposed, until somebody accepts it."""
    root = _root()
    try:
        known = load(root)
        replaced = tuple(lifecycle.clear(known, name) for name in supersedes)
        draft = lifecycle.Draft(
            title=title,
            body=body,
            severity=Weight(severity),
            scope=Scope(paths, symbols, goals),
            rules=tuple(_rule_text(file) for file in rules),
            supersedes=tuple(item.id for item in replaced),
        )
        path = lifecycle.add(root, draft)
        known = load(root)
        if accepted:
            evidence.accept(root, lifecycle.clear(known, path))
        else:
            evidence.pin(root, lifecycle.clear(known, path))
        known = load(root)
        for old in replaced if accepted else ():
            lifecycle.supersede(root, old, lifecycle.clear(known, path))
            known = load(root)
    except TrueupError as problem:
        fail(str(problem))
    made = lifecycle.clear(known, path)
    if as_json:
        click.echo(json.dumps(decision_json(known, made), indent=2))
    else:
        console.print(f"{made.status}: {path}", markup=False, highlight=False)
    wrong = tuple(problem for problem in known.problems if problem.source.path == path)
    complain(wrong)
    sys.exit(2 if any(problem.severity is Severity.ERROR for problem in wrong) else 0)


def _rule_text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{file} cannot be read as a rule") from None


@decisions.command()
@click.argument("name")
def accept(name: str) -> None:
    """Make a decision accepted: from now on its rules are enforced."""
    known, _ = _named(name)
    _change(name, lambda root, item: evidence.put_in_force(root, known, item), known)


@decisions.command()
@click.argument("name")
def retire(name: str) -> None:
    """Make a decision retired: nobody is held to it any more."""
    _change(name, lifecycle.retire)


@decisions.command()
@click.argument("name")
def review(name: str) -> None:
    """Write that a decision needs a review: its rules only warn until it is accepted again."""
    _change(name, evidence.review)


@decisions.command()
@click.argument("name")
def refresh(name: str) -> None:
    """Take the code that a decision rests on as it is now."""
    _change(name, evidence.refresh)


@decisions.command()
@click.argument("name")
def follow(name: str) -> None:
    """Write the new names of what a decision is about and what moved."""
    known, item = _named(name)
    try:
        moves = evidence.follow(_root(), known, item)
    except TrueupError as problem:
        fail(str(problem))
    for move in moves:
        old, new = map(one_line, move.names)
        console.print(f"{item.path}: {old} is {new}", markup=False, highlight=False)


@decisions.command()
@click.argument("old")
@click.argument("new")
def supersede(old: str, new: str) -> None:
    """Make the decision OLD superseded by the decision NEW."""
    known, newer = _named(new)
    _change(old, lambda root, item: lifecycle.supersede(root, item, newer), known)


def _change(
    name: str, change: Callable[[str, Decision], None], known: Decisions | None = None
) -> None:
    root = _root()
    try:
        item = lifecycle.clear(known or load(root), name)
        change(root, item)
        now = lifecycle.clear(load(root), item.path)
    except TrueupError as problem:
        fail(str(problem))
    console.print(f"{now.status}: {now.path}", markup=False, highlight=False)


def _named(name: str) -> tuple[Decisions, Decision]:
    try:
        known = load(_root())
        return known, lifecycle.clear(known, name)
    except TrueupError as problem:
        fail(str(problem))


@decisions.command("check")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check_(paths: tuple[str, ...], as_json: bool) -> None:
    """Hold the project (or PATHS) to its decisions, and the decisions to their examples."""
    root = _root()
    try:
        known = load(root)
        found = check(root, known, _files(root, paths))
    except TrueupError as problem:
        fail(str(problem))
    if as_json:
        click.echo(json.dumps(report_json(known, found), indent=2))
    else:
        show_report(known, found)
    sys.exit(2 if found.is_broken else int(found.breaks_a_veto))


def _files(root: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        return workspace.python_files(root)
    wanted = []
    for path in paths:
        inside = workspace.relative(root, Path(path).absolute())
        if inside is None:
            raise InputError(f"{path} lies outside the project")
        wanted.append(inside)
    return tuple(
        file
        for file in dict.fromkeys((*workspace.python_files(root), *wanted))
        if any(item in {file, "."} or file.startswith(f"{item}/") for item in wanted)
        and not Path(root, file).is_dir()
    )


@decisions.command("export")
@click.option("--to", "targets", multiple=True, type=_words(exporting.Target),
              help="Which assistants; all that have a file here, or else agents.")  # fmt: skip
@click.option("--check", "only_check", is_flag=True, help="Write nothing; say whether it is due.")
def export(targets: tuple[str, ...], only_check: bool) -> None:
    """Write accepted decisions to AGENTS.md, CLAUDE.md or .cursor/rules, for other assistants."""
    root = _root()
    try:
        known = load(root)
        hidden = hidden_from(Audience.TEAM, root, settings.load(root).shown)
        pages: list[exporting.Page] = []
        for target in _targets(root, targets):
            # One after the other: CLAUDE.md may be a link to AGENTS.md.
            due = exporting.pages(root, known, target, hidden)
            for page in () if only_check else due:
                exporting.write(root, page)
            pages += due
    except TrueupError as problem:
        fail(str(problem))
    for page in pages:
        verb = "removed" if page.text is None else "written"
        said = f"not up to date: {page.path}" if only_check else f"{verb}: {page.path}"
        console.print(said, markup=False, highlight=False)
    if not pages:
        console.print("everything is up to date")
    sys.exit(1 if only_check and pages else 0)


def _targets(root: str, asked: tuple[str, ...]) -> tuple[exporting.Target, ...]:
    if asked:
        return tuple(exporting.Target(name) for name in asked)
    found = [target for target, path in exporting.PAGES.items() if Path(root, path).is_file()]
    if Path(root, exporting.CURSOR_FOLDER).is_dir():
        found.append(exporting.Target.CURSOR)
    return tuple(found) or (exporting.Target.AGENTS,)


@decisions.group(invoke_without_command=True)
@click.pass_context
def feedback(context: click.Context) -> None:
    """Suggestions that were rejected, and that are not made again."""
    if context.invoked_subcommand is None:
        context.invoke(rejections)


@feedback.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def rejections(as_json: bool) -> None:
    """Every rejection that nobody has taken back."""
    kept = journal.read(_root())
    for problem in kept.problems:
        said = f"{problem.source.path}:{problem.source.line}: {problem.message}"
        errors.print(one_line(said), markup=False, highlight=False)
    if as_json:
        click.echo(json.dumps([asdict(item) for item in kept.rejections], indent=2))
        return
    if not kept.rejections:
        errors.print("nothing was rejected")
    for item in kept.rejections:
        said = f"{item.id} {item.date} {item.reason or '-'}: {item.kind} {item.symbol}"
        console.print(one_line(said), markup=False, highlight=False)


@feedback.command()
@click.argument("name", metavar="ID")
def undo(name: str) -> None:
    """Take a rejection back: the suggestion may be made again."""
    try:
        undone = journal.undo(_root(), name)
    except TrueupError as problem:
        fail(str(problem))
    console.print(f"undone: {undone.id}", markup=False, highlight=False)
