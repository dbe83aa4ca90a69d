"""Questions about rows, written as Python expressions.

    (column("status") == "paid") & (column("total") > 5000)

An expression does not compare anything yet: it builds a Condition, which is asked about one row
at a time. A row that has no value there is never smaller or larger than anything; it is equal to
None, and to nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is true of a row or not. `text` is for people."""

    matches: Callable[[Row], bool]
    text: str

    def __and__(self, other: Condition) -> Condition:
        return Condition(
            lambda row: self.matches(row) and other.matches(row), f"({self.text} and {other.text})"
        )

    def __or__(self, other: Condition) -> Condition:
        return Condition(
            lambda row: self.matches(row) or other.matches(row), f"({self.text} or {other.text})"
        )

    def __invert__(self) -> Condition:
        return Condition(lambda row: not self.matches(row), f"not {self.text}")

    @classmethod
    def of(cls, value: Condition | bool) -> Condition:
        """A plain truth value holds for all rows or for none, so that parts can be switched off."""
        if isinstance(value, Condition):
            return value
        return cls(lambda row: value, str(value).lower())


class Column:
    """A column by name. Comparing it gives a Condition, not a truth value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return Condition(lambda row: row.get(self.name) == value, f"{self.name} = {value!r}")

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        return ~(self == value)

    def __lt__(self, value: Any) -> Condition:
        return self._ordered(operator.lt, "<", value)

    def __le__(self, value: Any) -> Condition:
        return self._ordered(operator.le, "<=", value)

    def __gt__(self, value: Any) -> Condition:
        return self._ordered(operator.gt, ">", value)

    def __ge__(self, value: Any) -> Condition:
        return self._ordered(operator.ge, ">=", value)

    def one_of(self, values: Collection[Any]) -> Condition:
        return Condition(lambda row: row.get(self.name) in values, f"{self.name} in {values!r}")

    def _ordered(self, compare: Callable[[Any, Any], bool], sign: str, value: Any) -> Condition:
        def matches(row: Row) -> bool:
            found = row.get(self.name)
            return found is not None and compare(found, value)

        return Condition(matches, f"{self.name} {sign} {value!r}")


def column(name: str) -> Column:
    return Column(name)
