from __future__ import annotations

import pytest

from shop.catalog import Catalog
from shop.orders import Inventory, OutOfStock
from shop.pricing import Basket


@pytest.fixture
def shelf() -> Inventory:
    inventory = Inventory()
    inventory.receive("TEA-001", 5)
    inventory.receive("FOO-001", 2)
    return inventory


def basket_of(catalog: Catalog, **quantities: int) -> Basket:
    basket = Basket()
    for name, quantity in quantities.items():
        basket = basket.add(catalog[name.replace("_", "-")], quantity)
    return basket


@pytest.mark.parametrize(
    ("quantities", "possible"),
    [
        ({}, True),
        ({"TEA_001": 4}, True),
        ({"TEA_001": 5}, True),
        ({"TEA_001": 6}, False),
        ({"TEA_001": 1, "FOO_001": 2}, True),
        ({"TEA_001": 1, "FOO_001": 3}, False),
        ({"TEA_001": 6, "FOO_001": 1}, False),
        ({"CRO_001": 1}, False),
    ],
    ids=[
        "nothing",
        "fewer",
        "the last",
        "one too many",
        "two lines",
        "second line short",
        "first line short",
        "never arrived",
    ],
)
def test_a_basket_can_be_fulfilled_when_every_line_can(
    catalog: Catalog, shelf: Inventory, quantities: dict[str, int], possible: bool
) -> None:
    assert shelf.can_fulfil(basket_of(catalog, **quantities)) is possible


def test_what_is_promised_is_not_available(catalog: Catalog, shelf: Inventory) -> None:
    shelf.reserve(basket_of(catalog, TEA_001=3))
    assert (shelf.on_hand("TEA-001"), shelf.available("TEA-001")) == (5, 2)
    assert not shelf.can_fulfil(basket_of(catalog, TEA_001=3))


def test_a_short_basket_reserves_nothing(catalog: Catalog, shelf: Inventory) -> None:
    with pytest.raises(OutOfStock, match="1 x FOO-001, 1 x CRO-001") as caught:
        shelf.reserve(basket_of(catalog, TEA_001=1, FOO_001=3, CRO_001=1))
    assert caught.value.missing == {"FOO-001": 1, "CRO-001": 1}
    assert shelf.available("TEA-001") == 5


def test_dispatched_goods_leave_the_shelf(catalog: Catalog, shelf: Inventory) -> None:
    basket = basket_of(catalog, TEA_001=3, FOO_001=1)
    shelf.reserve(basket)
    shelf.dispatch(basket)
    assert (shelf.on_hand("TEA-001"), shelf.available("TEA-001")) == (2, 2)
    assert (shelf.on_hand("FOO-001"), shelf.available("FOO-001")) == (1, 1)


def test_only_promises_can_be_taken_back(catalog: Catalog, shelf: Inventory) -> None:
    shelf.reserve(basket_of(catalog, TEA_001=3))
    shelf.release(basket_of(catalog, TEA_001=2))
    assert shelf.available("TEA-001") == 4
    with pytest.raises(ValueError, match="2 x TEA-001 were never promised"):
        shelf.release(basket_of(catalog, TEA_001=2))


def test_a_delivery_is_never_empty(shelf: Inventory) -> None:
    with pytest.raises(ValueError, match="at least one"):
        shelf.receive("TEA-001", 0)
