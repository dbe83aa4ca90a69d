"""A table in memory, with the manners of a database.

Rows are copied on the way in and on the way out: who holds one cannot change the table with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shop.storage.query import Condition, Row, column

__all__ = ["DuplicateKey", "Row", "RowNotFound", "Table"]


class RowNotFound(LookupError):
    """There is no row with this key."""


class DuplicateKey(ValueError):
    """There already is a row with this key."""


class Table:
    """Rows with the same columns, found by the value of one of them."""

    def __init__(self, name: str, key: str, columns: Iterable[str]) -> None:
        self.name = name
        self.key = key
        self.columns = frozenset(columns) | {key}
        self._rows: dict[Any, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def insert(self, row: Row) -> None:
        """Add a row; columns that it leaves out are None.

        Raises DuplicateKey, and ValueError when a column is unknown or the key is missing.
        """
        self._check_columns(row)
        key = row.get(self.key)
        if key is None:
            raise ValueError(f"{self.name}: a row needs a value for {self.key}")
        if key in self._rows:
            raise DuplicateKey(f"{self.name}: there already is a {key!r}")
        self._rows[key] = {**dict.fromkeys(self.columns), **row}

    def get(self, key: Any) -> dict[str, Any]:
        """The row with this key. Raises RowNotFound."""
        try:
            return dict(self._rows[key])
        except KeyError:
            raise RowNotFound(f"{self.name}: there is no {key!r}") from None

    def update(self, key: Any, changes: Row) -> None:
        """Change some columns of a row. Raises RowNotFound, and ValueError for the key column."""
        self._check_columns(changes)
        if self.key in changes:
            raise ValueError(f"{self.name}: {self.key} identifies the row and stays as it is")
        self._rows[key] = {**self.get(key), **changes}

    def where(
        self,
        *conditions: Condition | bool,
        order_by: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """The rows of which all the conditions are true, oldest first unless told otherwise."""
        wanted = [Condition.of(condition) for condition in conditions]
        found = [
            dict(row)
            for row in self._rows.values()
            if all(condition.matches(row) for condition in wanted)
        ]
        if order_by is not None:
            found.sort(key=lambda row: row[order_by])
        return found[:limit]

    def missing(self, name: str, *conditions: Condition | bool) -> list[dict[str, Any]]:
        """The rows that have no value in a column, of those for which the conditions are true."""
        return self.where(column(name) == None, *conditions)

    def count(self, *conditions: Condition | bool) -> int:
        return len(self.where(*conditions))

    def _check_columns(self, row: Row) -> None:
        unknown = sorted(set(row) - self.columns)
        if unknown:
            raise ValueError(f"{self.name}: there is no column {', '.join(unknown)}")
