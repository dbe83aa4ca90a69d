"""All orders, and the questions that the shop asks about them.

A row carries the columns that can be asked for, and the order itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from shop.orders.order import Order, Status
from shop.storage import Table, column

COLUMNS = ("number", "customer", "status", "placed_on", "shipped_on", "cents", "order")


class Ledger:
    """Orders by number. Numbers start at 1001 and are never used again."""

    FIRST = 1001

    def __init__(self) -> None:
        self._table = Table("orders", key="number", columns=COLUMNS)

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Order]:
        """All orders, first ones first."""
        return iter(_orders(self._table.where()))

    def next_number(self) -> int:
        return self.FIRST + len(self._table)

    def add(self, order: Order) -> None:
        """Record a new order. Raises storage.DuplicateKey."""
        self._table.insert(_row(order))

    def replace(self, order: Order) -> None:
        """Record what became of an order. Raises storage.RowNotFound."""
        row = _row(order)
        del row["number"]
        self._table.update(order.number, row)

    def get(self, number: int) -> Order:
        """Raises storage.RowNotFound."""
        order: Order = self._table.get(number)["order"]
        return order

    def of_customer(self, customer: str) -> list[Order]:
        return _orders(self._table.where(column("customer") == customer))

    def waiting(self) -> list[Order]:
        """What has to be packed: paid, and not shipped yet."""
        return _orders(self._table.missing("shipped_on", column("status") == Status.PAID))

    def unpaid_since(self, day: date) -> list[Order]:
        """Who has to be reminded: placed on that day or before, and not paid yet."""
        old = column("placed_on") <= day
        return _orders(self._table.where(old & (column("status") == Status.PLACED)))

    def largest(self, count: int, *, customer: str | None = None) -> list[Order]:
        """The orders with the highest totals, highest first."""
        rows = self._table.where(customer is None or column("customer") == customer)
        rows.sort(key=lambda row: -row["cents"])
        return _orders(rows[:count])


def _row(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "customer": order.customer,
        "status": order.status,
        "placed_on": order.placed_on,
        "shipped_on": order.shipped_on,
        "cents": order.quote.total.cents,
        "order": order,
    }


def _orders(rows: list[dict[str, Any]]) -> list[Order]:
    return [row["order"] for row in rows]
