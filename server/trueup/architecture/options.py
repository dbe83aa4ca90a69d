"""Options of a configuration as they are written, and how they become values with problems.

A wrong option is a Problem at its line and leaves its default; whoever reads goes on. Knows no file
and no kind of contract.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from trueup.architecture.contracts import Problem, Severity, Source
from trueup.architecture.places import Keys, Place, Places

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of options, where it stands, and where each of its options stands."""

    file: str
    keys: Keys
    options: Mapping[str, object]
    places: Places

    @property
    def source(self) -> Source:
        return self.at(self.places.of(self.keys).line)

    def at(self, line: int) -> Source:
        return Source(self.file, line)

    def place(self, key: str) -> Place:
        return self.places.of((*self.keys, key))

    def tables(self, key: str, problems: list[Problem]) -> Iterator[Section]:
        """The tables of an array, each as a section; what else is there is a problem."""
        value = self.options.get(key, [])
        items = value if isinstance(value, list) else [value]
        for number, item in enumerate(items):
            keys = (*self.keys, key, number)
            if isinstance(value, list) and isinstance(item, Mapping):
                yield Section(self.file, keys, item, self.places)
            else:
                name = ".".join(str(part) for part in (*self.keys, key))
                source = self.at(self.places.of(keys).line)
                problems.append(Problem(source, f"a contract is a table that begins [[{name}]]"))


@dataclass(slots=True)
class Reader:
    """Reads a section. `known` are the keys that it may have, each with what it is written as."""

    section: Section
    known: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def has(self, key: str) -> bool:
        return self.known[key] in self.section.options

    def text(self, key: str, default: str = "") -> str:
        """A text of one line or more; lines may be a list."""
        value = self._value(key, default)
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            return "\n".join(value)
        return value if isinstance(value, str) else self._wrong(key, "must be a text", default)

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._value(key, default)
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if isinstance(value, bool):
            return value
        return self._wrong(key, "must be true or false", default)

    def number(self, key: str, default: int) -> int:
        """A whole number from 0 on."""
        value = self._value(key, default)
        if isinstance(value, str) and value.strip().lstrip("+").isdecimal():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        return self._wrong(key, "must be a whole number from 0 on", default)

    def choice(self, key: str, default: E) -> E:
        value = self._value(key, default)
        if value == "":
            return default
        kinds = type(default)
        if isinstance(value, str) and value.strip() in set(kinds):
            return kinds(value.strip())
        return self._wrong(key, f"must be {_one_of(kinds)}", default)

    def items(self, key: str, *, required: bool = False) -> Iterator[tuple[str, Source]]:
        """The texts of a list, each with its place; a text alone is a list of one."""
        if required and not self.has(key):
            self.problem(f"{self.known[key]} is missing", self.section.source)
        value = self._value(key, [])
        place = self.section.place(self.known[key])
        values = value if isinstance(value, list) else [value]
        lines = place.items if len(place.items) == len(values) else (place.line,) * len(values)
        for item, line in zip(values, lines, strict=True):
            if not isinstance(item, str):
                self.problem(f"{self.known[key]} must hold texts only", self.section.at(line))
            elif item.strip():
                yield item, self.section.at(line)

    def parsed(
        self, key: str, parse: Callable[[str, Source], T], *, required: bool = False
    ) -> tuple[T, ...]:
        """The items of a list, each made a value; `parse` raises ValueError with a sentence."""
        found: list[T] = []
        for text, source in self.items(key, required=required):
            try:
                found.append(parse(text, source))
            except ValueError as error:
                self.problem(f"{self.known[key]}: {error}", source)
        if required and self.has(key) and not found and not self.problems:
            says = f"{self.known[key]} is empty, so nothing is judged"
            self.problem(says, self.source(key), Severity.WARNING)
        return tuple(found)

    def source(self, key: str) -> Source:
        return self.section.at(self.section.place(self.known[key]).line)

    def unknown(self, severity: Severity = Severity.ERROR) -> None:
        """Say which keys mean nothing here, each with the one that was likely meant."""
        written = sorted(self.known.values())
        for key in self.section.options:
            if key not in written:
                line = self.section.at(self.section.place(key).line)
                self.problem(f"{key} means nothing here{meant(key, written)}", line, severity)

    def wrong(self, key: str, says: str) -> None:
        self.problem(f"{self.known[key]} {says}", self.source(key))

    def problem(self, says: str, source: Source, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(source, says, severity))

    def _value(self, key: str, default: object) -> object:
        return self.section.options.get(self.known[key], default)

    def _wrong(self, key: str, says: str, default: T) -> T:
        self.wrong(key, says)
        return default


def meant(key: str, known: Iterable[str]) -> str:
    """The likeliest of the known keys, as the end of a sentence; "" where none is like it."""
    close = difflib.get_close_matches(key, list(known), n=1)
    return f": is {close[0]} meant?" if close else ""


def _one_of(values: Iterable[str]) -> str:
    *first, last = values
    return f"{', '.join(first)} or {last}"
