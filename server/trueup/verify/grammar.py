"""The oldest Python that must read the project: what it declares, and what it runs on.

Reads the project's files and its environment's; where neither says anything, any Python will do.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trueup.verify.installed import installed

_FLOOR: Final = re.compile(r"(?:>=|~=|==|\^|~)\s*3\.(\d+)")

Version = tuple[int, int]


def oldest(root: str, interpreter: Path | None) -> Version | None:
    """The older of what the project declares and of its interpreter; None where nothing says."""
    environment = installed(interpreter)
    found = [(3, int(minor)) for said in _declared(root) for minor in _FLOOR.findall(said)[:1]]
    if environment is not None:
        found.append(environment.version)
    return min(found, default=None)


def _declared(root: str) -> Iterator[str]:
    try:
        tables = tomllib.loads(Path(root, "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        tables = {}
    yield str(_at(tables, "project", "requires-python"))
    yield str(_at(tables, "tool", "poetry", "dependencies", "python"))
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(Path(root, "setup.cfg").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return
    yield parser.get("options", "python_requires", fallback="")


def _at(tables: object, *keys: str) -> object:
    for key in keys:
        tables = tables.get(key, "") if isinstance(tables, dict) else ""
    return tables
