"""At which line of a TOML text each key and each element of an array stands.

`tomllib` says what a text means and not where. This walks over the same text, which `tomllib` must
have read before, and notes lines; it decides nothing about values.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Final

Key = tuple[str | int, ...]

_SPACE: Final = re.compile(r"(?:[ \t\r\n]++|\#[^\n]*+)*+")
_NAME: Final = re.compile(r"""[ \t]*+(?:"((?:[^"\\\n]|\\.)*+)"|'([^'\n]*+)'|([\w-]++))[ \t]*+""")
_STRING: Final = re.compile(
    r'''"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}|\'{3}(?:[^']|'{1,2}(?!'))*+'{3,5}'''
    r"""|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+'""",
    re.DOTALL,
)
_WORD: Final = re.compile(r"[^,\]}\n\#]++")


def lines(text: str) -> Mapping[Key, int]:
    """The 1-based line of each key by its path; arrays count from 0. The text must be valid."""
    return _Walk(text).found


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.found: dict[Key, int] = {}
        self.elements: dict[Key, int] = {}
        self.counted = (0, 1)
        table: Key = ()
        while self._skip():
            if text.startswith("[", self.position):
                table = self._header()
            else:
                self._pair(table)

    @property
    def line(self) -> int:
        position, line = self.counted
        line += self.text.count("\n", position, self.position)
        self.counted = (self.position, line)
        return line

    def _skip(self) -> bool:
        """Whether anything follows the spaces, line ends and comments."""
        space = _SPACE.match(self.text, self.position)
        self.position = space.end() if space else self.position
        return self.position < len(self.text)

    def _header(self) -> Key:
        line, array = self.line, self.text.startswith("[[", self.position)
        self.position += 1 + array
        written = self._name()
        self.position += 1 + array
        table: Key = ()
        for number, part in enumerate(written, 1):
            table = (*table, part)
            self.found.setdefault(table, line)
            if array and number == len(written):
                self.elements[table] = self.elements.get(table, -1) + 1
            if table in self.elements:
                # Below an array of tables, a name is of its last table.
                table = (*table, self.elements[table])
        self.found.setdefault(table, line)
        return table

    def _name(self) -> Key:
        parts: list[str] = []
        while found := _NAME.match(self.text, self.position):
            part = next(part for part in found.groups() if part is not None)
            if found[1] is not None and "\\" in part:
                part = tomllib.loads(f'key = "{part}"')["key"]
            parts.append(part)
            self.position = found.end()
            if not self.text.startswith(".", self.position):
                break
            self.position += 1
        return tuple(parts)

    def _pair(self, table: Key) -> None:
        line, start = self.line, self.position
        for part in self._name():
            table = (*table, part)
            self.found.setdefault(table, line)
        # Never stands still, whatever the text.
        self.position = max(self.position, start) + 1
        self._skip()
        self._value(table)

    def _value(self, at: Key) -> None:
        opening = self.text[self.position : self.position + 1]
        if opening == "[":
            self._array(at)
        elif opening == "{":
            self._inline(at)
        else:
            kind = _STRING if opening in {'"', "'"} else _WORD
            value = kind.match(self.text, self.position)
            self.position = value.end() if value else self.position + 1

    def _array(self, at: Key) -> None:
        self.position += 1
        number = 0
        while self._skip() and self.text[self.position] != "]":
            if self.text[self.position] == ",":
                self.position += 1
                continue
            self.found[*at, number] = self.line
            self._value((*at, number))
            number += 1
        self.position += 1

    def _inline(self, at: Key) -> None:
        self.position += 1
        while self._skip() and self.text[self.position] != "}":
            if self.text[self.position] == ",":
                self.position += 1
            else:
                self._pair(at)
        self.position += 1
