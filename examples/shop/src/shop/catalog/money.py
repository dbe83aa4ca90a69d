"""Money as whole cents, because nobody can pay half of one.

Every rounding in the shop happens here: half a cent goes away from zero, as on a till.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An amount in the shop's only currency. May be negative: a refund is."""

    cents: int = 0

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read `"12.50"`, `"12.5"` or `"12"`.

        Raises ValueError for anything else, fractions of a cent included.
        """
        try:
            cents = Decimal(text.strip()) * 100
        except InvalidOperation:
            raise ValueError(f"not an amount: {text!r}") from None
        if not cents.is_finite() or cents != cents.to_integral_value():
            raise ValueError(f"not an amount in whole cents: {text!r}")
        return cls(int(cents))

    def __add__(self, other: Money) -> Money:
        return Money(self.cents + other.cents)

    def __sub__(self, other: Money) -> Money:
        return Money(self.cents - other.cents)

    def __mul__(self, count: int) -> Money:
        return Money(self.cents * count)

    def __neg__(self) -> Money:
        return Money(-self.cents)

    def __bool__(self) -> bool:
        return self.cents != 0

    def __str__(self) -> str:
        units, cents = divmod(abs(self.cents), 100)
        sign = "-" if self.cents < 0 else ""
        return f"{sign}{units}.{cents:02d}"

    def percent(self, rate: int | Decimal) -> Money:
        """This part of the amount, rounded to a cent: 19 means 19 %."""
        exact = Decimal(self.cents) * Decimal(rate) / 100
        return Money(int(exact.to_integral_value(rounding=ROUND_HALF_UP)))

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Shares in proportion to the weights, which add up to exactly this amount.

        Cents that do not divide go to the largest remainders, earlier shares first.
        Raises ValueError when there is no positive weight, or a negative one.
        """
        if not any(weights) or min(weights) < 0:
            raise ValueError("weights must be non-negative, and one of them positive")
        whole = sum(weights)
        floors = [divmod(self.cents * weight, whole) for weight in weights]
        shares = [floor for floor, _ in floors]
        left_over = self.cents - sum(shares)
        by_remainder = sorted(range(len(weights)), key=lambda place: -floors[place][1])
        for place in by_remainder[:left_over]:
            shares[place] += 1
        return [Money(share) for share in shares]


def total(amounts: Iterable[Money]) -> Money:
    """The sum; nothing at all sums up to 0.00."""
    return Money(sum(amount.cents for amount in amounts))
