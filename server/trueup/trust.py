"""What the user has allowed to run, bound to a hash of what would run.

Nothing of a project is executed before the user has agreed to words that name it. The agreement
holds for one folder and for what it was then: the interpreter and what its environment runs when it
starts, every conftest, and the configuration of the tests and the type checker. When any of them
changes, it is asked again, and the question says what changed. Answers are kept in the user's own
state folder; a repository cannot bring its own.

Not bound to it are the tests themselves and the code: they are what one works on.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trueup import ConfigurationError, environment, settings, workspace
from trueup.files import write_atomically
from trueup.guards.plain import plain

CONFIGURATION: Final = (
    ".coveragerc",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "mypy.ini",
    ".mypy.ini",
    "pyrightconfig.json",
)
STARTUP_HOOKS: Final = ("sitecustomize.py", "usercustomize.py")
NAMED_MAX: Final = 5
"""How many of a kind the question names."""
UNREADABLE: Final = "unreadable"


class Answer(StrEnum):
    ONCE = "Run once"
    ALWAYS = "Always for this folder"
    NO = "No"


@dataclass(frozen=True, slots=True)
class Plan:
    """What running the tests of `root` would execute.

    `parts` are hex SHA-256 by what they are of: a path of the workspace, or one beside the
    interpreter. `changed` are those that are not as they were when the user last agreed.
    """

    root: str
    interpreter: str
    conftests: tuple[str, ...]
    test_files: int
    configuration: tuple[str, ...]
    parts: Mapping[str, str]
    plugins: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    """What the environment runs whenever its interpreter starts."""
    changed: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Of all parts together."""
        said = json.dumps(dict(self.parts), sort_keys=True)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def is_planted(self) -> bool:
        """Whether the interpreter came with the folder."""
        return Path(self.interpreter).absolute().is_relative_to(self.root)

    def words(self, isolation: str = "") -> str:
        """What the user is asked to allow, in terms of what will run."""
        parts = [
            f"Trueup wants to run the tests of {self.root} on a copy of it.",
            f"That executes {self.interpreter}"
            + (", which lies in this folder," if self.is_planted else "")
            + " with pytest and its plugins"
            + (f" ({_listed(self.plugins)})" if self.plugins else "")
            + f", {self.test_files} test files"
            + (
                f" and {len(self.conftests)} conftest files ({_listed(self.conftests)})"
                if self.conftests
                else ""
            )
            + (f", configured by {', '.join(self.configuration)}" if self.configuration else "")
            + (f", after what runs at every start: {_listed(self.hooks)}" if self.hooks else "")
            + ".",
        ]
        if self.changed:
            parts.insert(0, f"Since you agreed, this changed: {_listed(self.changed)}.")
        if isolation:
            parts.append(f"Isolation: {isolation}.")
        return plain(" ".join(parts))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:NAMED_MAX]) + (", …" if len(names) > NAMED_MAX else "")


def plan(root: str, interpreter: Path) -> Plan:
    """Look at what would run, without running anything."""
    files = workspace.python_files(root)
    conftests = tuple(path for path in files if Path(path).name == "conftest.py")
    hooks = tuple(path for path in files if Path(path).name in STARTUP_HOOKS)
    tests = sum(1 for path in files if fnmatch(Path(path).name, "test_*.py"))
    tests += sum(1 for path in files if fnmatch(Path(path).name, "*_test.py"))
    tables = _tables(root)
    present = tuple(name for name in CONFIGURATION if Path(root, name).is_file())
    found = environment.look(interpreter)
    parts = {path: _digest(Path(root, path)) for path in (*conftests, *hooks, *present)}
    if tables:
        present = (*present, "pyproject.toml")
        parts["pyproject.toml"] = hashlib.sha256(tables).hexdigest()
    made = Plan(
        root=str(Path(root).resolve()),
        interpreter=str(interpreter),
        conftests=conftests + hooks,
        test_files=tests,
        configuration=present,
        parts=MappingProxyType({**parts, **found.parts}),
        plugins=found.plugins,
        hooks=found.hooks,
    )
    return replace(made, changed=_changed(made))


def _changed(made: Plan) -> tuple[str, ...]:
    """What differs from what the user agreed to; nothing where the user never did."""
    known = _load().get(made.root)
    if known is None:
        return ()
    names = sorted({*known, *made.parts})
    return tuple(name for name in names if known.get(name) != made.parts.get(name))


def _tables(root: str) -> bytes:
    """The parts of pyproject.toml that decide what is executed, as bytes; b"" for none."""
    try:
        table = tomllib.loads(Path(root, "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return b""
    tool, project = table.get("tool", {}), table.get("project", {})
    relevant = {
        "pytest": tool.get("pytest") if isinstance(tool, dict) else None,
        "coverage": tool.get("coverage") if isinstance(tool, dict) else None,
        "mypy": tool.get("mypy") if isinstance(tool, dict) else None,
        "plugins": project.get("entry-points") if isinstance(project, dict) else None,
    }
    if not any(relevant.values()):
        return b""
    return json.dumps(relevant, sort_keys=True, default=str).encode()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return UNREADABLE


def is_trusted(wanted: Plan) -> bool:
    return _load().get(wanted.root) == dict(wanted.parts)


def remember(wanted: Plan) -> None:
    _store({**_load(), wanted.root: dict(wanted.parts)})


def revoke(root: str) -> bool:
    """Forget the answer for `root`; whether there was one."""
    answers, key = _load(), str(Path(root).resolve())
    known = answers.pop(key, None) is not None
    if known:
        _store(answers)
    return known


def _file() -> Path:
    return settings.state_folder() / "trust.json"


def _load() -> dict[str, dict[str, str]]:
    """The parts that were agreed to, by root."""
    try:
        stored = json.loads(_file().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        # An unreadable record is no permission; the user is asked again.
        return {}
    if not isinstance(stored, dict):
        return {}
    return {
        str(root): {str(name): str(digest) for name, digest in parts.items()}
        for root, parts in stored.items()
        if isinstance(parts, dict) and parts
    }


def _store(answers: dict[str, dict[str, str]]) -> None:
    said = json.dumps(answers, indent=2, sort_keys=True)
    try:
        write_atomically(_file(), said.encode())
    except OSError as problem:
        raise ConfigurationError(
            f"the answer cannot be kept in {_file().parent}: {problem.strerror}"
        ) from None
