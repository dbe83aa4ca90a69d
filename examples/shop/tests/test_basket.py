from __future__ import annotations

import pytest

from shop.catalog import Catalog, Category, Money
from shop.pricing import Basket


def test_adding_a_product_again_makes_one_line_longer(catalog: Catalog) -> None:
    basket = Basket().add(catalog["TEA-001"]).add(catalog["FOO-001"]).add(catalog["TEA-001"], 2)
    assert [(line.sku, line.quantity) for line in basket] == [("TEA-001", 3), ("FOO-001", 1)]


def test_a_basket_sums_up_money_and_weight(catalog: Catalog) -> None:
    basket = Basket().add(catalog["TEA-001"], 2).add(catalog["FOO-001"])
    assert basket.subtotal == Money(1620)
    assert basket.amount_in(Category.FOOD) == Money(320)
    assert basket.grams == 450


@pytest.mark.parametrize(("quantity", "left"), [(1, 2), (3, 0), (4, 0), (None, 0)])
def test_removing_leaves_what_was_not_taken(
    catalog: Catalog, quantity: int | None, left: int
) -> None:
    basket = Basket().add(catalog["TEA-001"], 3).add(catalog["FOO-001"])
    rest = basket.remove("TEA-001", quantity)
    assert rest.quantity_of("TEA-001") == left
    assert rest.quantity_of("FOO-001") == 1
    assert basket.quantity_of("TEA-001") == 3


def test_withdrawn_products_and_empty_lines_are_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="no longer sold"):
        Basket().add(catalog["CRO-002"])
    with pytest.raises(ValueError, match="at least 1"):
        Basket().add(catalog["TEA-001"], 0)
