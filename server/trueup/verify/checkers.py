"""The type checkers that a project configures: how each is asked, and how its answer is read.

Finds them by the project's configuration and by what is installed beside its interpreter. Runs
nothing: they load plugins that the project names, so they run where the tests run.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup.verify.installed import Installed

MYPY: Final = "mypy"
PYRIGHT: Final = "pyright"
BASEDPYRIGHT: Final = "basedpyright"
SOURCES: Final = frozenset({MYPY, PYRIGHT, BASEDPYRIGHT})

_ROW: Final = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+)(?::\d+)*: error: (?P<message>.*?)"
    r"(?:  \[(?P<code>[\w-]+)\])?$",
    re.MULTILINE,
)
_MYPY_FLAGS: Final = (
    "-m", "mypy", "--no-pretty", "--hide-error-context", "--no-color-output", "--no-error-summary",
    "--show-error-codes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What a checker reports, at a 1-based line."""

    path: str
    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Checker:
    """A type checker as this project has it; `whole` where its configuration says what to read."""

    name: str
    configured: bool
    installed: bool
    whole: bool = False

    def arguments(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Of the project's interpreter, to check the project or else `paths`; () for none."""
        if not self.whole and not paths:
            return ()
        flags = _MYPY_FLAGS if self.name == MYPY else ("-m", self.name, "--outputjson")
        return flags if self.whole else (*flags, *paths)

    def read(self, code: int, said: str) -> tuple[Finding, ...] | None:
        """What it found, or None where it did not do its work."""
        if code not in {0, 1}:
            return None
        if not said:
            return ()
        return _READERS[self.name](said)


def _mypy(said: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(row["path"], int(row["line"]), row["code"] or "", row["message"])
        for row in _ROW.finditer(said)
    )


def _pyright(said: str) -> tuple[Finding, ...] | None:
    try:
        rows = json.loads(said)["generalDiagnostics"]
        return tuple(
            Finding(
                str(row["file"]), int(row["range"]["start"]["line"]) + 1,
                str(row.get("rule", "")), str(row["message"]),
            )
            for row in rows if row["severity"] in {"error", "warning"}
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return None


_READERS: Final[dict[str, Callable[[str], tuple[Finding, ...] | None]]] = {
    MYPY: _mypy, PYRIGHT: _pyright, BASEDPYRIGHT: _pyright,
}  # fmt: skip


def checkers(root: str, environment: Installed | None) -> tuple[Checker, ...]:
    """Those that the project configures or has installed."""
    tool = _tool_table(root)
    return tuple(_all(Path(root), tool, environment))


def _all(root: Path, tool: dict[str, object], environment: Installed | None) -> Iterator[Checker]:
    folders = environment.packages if environment is not None else ()

    def there(name: str) -> bool:
        return any((folder / name).is_dir() for folder in folders)

    own = tool.get(MYPY)
    sections = "".join(_text(root / name) for name in ("mypy.ini", ".mypy.ini"))
    legacy = re.search(
        r"^\[mypy\](.*?)(?=^\[|\Z)", _text(root / "setup.cfg"), re.MULTILINE | re.DOTALL
    )
    said = sections + (legacy[1] if legacy else "")
    configured = isinstance(own, dict) or bool(said)
    whole = bool(re.search(r"^(files|packages|modules)\s*=", said, re.MULTILINE))
    if isinstance(own, dict):
        whole = whole or bool({"files", "packages", "modules"} & own.keys())
    if configured or there(MYPY):
        yield Checker(MYPY, configured, there(MYPY), whole)
    based = isinstance(tool.get(BASEDPYRIGHT), dict)
    either = (root / "pyrightconfig.json").is_file() or isinstance(tool.get(PYRIGHT), dict)
    based_is_meant = based or (either and there(BASEDPYRIGHT) and not there(PYRIGHT))
    if based_is_meant or there(BASEDPYRIGHT):
        yield Checker(BASEDPYRIGHT, based_is_meant, there(BASEDPYRIGHT), based_is_meant)
    if (either and not based_is_meant) or there(PYRIGHT):
        meant = either and not based_is_meant
        yield Checker(PYRIGHT, meant, there(PYRIGHT), meant)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _tool_table(root: str) -> dict[str, object]:
    try:
        table = tomllib.loads(_text(Path(root, "pyproject.toml"))).get("tool", {})
    except tomllib.TOMLDecodeError:
        return {}
    return table if isinstance(table, dict) else {}
