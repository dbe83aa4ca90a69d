"""`trueup verify`: the verdict on a change that somebody else made."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trueup import (
    InputError,
    TrueupError,
    workspace,
)
from trueup.commands.console import fail
from trueup.commands.terminal import finish, keep_tests, machine, nothing, run, test_names
from trueup.engine import job
from trueup.engine.messages import OpenDocument, Start
from trueup.propose import patch
from trueup.snapshot import Snapshot, Span
from trueup.suggestion import Goal, GoalKind, Recipe, Suggestion


@click.command()
@click.option("--diff", "diff", metavar="FILE", help="A unified diff; - reads it from stdin.")
@click.option("--staged", is_flag=True, help="Judge what the next commit would change.")
@click.option("--base", default="HEAD", show_default=True, help="Judge all that differs from it.")
@click.option("--kind", type=click.Choice([item.value for item in GoalKind]), default="refactor",
              show_default=True, help="What the change claims to be.")  # fmt: skip
@click.option(
    "--red", multiple=True, metavar="TEST", help="A failing test that it is to turn green."
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--trust", "trusted", is_flag=True, help="Let the project's tests run, this once.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
@click.option("--pin", is_flag=True, help="Where it is unproven, test what the code does today.")
@click.option("--keep", is_flag=True, help="Keep that test: write it to the project.")
def verify(
    diff: str | None,
    staged: bool,
    base: str,
    kind: str,
    red: tuple[str, ...],
    as_json: bool,
    trusted: bool,
    interpreter: str | None,
    pin: bool,
    keep: bool,
) -> None:
    """Judge a change, whoever made it: a diff, what is staged, or the working tree."""
    root = str(workspace.root_of(_here()))
    if diff is not None and staged:
        fail("--diff and --staged exclude each other")
    try:
        change = _change(root, diff, base, staged=staged)
    except patch.NothingToJudgeError as problem:
        nothing(str(problem), as_json=as_json)
    except TrueupError as problem:
        fail(str(problem))
    goal = Goal(
        GoalKind.FIX if red else GoalKind(kind),
        Recipe.PATCH,
        change.candidate.paths[0],
        Span(0, 0),
        red=test_names(red),
    )
    documents = tuple(OpenDocument(item.path, item.text) for item in change.before)
    start = Start(
        0,
        root,
        goal,
        documents,
        change.candidate,
        machine(interpreter),
        change.absent,
        pin=pin or keep,
    )
    made = run(lambda ports: job.run(start, ports), trusted=trusted, quiet=as_json)
    if keep and isinstance(made, Suggestion):
        keep_tests(root, made.pinned)
    finish(made, Snapshot.of(root, change.before), as_json=as_json)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        fail("the current folder does not exist any more")


def _change(root: str, diff: str | None, base: str, *, staged: bool) -> patch.Change:
    if diff is None:
        return patch.staged(root) if staged else patch.working_tree(root, base)
    try:
        raw = sys.stdin.buffer.read() if diff == "-" else Path(diff).read_bytes()
    except OSError as problem:
        raise InputError(f"{diff} cannot be read: {problem.strerror}") from None
    return patch.from_diff(root, raw.decode("utf-8", "surrogateescape"))
