"""The commands for people, hooks and CI: which there are."""

from __future__ import annotations

import click

from trueup import __version__
from trueup.commands.about import demo, doctor, evaluation, trust
from trueup.commands.decisions import decisions
from trueup.commands.fix import fix
from trueup.commands.index import index
from trueup.commands.searching import search
from trueup.commands.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trueup")
def cli() -> None:
    """Refactors and fixes for Python that arrive with a verdict."""


@cli.command()
@click.option("--stdio", is_flag=True, help="Speak on stdin and stdout (the default).")
def serve(stdio: bool) -> None:  # noqa: ARG001 - accepted because editors pass it
    """Run the language server."""
    from trueup import boot  # noqa: PLC0415

    boot.main()


decisions.add_command(search)
for command in (verify, fix, decisions, index, trust, doctor, evaluation, demo):
    cli.add_command(command)


def main() -> None:
    cli()
