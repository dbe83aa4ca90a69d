"""Writing into a contract that one import is all right, and why.

Textual, so that comments and the order of a person's file stay as they are. Whoever calls reads the
configuration again: an entry that did not arrive is not there.
"""

from __future__ import annotations

import re
from typing import Final

_TABLE: Final = re.compile(r"^\s*\[")
_QUOTED: Final = {"own": "ignore", "importlinter": "ignore_imports"}


def ignored(text: str, path: str, line: int, entry: str, reason: str) -> str | None:
    """`text` with `entry` ("a -> b") among the ignored imports of the contract whose table or
    section the 1-based `line` is in; None where that place cannot be found.
    """
    lines = text.splitlines(keepends=True)
    start = min(line, len(lines)) - 1
    while start >= 0 and not _TABLE.match(lines[start]):
        start -= 1
    if start < 0:
        return None
    end = start + 1
    while end < len(lines) and not _TABLE.match(lines[end]):
        end += 1
    said = " ".join(reason.split())
    if path.endswith(".toml"):
        own = "trueup" in lines[start]
        made = _toml(lines[start:end], _QUOTED["own" if own else "importlinter"], entry, said)
    else:
        made = _ini(lines[start:end], entry, said)
    return "".join((*lines[:start], *made, *lines[end:]))


def _toml(table: list[str], key: str, entry: str, reason: str) -> list[str]:
    added = f'  "{entry}",  # {reason}\n'
    opening = re.compile(rf"^(\s*{key}\s*=\s*\[)(.*)$", re.DOTALL)
    for number, line in enumerate(table):
        found = opening.match(line)
        if found is not None:
            rest = found[2]
            closed = [rest] if rest.strip() else []
            return [*table[:number], f"{found[1]}\n", added, *closed, *table[number + 1 :]]
    last = _last_written(table)
    return [*table[:last], f"{key} = [\n", added, "]\n", *table[last:]]


def _ini(section: list[str], entry: str, reason: str) -> list[str]:
    added = [f"    # {reason}\n", f"    {entry}\n"]
    for number, line in enumerate(section):
        if re.match(r"^ignore_imports\s*[=:]", line):
            head, sep, value = line.partition("=" if "=" in line else ":")
            own = [f"    {value.strip()}\n"] if value.strip() else []
            return [*section[:number], f"{head}{sep}\n", *added, *own, *section[number + 1 :]]
    last = _last_written(section)
    return [*section[:last], "ignore_imports =\n", *added, *section[last:]]


def _last_written(lines: list[str]) -> int:
    """Behind the last line that is not empty."""
    last = len(lines)
    while last > 1 and not lines[last - 1].strip():
        last -= 1
    if not lines[last - 1].endswith("\n"):
        lines[last - 1] += "\n"
    return last
