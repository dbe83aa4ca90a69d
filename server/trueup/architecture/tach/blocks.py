"""What a statement stands in: a body of its own, or one that only type checkers read.

Looks at indentation and at the words that open blocks, and so also reads a text that is half
typed. Knows no imports.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

_LITERAL: Final = re.compile(
    r'''"""(?:[^\\"]++|\\.|"(?!""))*+"""|\'\'\'(?:[^\\']++|\\.|'(?!''))*+\'\'\''''
    r"""|"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+'|\#[^\n]*+""",
    re.DOTALL,
)
# `match` and `case` are not among them: to tach, what they hold is at the top level.
_HEADER: Final = re.compile(
    r"(?:async[ \t]+)?(if|elif|else|for|while|try|except|finally|with|def|class)\b"
)
_TYPING: Final = re.compile(r"if[ \t]*\(?[ \t]*(?:[\w.()\[\]]*\.)?TYPE_CHECKING[ \t)]*:")
_CONTINUES: Final = frozenset({"elif", "else", "except", "finally"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands."""

    nested: bool
    """In a function, a class, a condition, a loop, a `try` or a `with`."""
    typing: bool
    """In an `if TYPE_CHECKING:`, any branch of it."""


TOP: Final = Place(nested=False, typing=False)


class Blocks:
    """The blocks of one text."""

    def __init__(self, text: str) -> None:
        plain = _LITERAL.sub(_blank, text.replace("\r\n", " \n").replace("\r", "\n"))
        self._starts: list[int] = []
        self._places: list[tuple[Place, Place]] = []
        # Headers that are open: indent, and whether it is `if TYPE_CHECKING` or a branch of it.
        stack: list[tuple[int, bool]] = []
        for start, line in _logical_lines(plain):
            code = line.lstrip()
            if not code:
                continue
            indent = len(line[: len(line) - len(code)].expandtabs())
            header = _HEADER.match(code)
            while stack and stack[-1][0] > indent:
                stack.pop()
            follows = header is not None and header[1] in _CONTINUES
            typing = bool(follows and stack and stack[-1][0] == indent and stack[-1][1])
            if stack and stack[-1][0] == indent:
                stack.pop()
            outside = Place(bool(stack), any(inner for _, inner in stack))
            if header is not None:
                typing = typing or _TYPING.match(code) is not None
                stack.append((indent, typing))
            inside = Place(header is not None or outside.nested, typing or outside.typing)
            self._starts.append(start + len(line) - len(code))
            self._places.append((outside, inside))

    def at(self, offset: int) -> Place:
        """The place of the statement that begins at `offset`; one that stands behind the colon of
        a header is in its body.
        """
        number = bisect_right(self._starts, offset) - 1
        if number < 0:
            return TOP
        outside, inside = self._places[number]
        return outside if self._starts[number] == offset else inside


def _blank(found: re.Match[str]) -> str:
    filler = " " if found[0].startswith("#") else "x"
    return "".join("\n" if character == "\n" else filler for character in found[0])


def _logical_lines(plain: str) -> list[tuple[int, str]]:
    """Lines with what continues them, and where each begins; strings are blanked."""
    physical = plain.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in physical)]
    lines: list[tuple[int, str]] = []
    depth = 0
    continued = False
    for start, line in zip(starts, physical, strict=False):
        if depth or continued:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line}")
        else:
            lines.append((start, line))
        opened = sum(map(line.count, "([{"))
        depth = max(0, depth + opened - sum(map(line.count, ")]}")))
        continued = line.endswith("\\")
    return lines
