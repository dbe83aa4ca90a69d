"""Reads values of a TOML file, and gathers a Problem at its line for each that is of no use.

Knows TOML's kinds of values and no key of any tool.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from trueup.architecture.contracts import Problem, Severity, Source
from trueup.architecture.tach import places

_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")

Item = TypeVar("Item")


def opened(path: str, text: str, contract: str) -> tuple[dict[str, Any], Reader]:
    """The table that a text says, empty where it is not TOML, and what reads it."""
    # As files are read on any system; TOML knows no other line ends.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        return tomllib.loads(text), Reader(path, places.lines(text), contract)
    except RecursionError:
        reader = Reader(path, {}, contract)
        reader.wrong((), "this is nested too deeply to be read")
        return {}, reader
    except tomllib.TOMLDecodeError as error:
        reader = Reader(path, {}, contract)
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        reason = _AT_LINE.sub("", str(error)).removesuffix(" (at end of document)")
        sentence = f"this is not TOML: {reason[:1].lower()}{reason[1:]}"
        reader.problems.append(Problem(Source(path, line), sentence, contract=contract))
        return {}, reader


@dataclass(slots=True)
class Reader:
    """Reads values of one file, and gathers what is wrong with them."""

    path: str
    lines: Mapping[places.Key, int]
    contract: str
    problems: list[Problem] = field(default_factory=list)

    @property
    def top(self) -> Source:
        return Source(self.path, 1)

    def source(self, at: places.Key) -> Source:
        """The line of `at`, or of the nearest that it is in."""
        while at and at not in self.lines:
            at = at[:-1]
        return Source(self.path, self.lines.get(at, 1))

    def wrong(self, at: places.Key, message: str, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(self.source(at), message, severity, self.contract))

    def known(
        self,
        table: Mapping[str, Any],
        at: places.Key,
        keys: tuple[str, ...],
        severity: Severity = Severity.ERROR,
    ) -> None:
        for key in table:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                self.wrong((*at, key), f"there is no key '{key}' here{hint}", severity)

    def table(self, value: object, at: places.Key) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.wrong(at, f"'{at[-1]}' must be a table")
        return {}

    def flag(self, table: Mapping[str, Any], at: places.Key, key: str, *, default: bool) -> bool:
        value = table.get(key, default)
        if isinstance(value, bool):
            return value
        self.wrong((*at, key), f"'{key}' must be true or false")
        return default

    def text(self, table: Mapping[str, Any], at: places.Key, key: str) -> str | None:
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value
        self.wrong((*at, key), f"'{key}' must be a string")
        return None

    def choice(
        self, table: Mapping[str, Any], at: places.Key, key: str, choices: tuple[str, ...]
    ) -> str:
        """One of `choices`, the first where nothing is said."""
        value = table.get(key, choices[0])
        if value in choices:
            return str(value)
        listed = ", ".join(f"'{choice}'" for choice in choices)
        self.wrong((*at, key), f"'{key}' must be one of {listed}")
        return choices[0]

    def texts(self, table: Mapping[str, Any], at: places.Key, key: str) -> tuple[str, ...] | None:
        if key not in table:
            return None
        return tuple(
            value
            for index, value in self.array(table, at, key)
            if self._is_text(value, (*at, key, index))
        )

    def _is_text(self, value: object, at: places.Key) -> bool:
        if not isinstance(value, str):
            self.wrong(at, f"'{at[-2]}' must be a list of strings")
        return isinstance(value, str)

    def is_list(self, table: Mapping[str, Any], at: places.Key, key: str) -> bool:
        found = isinstance(table[key], list)
        if not found:
            self.wrong((*at, key), f"'{key}' must be a list")
        return found

    def array(
        self, table: Mapping[str, Any], at: places.Key, key: str
    ) -> Iterator[tuple[int, Any]]:
        if key in table and self.is_list(table, at, key):
            yield from enumerate(table[key])

    def each(
        self,
        table: Mapping[str, Any],
        at: places.Key,
        key: str,
        read_one: Callable[[Any, places.Key], Item | None],
    ) -> tuple[Item, ...]:
        """All that can be read of an array."""
        found = (read_one(value, (*at, key, i)) for i, value in self.array(table, at, key))
        return tuple(one for one in found if one is not None)

    def named(
        self, value: object, at: places.Key, name: str, switch: str
    ) -> tuple[str, bool] | None:
        """What may be written as a string, or as a table of a name and a switch."""
        if isinstance(value, str):
            return value, False
        if not isinstance(value, dict):
            self.wrong(at, f"this must be a string, or a table with '{name}' and '{switch}'")
            return None
        self.known(value, at, (name, switch))
        written = self.text(value, at, name)
        if written is None and name not in value:
            self.wrong(at, f"'{name}' is missing")
        on = self.flag(value, at, switch, default=False)
        return None if written is None else (written, on)
