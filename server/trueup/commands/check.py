"""`trueup check`: what the editor says on every save, for a terminal, a hook and CI."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from trueup import TrueupError, formats, workspace
from trueup.architecture import baseline
from trueup.architecture.checker import CONFIGURATIONS, Architecture
from trueup.architecture.contracts import Problem, Severity
from trueup.architecture.findings import Finding
from trueup.commands.console import USAGE, console, errors, fail
from trueup.conformance import Conformance

FORMATS = ("text", "json", "sarif", "github")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@click.option(
    "--update-baseline", is_flag=True, help="Accept what is broken now, and forget what is not."
)
def check(paths: tuple[str, ...], form: str, watch: bool, update_baseline: bool) -> None:
    """Say what breaks the project's contracts and decisions.

    PATHS limit what is shown, never what is looked at.
    """
    root = workspace.root_of(Path(paths[0] if paths else ".").absolute())
    only = tuple(filter(None, (workspace.relative(str(root), Path(path)) for path in paths)))
    try:
        if update_baseline:
            count = baseline.write(root, Architecture(root).broken())
            errors.print(f"{baseline.NAME}: {formats.counted(count, 'violation')}")
            return
        code = _once(root, only, form)
        while watch:
            _wait_for_change(root)
            console.rule(style="dim")
            code = _once(root, only, form)
    except TrueupError as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        pass
    sys.exit(code)


def _once(root: Path, only: tuple[str, ...], form: str) -> int:
    judged = Conformance(root)
    everything, problems = judged.everything()
    findings = [found for found in everything if not only or _under(found, only)]
    say(console, form, findings, problems, judged.count)
    if any(problem.severity is Severity.ERROR for problem in problems):
        return USAGE
    return int(any(not found.known and found.severity is Severity.ERROR for found in findings))


def _under(found: Finding, only: tuple[str, ...]) -> bool:
    return any(path in {".", found.path} or found.path.startswith(f"{path}/") for path in only)


def say(
    out: Console,
    form: str,
    findings: Sequence[Finding],
    problems: Sequence[Problem],
    contracts: int,
) -> None:
    """Print findings in one of FORMATS. Only SARIF tells of what the baseline has."""
    new = [found for found in findings if not found.known]
    match form:
        case "json":
            click.echo(formats.as_json(new, problems))
        case "sarif":
            click.echo(formats.as_sarif(findings, problems))
        case "github":
            if text := formats.as_github(new, problems):
                click.echo(text)
        case _:
            formats.show(out, findings, problems, contracts)


def _wait_for_change(root: Path) -> None:
    from watchfiles import watch  # noqa: PLC0415

    def counts(_: object, path: str) -> bool:
        return path.endswith((".py", ".md")) or Path(path).name in CONFIGURATIONS

    for _ in watch(root, watch_filter=counts, raise_interrupt=True):
        return
