"""`trueup fix`: one suggestion for a place, or all of Ruff's fixes that verify together."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

import click

from trueup import (
    InputError,
    TrueupError,
    linting,
    report,
    workspace,
)
from trueup import settings as settings_module
from trueup.commands.console import errors, fail
from trueup.commands.terminal import finish, machine, nothing, run, test_names
from trueup.engine import job, shown
from trueup.engine.messages import Start
from trueup.operations.tracestore import TraceStore
from trueup.propose.proposal import Failure
from trueup.snapshot import Snapshot, Span
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe, Ruling, Suggestion
from trueup.symbols import Outline
from trueup.undo import restoring
from trueup.undo.change import ChangedFile
from trueup.undo.journal import Journal

_PLACE: Final = re.compile(r"^(?P<path>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?$")


@click.command()
@click.argument("place", metavar="PATH[:LINE[:COL]]")
@click.option("--goal", "wish", metavar="TEXT", help="What to change, in words; asks the model.")
@click.option("--red", multiple=True, metavar="TEST", help="A failing test to turn green.")
@click.option("--all", "everything", is_flag=True, help="All of Ruff's fixes that verify together.")
@click.option("--show-prompt", is_flag=True, help="Show what a model would be sent; send nothing.")
@click.option("--apply", "write", is_flag=True, help="Write the change when it is verified.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--trust", "trusted", is_flag=True, help="Let the project's tests run, this once.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
def fix(
    place: str,
    wish: str | None,
    red: tuple[str, ...],
    everything: bool,
    show_prompt: bool,
    write: bool,
    as_json: bool,
    trusted: bool,
    interpreter: str | None,
) -> None:
    """One suggestion for a place: Ruff's fix of what it finds there, or what --goal says."""
    if problem := _contradiction(wish, red, everything=everything, shows=show_prompt, writes=write):
        fail(problem)
    try:
        root, goal = _goal(place, wish, everything=everything)
        if red:
            goal = replace(goal, kind=GoalKind.FIX, red=test_names(red))
        before = Snapshot.of(root, (workspace.read(root, goal.path),))
    except TrueupError as problem:
        fail(str(problem))
    start = Start(0, root, goal, settings=machine(interpreter))
    if show_prompt:
        _show_prompt(start, as_json=as_json)
    dropped: list[dict[str, object]] = []
    made: Suggestion | Failure
    if everything:
        made, dropped = _fix_all(start, before, trusted=trusted, as_json=as_json)
    else:
        made = run(lambda ports: job.run(start, ports), trusted=trusted, quiet=as_json)
    if isinstance(made, Suggestion):
        before = before.having(
            *(workspace.read(root, path) for path in made.candidate.paths if path != goal.path)
        )
    verified = isinstance(made, Suggestion) and made.verdict.outcome is Ruling.VERIFIED
    if write and verified and isinstance(made, Suggestion):
        _write(root, made, before)
        TraceStore(settings_module.load(root).traces).answer(made.trace, "applied")
    finish(made, before, as_json=as_json, **({"dropped": dropped} if everything else {}))


def _contradiction(
    wish: str | None, red: tuple[str, ...], *, everything: bool, shows: bool, writes: bool
) -> str:
    """What is wrong with these options together, or ""."""
    if wish is not None and everything:
        return "--goal and --all exclude each other"
    if wish is not None and not wish.strip():
        return "--goal needs words that say what to change"
    if shows and (everything or writes):
        return "--show-prompt shows what would be sent and does nothing else"
    if red and wish is None:
        return "--red needs --goal: what to change, in words"
    return ""


def _show_prompt(start: Start, *, as_json: bool) -> NoReturn:
    """Print the first request, its body alone with `as_json`."""
    made = run(lambda ports: shown.run(start, ports), trusted=False, quiet=True)
    if isinstance(made, Failure):
        fail(made.sentence)
    click.echo(made.request.json if as_json else made.text)
    sys.exit(0)


