"""Patterns as tach reads them: globs of paths and modules, and lines of gitignore for `exclude`.

tach takes its globs from the Rust crates `globset` and `ignore`; this is what these say of a
pattern (docs.rs/globset, docs.rs/ignore), as regular expressions. Knows no files.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_SYNTAX: Final = re.compile(r"(?<!\\)[*?\[\]{}]")
# What `**` and the slashes about it stand for, by what is on its left and right.
_STARS: Final = re.compile(r"(?P<left>^|/|(?<=[{,]))\*\*(?P<right>/|$|(?=[},]))")
_MORE_STARS: Final = re.compile(r"\*\*(?:/|$)")
_MEANINGS: Final = {"*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}


def is_glob(pattern: str) -> bool:
    """Whether `pattern` says more than its own letters."""
    return _SYNTAX.search(pattern) is not None


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str] | None:
    """The glob as a regular expression for whole paths with forward slashes; None where it is
    not a glob. `*` stops at a slash, `**` does not.
    """
    try:
        return re.compile(_regex(pattern) + r"\Z", re.DOTALL)
    except (re.error, ValueError):
        return None


@lru_cache(maxsize=4096)
def of_modules(pattern: str) -> re.Pattern[str] | None:
    """The glob of dotted names as a regular expression for the same with slashes; `a.**` matches
    `a` too. It also matches with `.py` or `.pyi` at the end.
    """
    path = pattern.replace(".", "/")
    if path.endswith("/**"):
        path = path[:-3] + "{,/**}"
    return compiled(path + "{,.py,.pyi}")


def means(pattern: str, module: str) -> bool:
    """Whether a name or a glob of such means the module."""
    if not is_glob(pattern):
        return pattern == module
    matcher = of_modules(pattern)
    return matcher is not None and matcher.match(module.replace(".", "/")) is not None


@lru_cache(maxsize=4096)
def _excluding(line: str) -> tuple[re.Pattern[str] | None, bool, bool]:
    """A line of `exclude`: its pattern, whether it lets in again, whether it is of folders only."""
    included = line.startswith("!")
    line = line.removeprefix("!")
    anchored = line.startswith("/")
    line = line.removeprefix("/").rstrip()
    folders = line.endswith("/")
    line = line.removesuffix("/")
    if not anchored and "/" not in line and line != "**":
        line = f"**/{line}"
    if line.endswith("/**"):
        line += "/*"
    return compiled(line), included, folders


def excluded(path: str, exclude: tuple[str, ...], *, folder: bool = False) -> bool:
    """Whether `exclude` names this very path, relative to the root; what lies in a folder that it
    names is the business of who walks over folders. The last line that matches decides.
    """
    for line in reversed(exclude):
        pattern, included, folders = _excluding(line)
        if pattern is not None and (folder or not folders) and pattern.match(path):
            return not included
    return False


def _regex(pattern: str) -> str:
    parts: list[str] = []
    depth = position = 0
    while position < len(pattern):
        character = pattern[position]
        depth += {"{": 1, "}": -1}.get(character, 0)
        if stars := _STARS.match(pattern, position):
            position, part = _stars(pattern, stars)
        elif character == "[":
            position, part = _character_class(pattern, position)
        elif character == "\\":
            position += 1
            part = re.escape(pattern[position : position + 1])
        elif character == "," and not depth:
            part = character
        else:
            part = _MEANINGS.get(character) or re.escape(character)
        parts.append(part)
        position += 1
    if depth:
        raise ValueError("a brace is not closed")
    return "".join(parts)


def _stars(pattern: str, stars: re.Match[str]) -> tuple[int, str]:
    """The last position of `**` with its slashes, and its meaning; `**/**` is one `**`."""
    end = stars.end()
    while stars["right"] == "/" and (more := _MORE_STARS.match(pattern, end)):
        end = more.end()
    leading = not stars["left"]
    trailing = pattern[end - 1] != "/"
    if leading and trailing:
        part = ".*"
    elif leading:
        part = "(?:/?|.*/)"
    else:
        part = "/.*" if trailing else "(?:/|/.*/)"
    return end - 1, part


def _character_class(pattern: str, position: int) -> tuple[int, str]:
    """The position of the closing bracket, and the class."""
    start = position + 1
    negated = pattern[start : start + 1] in {"!", "^"}
    start += negated
    # A bracket that comes first is a member.
    end = pattern.find("]", start + 1)
    if end < 0:
        raise ValueError("a class is not closed")
    members = re.sub(r"([\\\[\]^&~|])", r"\\\1", pattern[start:end])
    return end, f"[{'^' if negated else ''}{members}]"
