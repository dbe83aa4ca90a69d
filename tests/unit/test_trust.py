"""Trust is bound to what would run, and kept where a repository cannot reach it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trueup import ConfigurationError, settings, trust


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for path, text in {
        ".venv/bin/python": "",
        ".venv/pyvenv.cfg": "home = /usr/bin\n",
        "conftest.py": "x = 1\n",
        "pyproject.toml": '[project]\nname = "a"\n[tool.pytest.ini_options]\naddopts = "-q"\n',
        "src/shop.py": "x = 1\n",
        "tests/test_shop.py": "def test_x(): ...\n",
    }.items():
        put(folder, path, text)
    return folder


def put(root: Path, path: str, text: str) -> None:
    file = Path(root, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


LIBRARY = ".venv/lib/python3.11/site-packages"


def plan(root: Path) -> trust.Plan:
    return trust.plan(str(root), root / ".venv/bin/python")


def relinked(root: Path) -> None:
    Path(root, ".venv/bin/python").unlink()
    put(root, "elsewhere/python", "")
    Path(root, ".venv/bin/python").symlink_to(root / "elsewhere/python")


def moved_conftest(root: Path) -> None:
    Path(root, "conftest.py").rename(root / "tests/conftest.py")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a conftest says something else": lambda root: put(root, "conftest.py", "x = 2\n"),
    "a conftest is new": lambda root: put(root, "tests/deep/conftest.py", ""),
    "a conftest moves": moved_conftest,
    "pytest is configured otherwise": lambda root: put(
        root, "pyproject.toml", '[tool.pytest.ini_options]\naddopts = "-p evil"\n'
    ),
    "a pytest.ini is new": lambda root: put(root, "pytest.ini", "[pytest]\n"),
    "a plugin is named": lambda root: put(
        root, "pyproject.toml",
        '[project.entry-points.pytest11]\na = "b"\n[tool.pytest.ini_options]\naddopts = "-q"\n',
    ),
    "coverage gets a plugin": lambda root: put(
        root, "pyproject.toml",
        '[tool.coverage.run]\nplugins = ["a"]\n[tool.pytest.ini_options]\naddopts = "-q"\n',
    ),
    "a start-up hook is new": lambda root: put(root, "src/sitecustomize.py", ""),
    "the environment is another": lambda root: put(root, ".venv/pyvenv.cfg", "home = /opt\n"),
    "the interpreter is another": relinked,
    "the interpreter says something else": lambda root: put(root, ".venv/bin/python", "#!/bin/sh"),
    "a .pth file runs code": lambda root: put(root, f"{LIBRARY}/evil.pth", "import evil\n"),
    "the environment starts with code": lambda root: put(root, f"{LIBRARY}/sitecustomize.py", ""),
    "a plugin of pytest is installed": lambda root: put(
        root, f"{LIBRARY}/evil-1.dist-info/entry_points.txt", "[pytest11]\nevil = evil.plugin\n"
    ),
    "mypy gets a plugin": lambda root: put(root, "mypy.ini", "[mypy]\nplugins = evil.py\n"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_trust_ends_where_what_runs_changes(change: Callable[[Path], object], root: Path) -> None:
    trust.remember(plan(root))
    assert trust.is_trusted(plan(root))
    change(root)
    assert not trust.is_trusted(plan(root))


UNRELATED: dict[str, tuple[str, str]] = {
    "the code": ("src/shop.py", "x = 2\n"),
    "a test": ("tests/test_shop.py", "def test_y(): ...\n"),
    "another table": (
        "pyproject.toml",
        '[project]\nname = "b"\n[tool.ruff]\n[tool.pytest.ini_options]\naddopts = "-q"\n',
    ),
    "a new module": ("src/new.py", ""),
    "a package": (f"{LIBRARY}/new/__init__.py", ""),
    "a path of the environment": (f"{LIBRARY}/paths.pth", "../somewhere\n"),
    "a command of a package": (
        f"{LIBRARY}/new-1.dist-info/entry_points.txt",
        "[console_scripts]\na = b\n",
    ),
}


@pytest.mark.parametrize(("path", "text"), UNRELATED.values(), ids=UNRELATED)
def test_trust_outlives_everything_else(path: str, text: str, root: Path) -> None:
    trust.remember(plan(root))
    put(root, path, text)
    assert trust.is_trusted(plan(root))


def test_another_interpreter_is_another_question(root: Path) -> None:
    trust.remember(plan(root))
    put(root, "other/bin/python", "")
    assert not trust.is_trusted(trust.plan(str(root), root / "other/bin/python"))


@pytest.mark.parametrize("stored", [b"", b"{", b"[]", b"\xff", b'{"a": 1}', b"null"])
def test_a_record_that_cannot_be_read_is_no_permission(stored: bytes, root: Path) -> None:
    trust.remember(plan(root))
    Path(settings.state_folder(), "trust.json").write_bytes(stored)
    assert not trust.is_trusted(plan(root))
    trust.remember(plan(root))
    assert trust.is_trusted(plan(root))


def test_the_record_is_not_in_the_repository(root: Path) -> None:
    before = sorted(root.rglob("*"))
    trust.remember(plan(root))
    assert sorted(root.rglob("*")) == before
    assert (settings.state_folder() / "trust.json").stat().st_mode & 0o777 == 0o600


def test_revoking(root: Path, tmp_path: Path) -> None:
    assert not trust.revoke(str(root))
    trust.remember(plan(root))
    link = tmp_path / "link"
    link.symlink_to(root)
    assert trust.revoke(str(link))
    assert not trust.is_trusted(plan(root))


def test_a_record_that_cannot_be_written_is_said(root: Path, tmp_path: Path) -> None:
    put(tmp_path, ".xdg/state", "a file where a folder should be")
    with pytest.raises(ConfigurationError, match="the answer cannot be kept"):
        trust.remember(plan(root))


def test_the_words_name_what_would_run(root: Path) -> None:
    words = plan(root).words("namespaces")
    for named in (str(root), str(root / ".venv/bin/python"), "1 test files", "conftest.py",
                  "pyproject.toml", "Isolation: namespaces."):  # fmt: skip
        assert named in words


def test_the_words_say_what_runs_by_itself(root: Path) -> None:
    put(root, f"{LIBRARY}/evil.pth", "import evil\n")
    put(root, f"{LIBRARY}/evil-1.dist-info/entry_points.txt", "[pytest11]\nspy = evil.plugin\n")
    words = plan(root).words()
    assert "which lies in this folder" in words
    assert "pytest and its plugins (spy)" in words
    assert "after what runs at every start: evil.pth" in words


def test_the_words_say_what_changed(root: Path) -> None:
    assert "Since you agreed" not in plan(root).words()
    trust.remember(plan(root))
    put(root, "conftest.py", "x = 2\n")
    put(root, "pytest.ini", "[pytest]\n")
    assert plan(root).changed == ("conftest.py", "pytest.ini")
    assert "Since you agreed, this changed: conftest.py, pytest.ini." in plan(root).words()
    trust.remember(plan(root))
    assert plan(root).changed == ()


def test_the_words_are_words(root: Path) -> None:
    put(root, "](command:evil)\x1b[2J\u202e/conftest.py", "")
    words = plan(root).words()
    assert "](" not in words
    assert words.isprintable()


def test_a_folder_with_a_name_that_is_no_text(root: Path) -> None:
    folder = root / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "conftest.py").write_text("x = 1\n")
    first = plan(root)
    (folder / "conftest.py").write_text("x = 2\n")
    assert plan(root).digest != first.digest
