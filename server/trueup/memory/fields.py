"""Reads fields of YAML as what they are to be, and says of each that is not so, at its line.

One field that is wrong does not silence the others.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from trueup.architecture.contracts import Severity
from trueup.memory.hidden import one_line
from trueup.memory.yaml_text import Node, Sequence, Table, Text

TEXT_CHARACTERS_MAX: Final = 10_000
ITEMS_MAX: Final = 500

_E = TypeVar("_E", bound=StrEnum)


class Remark(NamedTuple):
    """A sentence about a 1-based line, and how much it matters."""

    line: int
    message: str
    severity: Severity = Severity.ERROR


class Fields:
    """One map. Whoever reads it asks for what it knows; `remarks` are what was wrong."""

    def __init__(self, table: Table, what: str) -> None:
        self.table = table
        self.what = what
        self.remarks: list[Remark] = []
        self._wrong: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self.table.get(key) is not None

    def is_wrong(self, *keys: str) -> bool:
        """Whether one of these was given and could not be read."""
        return bool(self._wrong & set(keys))

    def line(self, key: str) -> int:
        node = self.table.get(key)
        return node.line if node is not None else self.table.line

    def remark(self, line: int, message: str, severity: Severity = Severity.ERROR) -> None:
        self.remarks.append(Remark(line, message, severity))

    def refuse(self, key: str, message: str) -> None:
        self._wrong.add(key)
        self.remark(self.line(key), message)

    def text(self, key: str, default: str = "") -> str:
        node = self.table.get(key)
        if node is None:
            return default
        if not isinstance(node, Text):
            self.refuse(key, f"{key} is one text, not a list or a map")
            return default
        if len(node.value) > TEXT_CHARACTERS_MAX:
            self.refuse(key, f"{key} is longer than {TEXT_CHARACTERS_MAX:,} characters")
            return default
        return node.value.strip()

    def choice(self, key: str, choices: type[_E], default: _E) -> _E:
        said = self.text(key)
        if not said:
            return default
        found = next((item for item in choices if item.casefold() == said.casefold()), None)
        if found is None:
            known = ", ".join(choices)
            self.refuse(key, f"{key} is one of {known}{nearest(said, choices)}")
            return default
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        said = self.text(key).casefold()
        if said not in {"", "true", "false"}:
            self.refuse(key, f"{key} is true or false")
        return said == "true" if said in {"true", "false"} else default

    def texts(self, *keys: str) -> tuple[str, ...]:
        """All texts under these keys, each one text or a list of them."""
        return tuple(said.strip() for key in keys for said in self.sources(key) if said.strip())

    def sources(self, key: str) -> tuple[str, ...]:
        """The same for texts of Python, whose spaces matter."""
        found = []
        for node in self.nodes(key):
            if not isinstance(node, Text):
                self.refuse(key, f"{key} is a text or a list of texts")
            elif len(node.value) > TEXT_CHARACTERS_MAX:
                self.refuse(key, f"{key} is longer than {TEXT_CHARACTERS_MAX:,} characters")
            else:
                found.append(node.value)
        return tuple(found)

    def nodes(self, key: str) -> tuple[Node, ...]:
        """What stands under a key: the items of a list, or the one value."""
        node = self.table.get(key)
        if node is None or (isinstance(node, Text) and not node.value.strip()):
            return ()
        if not isinstance(node, Sequence):
            return (node,)
        if len(node.items) > ITEMS_MAX:
            self.refuse(key, f"{key} has more than {ITEMS_MAX} entries")
            return ()
        return node.items

    def below(self, key: str) -> Fields | None:
        node = self.table.get(key)
        if node is None or (isinstance(node, Text) and not node.value):
            return None
        if not isinstance(node, Table):
            self.refuse(key, f"{key} is a map, such as `{key}: {{…: …}}`")
            return None
        return Fields(node, key)

    def only(self, known: Iterable[str]) -> None:
        """A remark for each key that is not among the known ones, with the nearest of them."""
        names = tuple(known)
        for key, _ in self.table.entries:
            if key.value not in names:
                said = one_line(key.value[:60])
                self.remark(
                    key.line,
                    f"{self.what} has no {said!r}{nearest(key.value, names)}",
                    Severity.WARNING,
                )


def nearest(said: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(said.casefold()[:60], list(known), 1)
    return f"; did you mean '{near[0]}'?" if near else ""
