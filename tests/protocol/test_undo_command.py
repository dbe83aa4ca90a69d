"""`trueup undo`: what was changed here, and taking it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trueup.cli import cli
from trueup.undo import restoring
from trueup.undo.change import ChangedFile, State
from trueup.undo.journal import Journal

FIRST = (ChangedFile("a.py", "a = 1\n", "a = 2\n"), ChangedFile("b.py", "b = 1\n", "b = 2\n"))
SECOND = (ChangedFile("a.py", "a = 2\n", "a = 3\n"), ChangedFile("new.py", None, "new = 1\n"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "a.py").write_text("a = 1\n")
    (folder / "b.py").write_text("b = 1\n")
    for title, files in (("First", FIRST), ("Second", SECOND)):
        assert not restoring.make(Journal(), str(folder), title, files).left
    return folder


def undo(root: Path, *given: str) -> Result:
    return CliRunner().invoke(cli, ["undo", "--root", str(root), *given])


def texts(root: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in root.glob("*.py")}


def test_the_last_change_is_undone_and_then_the_one_before(root: Path) -> None:
    assert undo(root).exit_code == 0
    assert texts(root) == {"a.py": "a = 2\n", "b.py": "b = 2\n"}
    assert undo(root).exit_code == 0
    assert texts(root) == {"a.py": "a = 1\n", "b.py": "b = 1\n"}
    assert undo(root).exit_code == 2


def test_the_changes_are_listed_the_last_first(root: Path) -> None:
    rows = json.loads(undo(root, "--list", "--json").stdout)
    assert [(row["title"], row["state"], row["paths"]) for row in rows] == [
        ("Second", "applied", ["a.py", "new.py"]),
        ("First", "applied", ["a.py", "b.py"]),
    ]
    assert texts(root)["a.py"] == "a = 3\n"
    shown = undo(root, "--list").stdout.splitlines()
    assert [line.split()[3:] for line in shown] == [
        ["applied", "Second", "a.py,", "new.py"],
        ["applied", "First", "a.py,", "b.py"],
    ]


def test_what_changed_since_is_left(root: Path) -> None:
    (root / "a.py").write_text("my own\n")
    before = texts(root)
    assert undo(root).exit_code == 2
    assert texts(root) == before
    others = undo(root, "--others", "--json")
    assert others.exit_code == 1
    assert json.loads(others.stdout) == {
        "change": 2,
        "undone": ["new.py"],
        "left": [{"path": "a.py", "why": "a.py was changed since"}],
    }
    assert texts(root) == {"a.py": "my own\n", "b.py": "b = 2\n"}
    assert Journal().changes(str(root))[0].state is State.PARTIAL


def test_a_change_is_undone_by_its_number(root: Path) -> None:
    assert undo(root, "7").exit_code == 2
    assert undo(root, "1").exit_code == 2
    (root / "a.py").write_text("a = 2\n")
    assert undo(root, "1").exit_code == 0
    assert texts(root) == {"a.py": "a = 1\n", "b.py": "b = 1\n", "new.py": "new = 1\n"}
