"""Reasons to pay less.

A promotion looks at a basket and offers a discount, or nothing. It never sees other promotions:
combining them is up to `Exclusive` and to the quote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shop.catalog import Category, Money
from shop.pricing.basket import Basket


@dataclass(frozen=True, slots=True)
class Discount:
    """An amount off, and what to call it on the receipt."""

    label: str
    amount: Money


class Promotion(Protocol):
    """Anything that can look at a basket and offer a discount."""

    def offer(self, basket: Basket) -> Discount | None:
        """The discount on this basket; None when there is nothing to give."""


@dataclass(frozen=True, slots=True)
class PercentOff:
    """So many percent off one category, or off everything."""

    label: str
    percent: int
    category: Category | None = None

    def offer(self, basket: Basket) -> Discount | None:
        amount = basket.amount_in(self.category).percent(self.percent)
        return Discount(f"{self.label} (-{self.percent} %)", amount) if amount else None


@dataclass(frozen=True, slots=True)
class PayFor:
    """Take `take`, pay for `pay`: of every full group of a product, some are free."""

    label: str
    sku: str
    take: int
    pay: int

    def __post_init__(self) -> None:
        if not 0 < self.pay < self.take:
            raise ValueError("one pays for at least one, and for fewer than one takes")

    def offer(self, basket: Basket) -> Discount | None:
        for line in basket:
            groups = line.quantity // self.take
            if line.sku == self.sku and groups:
                free = groups * (self.take - self.pay)
                return Discount(self.label, line.product.price * free)
        return None


@dataclass(frozen=True, slots=True)
class Voucher:
    """A fixed amount off, from a minimum purchase on. Never pays out more than the basket costs."""

    code: str
    amount: Money
    minimum: Money = Money(0)

    def offer(self, basket: Basket) -> Discount | None:
        if not basket.subtotal or basket.subtotal < self.minimum:
            return None
        return Discount(f"Voucher {self.code}", min(self.amount, basket.subtotal))


@dataclass(frozen=True, slots=True)
class Exclusive:
    """Only the best of several promotions. Among equals, the first."""

    promotions: tuple[Promotion, ...]

    def offer(self, basket: Basket) -> Discount | None:
        offers = [promotion.offer(basket) for promotion in self.promotions]
        given = [offer for offer in offers if offer is not None]
        return max(given, key=lambda discount: discount.amount, default=None)
