"""Which files pytest would collect, from the project's own configuration.

Reads pytest's settings the way pytest finds them; runs nothing. `collect_ignore` in a conftest is
code, and therefore not seen.
"""

from __future__ import annotations

import configparser
import fnmatch
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

DEFAULT_PATTERNS: Final = ("test_*.py", "*_test.py")
SOURCES: Final = (
    ("pytest.toml", ("pytest",)),
    (".pytest.toml", ("pytest",)),
    ("pytest.ini", ("pytest",)),
    (".pytest.ini", ("pytest",)),
    ("pyproject.toml", ("tool.pytest", "tool.pytest.ini_options")),
    ("tox.ini", ("pytest",)),
    ("setup.cfg", ("tool:pytest",)),
)
"""Files and their sections, in pytest's own order; the first that has one decides alone."""


@dataclass(frozen=True, slots=True)
class Suite:
    """pytest's settings about files: patterns of test files, where to look, where not to."""

    patterns: tuple[str, ...] = DEFAULT_PATTERNS
    testpaths: tuple[str, ...] = ()
    norecurse: tuple[str, ...] = ()
    pythonpath: tuple[str, ...] = ()
    doctest_modules: bool = False
    """Whether the examples in the docstrings of any module are tests."""
    doctest_globs: tuple[str, ...] = ()
    """Names of text files whose examples are tests."""

    def holds(self, path: str) -> bool:
        """Whether a file, relative to the root, is a test file of the suite."""
        name = PurePosixPath(path).name
        if not any(_matches(path, name, pattern) for pattern in self.patterns):
            return False
        return self._reaches(path)

    def runs_examples(self, path: str) -> bool:
        """Whether examples (`>>> `) in a file, relative to the root, are tests of the suite."""
        name = PurePosixPath(path).name
        if path.endswith(".py"):
            return self.doctest_modules and self._reaches(path)
        globs = self.doctest_globs
        return any(_matches(path, name, glob) for glob in globs) and self._reaches(path)

    def _reaches(self, path: str) -> bool:
        if self.testpaths and not any(_below(path, top) for top in self.testpaths):
            return False
        folders = [str(folder) for folder in PurePosixPath(path).parents][:-1]
        return not any(
            _matches(folder, PurePosixPath(folder).name, pattern)
            for folder in folders
            for pattern in self.norecurse
        )


def _matches(path: str, name: str, pattern: str) -> bool:
    """As pytest does: a pattern with a slash is one of paths, any other one of names."""
    if "/" not in pattern:
        return fnmatch.fnmatchcase(name, pattern)
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"*/{pattern}")


def _below(path: str, top: str) -> bool:
    top = top.strip("/").removeprefix("./")
    if top in {"", "."}:
        return True
    return any(
        fnmatch.fnmatchcase(str(folder), top) for folder in (path, *PurePosixPath(path).parents)
    )


def suite_of(root: str) -> Suite:
    """The suite of the project at `root`; pytest's defaults where nothing is configured."""
    for name, sections in SOURCES:
        path = Path(root, name)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        found = _toml(text, sections) if name.endswith(".toml") else _ini(text, sections)
        if found is None and name in {"pytest.ini", ".pytest.ini"}:
            found = {}
        if found is not None:
            return Suite(
                patterns=_words(found.get("python_files")) or DEFAULT_PATTERNS,
                testpaths=_words(found.get("testpaths")),
                norecurse=_words(found.get("norecursedirs")),
                pythonpath=_words(found.get("pythonpath")),
                doctest_modules="--doctest-modules" in (options := _words(found.get("addopts"))),
                doctest_globs=tuple(_globs(options)),
            )
    return Suite()


def _globs(options: tuple[str, ...]) -> Iterator[str]:
    for option, following in zip(options, (*options[1:], ""), strict=False):
        if option.startswith("--doctest-glob"):
            yield option.partition("=")[2] or following


def _toml(text: str, sections: Iterable[str]) -> Mapping[str, object] | None:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    merged: dict[str, object] | None = None
    for section in sections:
        table: object = tables
        for key in section.split("."):
            table = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict):
            merged = {**(merged or {}), **table}
    return merged


def _ini(text: str, sections: Iterable[str]) -> Mapping[str, object] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return next((dict(parser[name]) for name in sections if parser.has_section(name)), None)


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError:
            return tuple(value.split())
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
