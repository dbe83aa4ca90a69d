"""What the documents name exists: scripts, commands, pictures, hooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from trueup.cli import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_number_is_printed_by_a_script() -> None:
    numbers = README.partition("## Numbers")[2].partition("\n## ")[0]
    names = set(re.findall(r"^\| `(\w+)` \|", numbers, re.MULTILINE))
    assert len(names) > 10
    assert {name for name in names if not (ROOT / f"bench/{name}.py").is_file()} == set()


def test_every_command_that_is_shown_exists() -> None:
    shown = set(re.findall(r"^\$ trueup ([a-z]+)", README, re.MULTILINE))
    assert len(shown) > 5
    assert shown <= {"serve", *COMMANDS}


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / path).is_file() for path in pictures)


@pytest.mark.parametrize(
    "hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()), ids=lambda it: it["id"]
)
def test_a_hook_runs_a_command_that_exists(hook: dict[str, str]) -> None:
    program, command, *_ = hook["entry"].split()
    assert program == "trueup"
    assert command in COMMANDS
