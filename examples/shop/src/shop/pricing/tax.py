"""Value added tax, which comes on top of the prices in the catalogue.

Rounded per line and then added up, because that is what the receipt shows: a customer who adds up
the lines must arrive at the same cent.
"""

from __future__ import annotations

from collections.abc import Mapping

from shop.catalog import Category, Money
from shop.pricing.basket import Basket

RATES: Mapping[Category, int] = {
    Category.TEA: 7,
    Category.FOOD: 7,
    Category.CROCKERY: 19,
    Category.GIFT: 19,
}


def discounted_amounts(basket: Basket, discount: Money) -> list[Money]:
    """What each line costs after a discount on the whole basket, shared out by amount."""
    amounts = [line.amount for line in basket]
    if not any(amounts):
        return amounts
    shares = discount.split([amount.cents for amount in amounts])
    return [amount - share for amount, share in zip(amounts, shares, strict=True)]


def by_rate(basket: Basket, discount: Money) -> dict[int, Money]:
    """The tax on a basket for each rate in it, lowest rate first."""
    taxes: dict[int, Money] = {}
    for line, amount in zip(basket, discounted_amounts(basket, discount), strict=True):
        rate = RATES[line.product.category]
        taxes[rate] = taxes.get(rate, Money(0)) + amount.percent(rate)
    return dict(sorted(taxes.items()))
