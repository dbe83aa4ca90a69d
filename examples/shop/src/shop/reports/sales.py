"""How business goes: sums over orders.

All of them take any orders and count only those of which the shop keeps the money.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from shop.catalog import Category, Money, total
from shop.orders import Order


@dataclass(frozen=True, slots=True)
class Month:
    """One month's business. `name` sorts by time: `2025-03`."""

    name: str
    orders: int
    revenue: Money


def revenue(orders: Iterable[Order]) -> Money:
    """What the goods brought in: after discounts, without tax and shipping."""
    return total(order.quote.net for order in _sold(orders))


def by_month(orders: Iterable[Order]) -> list[Month]:
    """Months with at least one order, by the day on which it was placed, oldest first."""
    months: defaultdict[str, list[Order]] = defaultdict(list)
    for order in _sold(orders):
        months[f"{order.placed_on:%Y-%m}"].append(order)
    return [Month(name, len(sold), revenue(sold)) for name, sold in sorted(months.items())]


def by_category(orders: Iterable[Order]) -> dict[Category, Money]:
    """List prices sold per category, highest first; discounts are not attributed."""
    sums: defaultdict[Category, Money] = defaultdict(Money)
    for order in _sold(orders):
        for line in order.basket:
            sums[line.product.category] += line.amount
    return dict(sorted(sums.items(), key=lambda entry: -entry[1].cents))


def best_sellers(orders: Iterable[Order], count: int = 3) -> list[tuple[str, int]]:
    """SKUs and pieces sold, most first; equals in the order of their SKUs."""
    pieces: Counter[str] = Counter()
    for order in _sold(orders):
        for line in order.basket:
            pieces[line.sku] += line.quantity
    return sorted(pieces.items(), key=lambda entry: (-entry[1], entry[0]))[:count]


def regulars(orders: Iterable[Order], at_least: int = 2) -> list[str]:
    """Customers who came back, in alphabetical order."""
    visits = Counter(order.customer for order in _sold(orders))
    return sorted(customer for customer, count in visits.items() if count >= at_least)


def typical_days_to_ship(orders: Iterable[Order]) -> float | None:
    """The median over shipped orders; None when nothing was shipped."""
    days = [order.days_to_ship() for order in orders]
    known = [count for count in days if count is not None]
    return float(median(known)) if known else None


def _sold(orders: Iterable[Order]) -> list[Order]:
    return [order for order in orders if order.counts_as_sold]
