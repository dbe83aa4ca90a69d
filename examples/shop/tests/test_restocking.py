from __future__ import annotations

from dataclasses import replace

import pytest

from shop.catalog import Category, Money, Product
from shop.orders.restocking import Refill, refills

TEA = Product("TEA-001", "Earl Grey", Category.TEA, Money(650), 100, reorder_at=20, pack_size=12)


def test_enough_is_enough() -> None:
    assert refills([TEA], {"TEA-001": 20}, {}) == []
    assert refills([TEA], {"TEA-001": 21}, {}) == []


@pytest.mark.parametrize(
    ("level", "packs"), [(19, 2), (17, 2), (16, 2), (15, 3), (5, 3), (4, 3), (3, 4)]
)
def test_packs_are_not_opened(level: int, packs: int) -> None:
    assert refills([TEA], {"TEA-001": level}, {}) == [Refill("TEA-001", packs, 12 * packs)]


def test_an_empty_shelf_is_refilled() -> None:
    assert refills([TEA], {"TEA-001": 0}, {}) == [Refill("TEA-001", 4, 48)]


def test_products_that_nobody_counted_are_left_alone() -> None:
    assert refills([TEA], {}, {}) == []
    assert refills([TEA], {"TEA-002": 3}, {"TEA-001": 1}) == []


@pytest.mark.parametrize(
    ("incoming", "expected"),
    [(10, [Refill("TEA-001", 3, 36)]), (14, [Refill("TEA-001", 2, 24)]), (15, [])],
)
def test_what_is_on_its_way_counts(incoming: int, expected: list[Refill]) -> None:
    assert refills([TEA], {"TEA-001": 5}, {"TEA-001": incoming, "TEA-002": 99}) == expected


def test_withdrawn_products_are_not_ordered() -> None:
    assert refills([replace(TEA, active=False)], {"TEA-001": 0}, {}) == []


def test_products_without_a_level_are_not_ordered() -> None:
    assert refills([replace(TEA, reorder_at=0)], {"TEA-001": 0}, {}) == []


def test_refills_come_in_the_order_of_the_products() -> None:
    sencha = replace(TEA, sku="TEA-002", reorder_at=5, pack_size=1)
    levels = {"TEA-001": 19, "TEA-002": 4}
    assert refills([sencha, TEA], levels, {}) == [
        Refill("TEA-002", 6, 6),
        Refill("TEA-001", 2, 24),
    ]
