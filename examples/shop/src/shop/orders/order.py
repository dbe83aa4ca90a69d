"""One order, and the steps of its life.

    placed ──> paid ──> shipped ──> returned
       └────────┴──> cancelled

Nothing leads back, and nothing leads away from an order that was returned or cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shop.pricing import Basket, Quote


class IllegalStep(ValueError):
    """The order cannot go there from where it is."""


class Status(StrEnum):
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    RETURNED = "returned"
    CANCELLED = "cancelled"


STEPS: Mapping[Status, frozenset[Status]] = {
    Status.PLACED: frozenset({Status.PAID, Status.CANCELLED}),
    Status.PAID: frozenset({Status.SHIPPED, Status.CANCELLED}),
    Status.SHIPPED: frozenset({Status.RETURNED}),
    Status.RETURNED: frozenset(),
    Status.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Order:
    """A basket that a customer ordered, at the price of that day."""

    number: int
    customer: str
    basket: Basket
    quote: Quote
    placed_on: date
    status: Status = Status.PLACED
    shipped_on: date | None = None

    @property
    def final(self) -> bool:
        """Whether nothing can happen to this order any more."""
        return not STEPS[self.status]

    @property
    def counts_as_sold(self) -> bool:
        """Whether the shop keeps the money."""
        return self.status in {Status.PAID, Status.SHIPPED}

    def days_to_ship(self) -> int | None:
        """From placing to shipping; None while it is still here."""
        if self.shipped_on is None:
            return None
        return (self.shipped_on - self.placed_on).days

    def step(self, status: Status, *, on: date | None = None) -> Order:
        """The order after its next step. Raises IllegalStep.

        `on` is the day, which only shipping needs: it may not be before the order was placed.
        """
        if status not in STEPS[self.status]:
            raise IllegalStep(f"order {self.number} is {self.status}, it cannot be {status}")
        if status is not Status.SHIPPED:
            return replace(self, status=status)
        if on is None or on < self.placed_on:
            raise IllegalStep(f"order {self.number} needs a day of shipping, not before its own")
        return replace(self, status=status, shipped_on=on)
