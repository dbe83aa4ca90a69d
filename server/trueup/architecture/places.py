"""At which lines the options of a TOML or INI text stand.

Finds, does not read: values are `tomllib`'s and `configparser`'s, which forget lines. A text that
they accept is found through; for what it cannot find, such as a key in an inline table, the line
of the nearest thing around it is given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

Keys = tuple[str | int, ...]

_TOML: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<string>\"{3}(?:[^\\]|\\.)*?\"{3,5} | '{3}.*?'{3,5} | "(?:[^"\\\n]|\\.)*" | '[^'\n]*')
      | (?P<end>\n)
      | (?P<mark>[\[\]{}=,])
      | (?P<word>[^\s\[\]{}=,"'\#]+)""",
    re.VERBOSE | re.DOTALL,
)
_OPENING: Final = frozenset("[{")
_CLOSING: Final = frozenset("]}")
_SECTION: Final = re.compile(r"\[(.+)\]")
_OPTION: Final = re.compile(r"([^\s#;\[][^=:]*?)\s*[=:]\s*(.*)")


@dataclass(frozen=True, slots=True)
class Place:
    """A 1-based line, and those of the items of a list."""

    line: int
    items: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Places by path: the keys of tables, the numbers of tables in an array."""

    found: Mapping[Keys, Place]

    def of(self, path: Keys) -> Place:
        """The place of a path, or the line of what is nearest around it."""
        place = self.found.get(path)
        if place is None:
            # An array of tables begins at its first.
            place = self.found.get((*path, 0))
        if place is not None:
            return place
        if not path:
            return Place(1)
        around = self.of(path[:-1])
        last = path[-1]
        if isinstance(last, int) and last < len(around.items):
            return Place(around.items[last])
        return Place(around.line)


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    line: int


@dataclass(slots=True)
class _Toml:
    found: dict[Keys, Place] = field(default_factory=dict)
    table: Keys = ()
    tables: Counter[Keys] = field(default_factory=Counter)

    def state(self, tokens: list[_Token]) -> None:
        """Take in one line of TOML, as long as its value is."""
        if tokens[0].text == "[":
            self._header(tokens)
            return
        equals = next((at for at, token in enumerate(tokens) if token.text == "="), len(tokens))
        path = (*self.table, *_keys(tokens[:equals]))
        self.found[path] = Place(tokens[0].line, tuple(_items(tokens[equals + 1 :])))

    def _header(self, tokens: list[_Token]) -> None:
        path: Keys = ()
        keys = _keys(tokens)
        for depth, key in enumerate(keys, 1):
            path = (*path, key)
            if depth < len(keys) and path in self.tables:
                path = (*path, self.tables[path] - 1)
        if tokens[1].text == "[":
            self.tables[path] += 1
            path = (*path, self.tables[path] - 1)
        self.table = path
        self.found.setdefault(path, Place(tokens[0].line))


def toml(text: str) -> Places:
    """The places of a text that `tomllib` reads."""
    state = _Toml()
    statement: list[_Token] = []
    depth = 0
    for token in _tokens(text):
        if token.kind == "end":
            # A header's brackets are closed on its line, so this is a value that goes on.
            if not depth and statement:
                state.state(statement)
                statement = []
            continue
        if token.kind == "mark":
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
        statement.append(token)
    return Places(state.found)


def ini(text: str) -> Places:
    """The places of a text that `configparser` reads: section, then option in lower case."""
    found: dict[Keys, Place] = {}
    section = ""
    option: Keys = ()
    for number, written in enumerate(text.split("\n"), 1):
        line = written.rstrip()
        if not line or line.lstrip()[0] in "#;":
            continue
        if header := _SECTION.match(line):
            section, option = header[1], ()
            found.setdefault((section,), Place(number))
        elif match := _OPTION.match(line):
            option = (section, match[1].lower())
            found[option] = Place(number, (number,) if match[2] else ())
        elif option:
            place = found[option]
            found[option] = Place(place.line, (*place.items, number))
    return Places(found)


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOML.finditer(f"{text}\n"):
        kind = match.lastgroup or ""
        if kind != "comment":
            yield _Token(kind, match.group(), line)
        line += match.group().count("\n")


def _keys(tokens: list[_Token]) -> list[str]:
    keys: list[str] = []
    for token in tokens:
        if token.kind == "string":
            keys.append(token.text[1:-1])
        elif token.kind == "word":
            keys += [part for part in token.text.split(".") if part]
    return keys


def _items(tokens: list[_Token]) -> Iterator[int]:
    """The lines at which the items of a list begin; none where the value is no list."""
    if not tokens or tokens[0].text != "[":
        return
    depth, fresh = 0, True
    for token in tokens:
        closes = token.kind == "mark" and token.text in _CLOSING
        if fresh and depth == 1 and not closes and token.text != ",":
            fresh = False
            yield token.line
        if token.kind == "mark":
            depth += (token.text in _OPENING) - closes
            fresh = fresh or (token.text == "," and depth == 1)
