"""The commands for people, hooks and CI: which there are.

A command is imported when it is asked for: `trueup check` in a hook must not wait for what only
`trueup fix` needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from trueup import __version__

COMMANDS: Final = {
    "check": "check:check",
    "verify": "verify:verify",
    "fix": "fix:fix",
    "undo": "undo:undo",
    "init": "init:init",
    "graph": "graph:graph",
    "decisions": "decisions:decisions",
    "index": "index:index",
    "trust": "about:trust",
    "prompts": "prompts:prompts",
    "review": "review:review",
    "trace": "trace:trace",
    "doctor": "about:doctor",
    "eval": "evals:evaluation",
    "demo": "about:demo",
}
"""Where each command is: its module in `trueup.commands`, and its name there."""


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        return ["serve", *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(f"trueup.commands.{module}"), name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is no command")
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trueup")
def cli() -> None:
    """Refactors and fixes for Python that arrive with a verdict."""


@cli.command()
@click.option("--stdio", is_flag=True, help="Speak on stdin and stdout (the default).")
def serve(stdio: bool) -> None:  # noqa: ARG001 - accepted because editors pass it
    """Run the language server."""
    from trueup import boot  # noqa: PLC0415

    boot.main()


def main() -> None:
    cli()
