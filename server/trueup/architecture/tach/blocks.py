"""What statements stand in: a body of its own, or one that only type checkers read.

Looks at indentation and at the words that open blocks, and so also reads a text that is half
typed. Knows no imports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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

    nested: bool = False
    """In a function, a class, a condition, a loop, a `try` or a `with`."""
    typing: bool = False
    """In an `if TYPE_CHECKING:`, any branch of it."""


TOP: Final = Place()


def places(text: str, offsets: Iterable[int]) -> Mapping[int, Place]:
    """The places of the statements that begin at `offsets`, given in order; one behind the colon
    of a header is in its body.
    """
    waiting = list(reversed(list(offsets)))
    found: dict[int, Place] = {}
    # Headers that are open: indent, and whether it is `if TYPE_CHECKING` or a branch of it.
    stack: list[tuple[int, bool]] = []
    lines = _logical_lines(_plain(text)) if waiting else iter(())
    for end, indent, code in lines:
        header = _HEADER.match(code)
        typing = False
        while stack and stack[-1][0] >= indent:
            above, typing = stack.pop()
            typing = typing and above == indent
        if header is not None:
            typing = typing and header[1] in _CONTINUES
            stack.append((indent, typing or _TYPING.match(code) is not None))
        while waiting and waiting[-1] < end:
            found[waiting.pop()] = Place(bool(stack), any(inner for _, inner in stack))
        if not waiting:
            break
    return found


def _plain(text: str) -> str:
    """The text with other line ends as LF, strings as words and comments as spaces, every offset
    kept; a string of several lines becomes a word on one.
    """
    if "\r" in text:
        text = text.replace("\\\r\n", " \\\n").replace("\r\n", " \n").replace("\r", "\n")
    return _LITERAL.sub(lambda found: (" " if found[0][0] == "#" else "x") * len(found[0]), text)


def _logical_lines(plain: str) -> Iterator[tuple[int, int, str]]:
    """Where each line ends with all that continues it, its indent, and how its code begins."""
    at = depth = indent = 0
    code = ""
    for line in plain.split("\n"):
        at += len(line) + 1
        if not code:
            if not line:
                continue
            code = line.lstrip()
            margin = line[: len(line) - len(code)]
            indent = len(margin.expandtabs() if "\t" in margin else margin)
        opened = line.count("(") + line.count("[") + line.count("{")
        depth = max(0, depth + opened - line.count(")") - line.count("]") - line.count("}"))
        if code and not depth and not line.endswith("\\"):
            yield at, indent, code
            code = ""
    if code:
        yield at, indent, code
