"""The terminal: what is printed where, and how a command ends that cannot do what was asked.

Exit codes: 0 good, 1 a finding, 2 usage or configuration error, 3 unproven.
"""

from __future__ import annotations

import json
import sys
from typing import Final, NoReturn

import click
from rich.console import Console

USAGE: Final = 2
CANCELLED: Final = 130

WIDE: Final = 10_000
"""Columns of what is not a terminal: whoever reads it breaks the lines."""

console = Console(width=None if sys.stdout.isatty() else WIDE)
errors = Console(stderr=True)


def fail(says: str) -> NoReturn:
    """One sentence on stderr, and as JSON on stdout where that was asked for."""
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("as_json"):
        click.echo(json.dumps({"outcome": "error", "message": says}))
    errors.print(f"[bold red]trueup:[/] {says}", highlight=False)
    sys.exit(USAGE)
