from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shop.catalog import Money, UnknownProduct
from shop.orders import IllegalStep, Order, OrderDesk, OutOfStock, Status
from shop.pricing.promotions import Voucher
from shop.storage import RowNotFound


def numbers(orders: list[Order]) -> list[int]:
    return [order.number for order in orders]


def test_an_order_reserves_its_goods(desk: OrderDesk) -> None:
    order = desk.place("ada", {"TEA-001": 3, "FOO-001": 1})
    assert (order.number, order.status, order.placed_on) == (1001, Status.PLACED, desk.today())
    assert order.quote.goods == Money(2270)
    assert desk.inventory.available("TEA-001") == 7
    assert desk.inventory.on_hand("TEA-001") == 10


def test_promotions_of_the_desk_apply(desk: OrderDesk) -> None:
    order = replace(desk, promotions=(Voucher("TEA5", Money(500)),)).place("ada", {"TEA-001": 1})
    assert order.quote.discount == Money(500)


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({}, ValueError),
        ({"TEA-001": 1, "TEA-999": 1}, UnknownProduct),
        ({"TEA-001": 1, "FOO-001": 11}, OutOfStock),
        ({"TEA-001": 1, "CRO-001": 9}, ValueError),
    ],
    ids=["nothing", "unknown", "out of stock", "too heavy"],
)
def test_a_refused_order_changes_nothing(
    desk: OrderDesk, wanted: dict[str, int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        desk.place("ada", wanted)
    assert len(desk.ledger) == 0
    assert desk.inventory.available("TEA-001") == 10


def test_from_the_shelf_to_the_customer_and_back(
    desk: OrderDesk, pass_days: Callable[[int], None]
) -> None:
    number = desk.place("ada", {"TEA-001": 3}).number
    desk.pay(number)
    pass_days(2)
    shipped = desk.ship(number)
    assert (shipped.status, shipped.days_to_ship()) == (Status.SHIPPED, 2)
    assert desk.inventory.on_hand("TEA-001") == 7
    assert desk.take_back(number).final
    assert desk.inventory.available("TEA-001") == 10


def test_a_cancelled_order_gives_its_goods_back(desk: OrderDesk) -> None:
    number = desk.place("ada", {"TEA-001": 3}).number
    assert desk.cancel(number).status is Status.CANCELLED
    assert desk.inventory.available("TEA-001") == 10
    with pytest.raises(IllegalStep, match="is cancelled, it cannot be paid"):
        desk.pay(number)


def test_nothing_leaves_unpaid_or_before_its_order(
    desk: OrderDesk, pass_days: Callable[[int], None]
) -> None:
    number = desk.place("ada", {"TEA-001": 3}).number
    with pytest.raises(IllegalStep, match="is placed, it cannot be shipped"):
        desk.ship(number)
    desk.pay(number)
    pass_days(-1)
    with pytest.raises(IllegalStep, match="not before its own"):
        desk.ship(number)
    assert desk.inventory.on_hand("TEA-001") == 10


def test_paid_orders_wait_until_they_are_shipped(desk: OrderDesk) -> None:
    for customer in ("ada", "bob", "cleo"):
        desk.place(customer, {"TEA-001": 1})
    desk.pay(1003)
    desk.pay(1001)
    assert numbers(desk.ledger.waiting()) == [1001, 1003]
    desk.ship(1001)
    assert numbers(desk.ledger.waiting()) == [1003]


def test_reminders_go_to_those_who_have_not_paid(
    desk: OrderDesk, pass_days: Callable[[int], None]
) -> None:
    first_day = desk.today()
    desk.place("ada", {"TEA-001": 1})
    desk.place("bob", {"TEA-001": 1})
    desk.pay(1002)
    pass_days(1)
    desk.place("cleo", {"TEA-001": 1})
    assert numbers(desk.ledger.unpaid_since(first_day)) == [1001]
    assert numbers(desk.ledger.unpaid_since(desk.today())) == [1001, 1003]


def test_the_largest_orders_come_first(desk: OrderDesk) -> None:
    desk.place("ada", {"TEA-001": 1})
    desk.place("bob", {"TEA-001": 3})
    desk.place("ada", {"TEA-001": 2})
    assert numbers(desk.ledger.largest(2)) == [1002, 1003]
    assert numbers(desk.ledger.largest(2, customer="ada")) == [1003, 1001]
    assert numbers(desk.ledger.of_customer("ada")) == [1001, 1003]


def test_an_unknown_number_is_an_error(desk: OrderDesk) -> None:
    with pytest.raises(RowNotFound, match="4711"):
        desk.pay(4711)
