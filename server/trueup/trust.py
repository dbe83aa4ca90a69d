"""What the user has allowed to run, bound to a hash of what would run.

Nothing of a project is executed before the user has agreed to words that name it. The agreement
holds for one folder and one digest: of the interpreter, of every conftest and of the test
configuration. When any of them changes, it is asked again. Answers are kept in the user's own state
folder; a repository cannot bring its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from trueup import ConfigurationError, settings, workspace
from trueup.files import write_atomically

CONFIGURATION: Final = (
    ".coveragerc",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
)
STARTUP_HOOKS: Final = ("sitecustomize.py", "usercustomize.py")


class Answer(StrEnum):
    ONCE = "Run once"
    ALWAYS = "Always for this folder"
    NO = "No"


@dataclass(frozen=True, slots=True)
class Plan:
    """What running the tests of `root` would execute."""

    root: str
    interpreter: str
    conftests: tuple[str, ...]
    test_files: int
    configuration: tuple[str, ...]
    digest: str

    def words(self, isolation: str = "") -> str:
        """What the user is asked to allow, in terms of what will run."""
        named = ", ".join(self.conftests[:5]) + (", …" if len(self.conftests) > 5 else "")
        parts = [
            f"Trueup wants to run the tests of {self.root} on a copy of it.",
            f"That executes {self.interpreter} with pytest and its plugins,"
            f" {self.test_files} test files"
            + (f" and {len(self.conftests)} conftest files ({named})" if self.conftests else "")
            + (f", configured by {', '.join(self.configuration)}" if self.configuration else "")
            + ".",
        ]
        if isolation:
            parts.append(f"Isolation: {isolation}.")
        return " ".join(parts)


def plan(root: str, interpreter: Path) -> Plan:
    """Look at what would run, without running anything."""
    files = workspace.python_files(root)
    conftests = tuple(path for path in files if Path(path).name == "conftest.py")
    hooks = tuple(path for path in files if Path(path).name in STARTUP_HOOKS)
    tests = sum(1 for path in files if fnmatch(Path(path).name, "test_*.py"))
    tests += sum(1 for path in files if fnmatch(Path(path).name, "*_test.py"))
    present = tuple(name for name in CONFIGURATION if Path(root, name).is_file())
    if _pytest_tables(root):
        present = (*present, "pyproject.toml")
    hashed = hashlib.sha256()
    for part in _executed(root, interpreter, (*conftests, *hooks, *present)):
        hashed.update(len(part).to_bytes(8, "big") + part)
    return Plan(
        root=str(Path(root).resolve()),
        interpreter=str(interpreter),
        conftests=conftests + hooks,
        test_files=tests,
        configuration=present,
        digest=hashed.hexdigest(),
    )


def _executed(root: str, interpreter: Path, paths: tuple[str, ...]) -> Iterator[bytes]:
    yield os.fsencode(interpreter)
    yield os.fsencode(os.path.realpath(interpreter))
    yield _bytes(interpreter.parent.parent / "pyvenv.cfg")
    for path in paths:
        yield os.fsencode(path)
        yield _pytest_tables(root) if path == "pyproject.toml" else _bytes(Path(root, path))


def _pytest_tables(root: str) -> bytes:
    """The parts of pyproject.toml that decide what a test run executes, as bytes; b"" for none."""
    try:
        table = tomllib.loads(Path(root, "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return b""
    tool, project = table.get("tool", {}), table.get("project", {})
    relevant = {
        "pytest": tool.get("pytest") if isinstance(tool, dict) else None,
        "coverage": tool.get("coverage") if isinstance(tool, dict) else None,
        "plugins": project.get("entry-points") if isinstance(project, dict) else None,
    }
    if not any(relevant.values()):
        return b""
    return json.dumps(relevant, sort_keys=True, default=str).encode()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def is_trusted(wanted: Plan) -> bool:
    return _load().get(wanted.root) == wanted.digest


def remember(wanted: Plan) -> None:
    _store({**_load(), wanted.root: wanted.digest})


def revoke(root: str) -> bool:
    """Forget the answer for `root`; whether there was one."""
    answers, key = _load(), str(Path(root).resolve())
    known = answers.pop(key, None) is not None
    if known:
        _store(answers)
    return known


def _file() -> Path:
    return settings.state_folder() / "trust.json"


def _load() -> dict[str, str]:
    try:
        stored = json.loads(_file().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        # An unreadable record is no permission; the user is asked again.
        return {}
    if not isinstance(stored, dict):
        return {}
    return {str(root): str(digest) for root, digest in stored.items()}


def _store(answers: dict[str, str]) -> None:
    try:
        write_atomically(_file(), json.dumps(answers, indent=2, sort_keys=True).encode())
    except OSError as problem:
        raise ConfigurationError(
            f"the answer cannot be kept in {_file().parent}: {problem.strerror}"
        ) from None
