"""`trueup decisions search`: what the project has decided about a question or a place."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import click
from rich.text import Text

from trueup import ConfigurationError, settings, workspace
from trueup.commands.console import console, errors, fail
from trueup.memory.audience import Audience
from trueup.memory.code_base import CodeBase
from trueup.memory.decisions import Decisions
from trueup.memory.hidden import one_line
from trueup.memory.index import Index
from trueup.memory.lookup import FoundCode, find_code
from trueup.memory.places import load
from trueup.memory.scoping import Place
from trueup.memory.search import TOKENS, Answer, DecisionSearch
from trueup.memory.standing import standing_of
from trueup.memory.unsent import hidden_from


class Reader(StrEnum):
    """For whom a search may be asked on the command line."""

    PERSON = Audience.PERSON.value
    MODEL = Audience.MODEL.value
    TEAM = Audience.TEAM.value


@click.command("search")
@click.argument("question", default="")
@click.option("--path", default="", metavar="FILE", help="The file that it is about.")
@click.option("--symbol", default="", metavar="NAME", help="The name that it is about.")
@click.option("--goal", "goals", multiple=True, metavar="KIND", help="What is to be done there.")
@click.option("--budget", default=TOKENS, show_default=True, help="Tokens that it may take.")
@click.option("--for", "reader", default="person", show_default=True,
              type=click.Choice([item.value for item in Reader]),
              help="Who will read it: what others may not see is left out.")  # fmt: skip
@click.option("--code", is_flag=True, help="Functions and classes too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def search(
    question: str,
    path: str,
    symbol: str,
    goals: tuple[str, ...],
    budget: int,
    reader: str,
    code: bool,
    as_json: bool,
) -> None:
    """Decisions about QUESTION or a place, best first, and why each was found."""
    try:
        root = str(workspace.root_of(Path.cwd()))
    except FileNotFoundError:
        fail("the current folder does not exist any more")
    if not (question or path or symbol or goals):
        fail("a question, a --path, a --symbol or a --goal says what to search for")
    inside = workspace.relative(root, Path(path).absolute()) if path else ""
    if inside is None:
        fail(f"{path} lies outside the project")
    try:
        shown = settings.load(root).shown
    except ConfigurationError as problem:
        fail(str(problem))
    known, audience = load(root), Audience(reader)
    hidden = hidden_from(audience, root, shown)
    code_base = CodeBase(root, known.roots)
    place = Place(inside, symbol, frozenset(goals))
    searching = DecisionSearch(
        known, audience, hidden=hidden, standing=lambda item: standing_of(item, code_base)
    )
    answer = searching.ask(question, place, budget=budget)
    found = _code(root, question, place, hidden) if code else ()
    if as_json:
        click.echo(json.dumps(_as_json(known, answer, found), indent=2))
    else:
        _show(known, answer, found)


def _code(
    root: str, question: str, place: Place, hidden: Callable[[str], bool]
) -> tuple[FoundCode, ...]:
    with Index(root) as index:
        state = index.refresh(wait=True)
        if state.says:
            errors.print(state.says, markup=False, highlight=False, soft_wrap=True)
        return find_code(index, question, place, hidden=hidden, wait=True)


def _show(known: Decisions, answer: Answer, found: tuple[FoundCode, ...]) -> None:
    for item in answer.taken:
        name = one_line(known.short(item.decision))
        console.print(Text.assemble((name, "bold"), "  ", item.decision.title), soft_wrap=True)
        console.print(f"    {one_line(str(item.why))}", style="dim", markup=False,
                      highlight=False, soft_wrap=True)  # fmt: skip
    for code in found:
        row = code.row
        console.print(f"{row.path}:{row.line}  {row.qualified}", markup=False, highlight=False,
                      soft_wrap=True)  # fmt: skip
        console.print(f"    {'; '.join(code.why)}", style="dim", markup=False, highlight=False,
                      soft_wrap=True)  # fmt: skip
    if answer.crowded_out:
        left = len(answer.crowded_out)
        errors.print(f"{left} more did not fit into the budget", highlight=False)
    if not (answer.taken or answer.crowded_out or found):
        errors.print("nothing was found")


def _as_json(known: Decisions, answer: Answer, found: tuple[FoundCode, ...]) -> dict[str, object]:
    return {
        "decisions": [
            {
                "id": item.decision.id,
                "name": known.short(item.decision),
                "title": item.decision.title,
                "path": item.decision.path,
                "text": item.text,
                "tokens": item.tokens,
                "score": round(item.score, 6),
                "why": {
                    "words": list(item.why.words),
                    "scope": item.why.scope,
                    "doubts": list(item.why.doubts),
                },
            }
            for item in answer.taken
        ],
        "tokens": answer.tokens,
        "crowded_out": [item.id for item in answer.crowded_out],
        "code": [
            {
                "path": item.row.path,
                "line": item.row.line,
                "name": item.row.qualified,
                "kind": item.row.kind,
                "head": item.row.head,
                "why": list(item.why),
            }
            for item in found
        ],
    }