def _fix_all(
    start: Start, before: Snapshot, *, trusted: bool, as_json: bool
) -> tuple[Suggestion, list[dict[str, object]]]:
    """What verifies together, and what was left out."""
    made = run(lambda ports: job.fix_all(start, ports), trusted=trusted, quiet=as_json)
    if isinstance(made, Failure):
        fail(made.sentence)
    document = before.documents[start.goal.path]
    dropped: list[dict[str, object]] = [
        {
            "code": finding.diagnostic.code,
            "message": finding.diagnostic.message,
            "line": document.line_at(finding.diagnostic.span.start) + 1,
            "why": why,
        }
        for finding, why in made.dropped
    ]
    for item in dropped:
        errors.print(f"left out {item['code']} {item['message']}: {item['why']}", highlight=False)
    if made.suggestion is not None:
        return made.suggestion, dropped
    if not dropped:
        nothing("Ruff has nothing to fix here", as_json=as_json, dropped=[])
    sentence = "no fix of Ruff verifies here"
    if as_json:
        said = {"outcome": Ruling.UNPROVEN.value, "message": sentence, "dropped": dropped}
        click.echo(json.dumps(said, indent=2))
    else:
        errors.print(sentence, highlight=False)
    sys.exit(report.EXIT_CODES[Ruling.UNPROVEN])


def _goal(place: str, wish: str | None, *, everything: bool) -> tuple[str, Goal]:
    match = _PLACE.match(place)
    if match is None:
        raise InputError(f"{place} is not PATH[:LINE[:COL]]")
    file = Path(match["path"])
    root = str(workspace.root_of(file.absolute()))
    path = workspace.relative(root, file)
    if path is None or not file.is_file():
        raise InputError(f"{file} is not a file of this project")
    document = workspace.read(root, path)
    line = int(match["line"]) - 1 if match["line"] else None
    if line is not None and line < 0:
        raise InputError("lines are counted from 1")
    if line is not None and line >= document.line_count:
        raise InputError(f"{file} has {document.line_count} lines")
    whole = Span(0, len(document.text))
    if everything:
        return root, Goal(GoalKind.FIX, Recipe.RUFF_UNSAFE, path, whole)
    if wish is None:
        finding = _finding(root, path, line)
        return root, Goal(
            GoalKind.FIX, Recipe.FIX_DIAGNOSTIC, path, finding.span, diagnostic=finding
        )
    at = document.offset(line, int(match["column"] or 1) - 1) if line is not None else 0
    symbol = Outline(document.text).enclosing(Span(at, at)) if line is not None else None
    return root, Goal(
        GoalKind.REFACTOR,
        Recipe.INSTRUCT,
        path,
        symbol.span if symbol else whole,
        symbol=symbol.qualified if symbol else "",
        instruction=wish,
    )


def _finding(root: str, path: str, line: int | None) -> Diagnostic:
    """What Ruff finds on that line. Raises InputError where that is nothing or unclear."""
    document = workspace.read(root, path)
    answer = asyncio.run(linting.diagnostics(root, document))
    if isinstance(answer, linting.LintFailure):
        raise InputError(answer.sentence)
    found = [item.diagnostic for item in answer]
    here = [item for item in found if line is None or document.line_at(item.span.start) == line]
    if not here:
        raise InputError(f"Ruff finds nothing {'there' if line is not None else f'in {path}'}")
    if len(here) > 1 and line is None:
        places = ", ".join(f"{document.line_at(item.span.start) + 1} {item.code}" for item in here)
        raise InputError(f"name a line of {path} ({places}), or pass --all")
    return here[0]


def _write(root: str, suggestion: Suggestion, before: Snapshot) -> None:
    """Write what was verified, where the disk still holds what it was verified on."""
    after = before.edited(suggestion.candidate.edits, suggestion.candidate.deletes)
    for stamp in suggestion.ticket:
        if workspace.read(root, stamp.path).digest != stamp.base:
            fail(f"{stamp.path} changed in the meantime; nothing was written")
    files = tuple(
        ChangedFile(path, held.text, new.text if new is not None else None, held.encoding)
        for path in suggestion.candidate.paths
        if (held := before.get(path)) is not None
        for new in (after.get(path),)
    )
    try:
        made = restoring.make(Journal(), root, suggestion.candidate.title, files)
    except TrueupError as problem:
        fail(str(problem))
    if made.left:
        fail("; ".join(why for _, why in made.left))
