"""What the documents name exists: scripts, commands, pictures, hooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from trueup.cli import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("docs/editors/*.md")),
)
TEXT = {page: page.read_text("utf-8") for page in PAGES}
MEASURED = TEXT[ROOT / "docs" / "measured.md"]


def test_every_number_is_printed_by_a_script() -> None:
    names = set(re.findall(r"^\| `(\w+)` \|", MEASURED, re.MULTILINE))
    assert len(names) > 10
    assert {name for name in names if not (ROOT / f"bench/{name}.py").is_file()} == set()


def test_every_command_that_is_shown_exists() -> None:
    shown = {
        name
        for text in TEXT.values()
        for name in re.findall(r"^\$ trueup ([a-z]+)", text, re.MULTILINE)
    }
    assert len(shown) > 5
    assert shown <= {"serve", *COMMANDS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT[page])
    missing = {path for path in links if not (page.parent / path).exists()}
    assert missing == set()


def test_the_pictures_of_the_readme_are_there() -> None:
    assert len(re.findall(r"!\[[^\]]+\]\(docs/[^)]+\)", TEXT[ROOT / "README.md"])) >= 4


@pytest.mark.parametrize(
    "hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()), ids=lambda it: it["id"]
)
def test_a_hook_runs_a_command_that_exists(hook: dict[str, str]) -> None:
    program, command, *_ = hook["entry"].split()
    assert program == "trueup"
    assert command in COMMANDS
