"""A small catalogue, a counter, and a calendar that can be moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from shop.catalog import Catalog, Category, Money, Product
from shop.orders import Inventory, Ledger, OrderDesk


class Calendar:
    """Tells the day, and turns to another one on demand."""

    def __init__(self) -> None:
        self.day = date(2025, 3, 3)

    def today(self) -> date:
        return self.day

    def pass_days(self, days: int) -> None:
        self.day += timedelta(days=days)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(
        [
            Product("TEA-001", "Earl Grey", Category.TEA, Money(650), 100),
            Product("TEA-002", "Green Sencha", Category.TEA, Money(900), 100),
            Product("FOO-001", "Ginger Biscuits", Category.FOOD, Money(320), 250),
            Product("CRO-001", "Grey Teapot", Category.CROCKERY, Money(3400), 1200),
            Product("CRO-002", "Chipped Cup", Category.CROCKERY, Money(100), 200, active=False),
        ]
    )


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def desk(catalog: Catalog, calendar: Calendar) -> OrderDesk:
    inventory = Inventory()
    for product in catalog:
        inventory.receive(product.sku, 10)
    return OrderDesk(catalog, inventory, Ledger(), calendar.today)


@pytest.fixture
def pass_days(calendar: Calendar) -> Callable[[int], None]:
    return calendar.pass_days
