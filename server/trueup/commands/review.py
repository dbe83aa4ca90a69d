"""`trueup review`: what a model finds wrong with the changed code of a file, and what proves it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import click
from rich.markup import escape
from rich.syntax import Syntax

from trueup import InputError, TrueupError, workspace
from trueup.commands.console import console, errors, fail
from trueup.commands.terminal import keep_tests, machine, run
from trueup.engine import review as reviewing
from trueup.engine.findings import Finding
from trueup.engine.messages import Review, Reviewed
from trueup.propose import patch
from trueup.propose.proposal import Failure
from trueup.snapshot import Document

EXIT_CODES: Final = {"good": 0, "defect": 1, "guess": 3}


@click.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.option("--base", metavar="REV", help="Review what differs from it; HEAD unless given.")
@click.option("--keep", is_flag=True, help="Write the failing tests to the project.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--trust", "trusted", is_flag=True, help="Let the project's tests run, this once.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
def review(
    path: str, base: str | None, keep: bool, as_json: bool, trusted: bool, interpreter: str | None
) -> None:
    """Ask the model what is wrong with the changed code of a file.

    A defect comes with a test that fails on the code as it is; the rest are guesses. Exits 1 for a
    defect, 3 for guesses alone.
    """
    try:
        root, inside, since = _wanted(Path(path), base)
        document = workspace.read(root, inside)
    except TrueupError as problem:
        fail(str(problem))
    wanted = Review(0, root, inside, since=since, settings=machine(interpreter))
    made = run(lambda ports: reviewing.run(wanted, ports), trusted=trusted, quiet=as_json)
    if isinstance(made, Failure):
        fail(made.sentence)
    if keep:
        keep_tests(root, tuple(found.proof.test for found in made.findings if found.proof))
    if as_json:
        click.echo(json.dumps(_json(made, document), indent=2))
    else:
        _show(made, document)
    sys.exit(EXIT_CODES[_outcome(made.findings)])


def _wanted(file: Path, base: str | None) -> tuple[str, str, str | None]:
    root = str(workspace.root_of(file.absolute()))
    inside = workspace.relative(root, file)
    if inside is None or file.suffix not in {".py", ".pyi"}:
        raise InputError(f"{file} is not a Python file of this project")
    if base is None:
        return root, inside, None
    was = patch.at_revision(root, base, inside)
    return root, inside, was.text if was is not None else ""


def _outcome(found: tuple[Finding, ...]) -> str:
    if any(finding.proof for finding in found):
        return "defect"
    return "guess" if found else "good"


def _json(made: Reviewed, document: Document) -> dict[str, object]:
    return {
        "outcome": _outcome(made.findings),
        "message": made.says,
        "trace": made.trace,
        "findings": [
            {
                "path": found.path,
                "line": document.line_at(found.span.start) + 1,
                "symbol": found.symbol,
                "message": found.message,
                "explanation": found.explanation,
                "proven": found.proof is not None,
                "unproven": found.unproven,
                "detail": found.proof.detail if found.proof else "",
                "tests": list(found.proof.names) if found.proof else [],
                "test": (
                    {"path": found.proof.test.path, "text": found.proof.test.text}
                    if found.proof
                    else None
                ),
            }
            for found in made.findings
        ],
    }


def _show(made: Reviewed, document: Document) -> None:
    for found in made.findings:
        line = document.line_at(found.span.start) + 1
        mark = "[bold red]defect[/]" if found.proof else "[yellow]guess[/]"
        place = f"{found.path}:{line}"
        console.print(f"{mark} {escape(place)} {escape(found.message)}", highlight=False)
        if found.explanation:
            console.print(f"  {escape(found.explanation)}", highlight=False)
        if found.proof is None:
            console.print(f"  unproven: {escape(found.unproven)}", highlight=False)
            continue
        console.print(f"  {escape(found.proof.names[0])}: {escape(found.proof.detail)}",
                      highlight=False)  # fmt: skip
        console.print(Syntax(found.proof.test.text, "python", theme="ansi_dark", word_wrap=True))
    errors.print(escape(made.says), highlight=False)
