"""What an environment runs by itself: looked at, never run.

A virtual environment is code that came from somewhere: an interpreter, lines of `.pth` files that
Python executes at every start, `sitecustomize`, and the plugins that pytest loads because they are
installed. Each of them is a part of what the user agrees to.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CUSTOMIZED: Final = ("sitecustomize.py", "usercustomize.py")
FILE_BYTES_MAX: Final = 1 << 20
"""A file of the environment that is longer is known by its size and time, not read."""
_EXECUTED: Final = re.compile(rb"^import[ \t]", re.MULTILINE)
_PLUGINS: Final = re.compile(r"^\[pytest11\]\s*$(.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY: Final = re.compile(r"^\s*([^\s=#]+)\s*=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Environment:
    """`parts` are digests by what they are of; `plugins` and `hooks` are names, sorted."""

    parts: Mapping[str, str]
    plugins: tuple[str, ...]
    hooks: tuple[str, ...]


def look(interpreter: Path) -> Environment:
    """What the environment of `interpreter` would run at its start and with pytest."""
    prefix = interpreter.parent.parent
    real = Path(os.path.realpath(interpreter))
    parts = {
        str(interpreter): _sha(f"{interpreter}\0{real}\0".encode("utf-8", "surrogateescape"))
        # One that was built here, or a script that only says that it is Python, may change.
        + _stamp(real, inside=prefix),
        "pyvenv.cfg": _digest(prefix / "pyvenv.cfg"),
    }
    plugins: list[str] = []
    hooks: list[str] = []
    for folder in _libraries(prefix):
        for file in sorted(folder.glob("*.pth")):
            if _EXECUTED.search(_read(file)):
                hooks.append(file.name)
                parts[f"{folder.name}/{file.name}"] = _digest(file)
        for name in CUSTOMIZED:
            if (folder / name).is_file():
                hooks.append(name)
                parts[f"{folder.name}/{name}"] = _digest(folder / name)
        plugins += _plugins(folder)
    if plugins:
        parts["plugins of pytest"] = _sha("\n".join(sorted(plugins)).encode())
    return Environment(parts, tuple(sorted(plugins)), tuple(sorted(hooks)))


def _libraries(prefix: Path) -> Iterator[Path]:
    """The folders of installed packages below a virtual environment."""
    if (prefix / "pyvenv.cfg").is_file():
        for pattern in ("lib/python3*/site-packages", "Lib/site-packages"):
            yield from sorted(prefix.glob(pattern))


def _plugins(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*.dist-info/entry_points.txt")):
        text = _read(file).decode("utf-8", "replace")
        for section in _PLUGINS.findall(text):
            yield from _ENTRY.findall(section)


def _stamp(real: Path, *, inside: Path) -> str:
    """What the interpreter is made of, where it could be swapped without a new path."""
    return _digest(real) if real.is_relative_to(os.path.realpath(inside)) else ""


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.stat().st_size <= FILE_BYTES_MAX else b""
    except OSError:
        return b""


def _digest(file: Path) -> str:
    try:
        status = file.stat()
        if status.st_size > FILE_BYTES_MAX:
            return _sha(f"{status.st_size} {status.st_mtime_ns}".encode())
        return _sha(file.read_bytes())
    except OSError:
        return ""


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
