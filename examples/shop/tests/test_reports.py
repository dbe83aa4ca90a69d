from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from shop.catalog import Catalog, Category, Money
from shop.orders import Order, OrderDesk
from shop.pricing import Basket, quote
from shop.pricing.promotions import Voucher
from shop.reports import export, sales
from shop.reports.receipt import receipt


@pytest.fixture
def orders(desk: OrderDesk, pass_days: Callable[[int], None]) -> list[Order]:
    """Three that are sold, one that is not paid, one that came back."""
    desk.place("ada", {"TEA-001": 2, "CRO-001": 1})
    desk.place("bob", {"TEA-002": 3})
    pass_days(30)
    desk.place("ada", {"FOO-001": 2, "TEA-001": 1})
    desk.place("cleo", {"TEA-002": 5})
    desk.place("bob", {"CRO-001": 2})
    for number in (1001, 1002, 1003, 1005):
        desk.pay(number)
    desk.ship(1001)
    desk.ship(1005)
    desk.take_back(1005)
    return list(desk.ledger)


def test_revenue_is_what_the_shop_keeps(orders: list[Order]) -> None:
    assert sales.revenue(orders) == Money(4700 + 2700 + 1290)
    assert sales.revenue([]) == Money(0)


def test_business_by_month(orders: list[Order]) -> None:
    assert sales.by_month(orders) == [
        sales.Month("2025-03", 2, Money(7400)),
        sales.Month("2025-04", 1, Money(1290)),
    ]


def test_categories_with_the_highest_sales_come_first(orders: list[Order]) -> None:
    assert list(sales.by_category(orders).items()) == [
        (Category.TEA, Money(4650)),
        (Category.CROCKERY, Money(3400)),
        (Category.FOOD, Money(640)),
    ]


def test_best_sellers_with_equals_in_order(orders: list[Order]) -> None:
    assert sales.best_sellers(orders) == [("TEA-001", 3), ("TEA-002", 3), ("FOO-001", 2)]
    assert sales.best_sellers(orders, 1) == [("TEA-001", 3)]


def test_regulars_came_back(orders: list[Order]) -> None:
    assert sales.regulars(orders) == ["ada"]
    assert sales.regulars(orders, at_least=1) == ["ada", "bob"]


def test_typical_days_to_ship(orders: list[Order]) -> None:
    assert sales.typical_days_to_ship(orders) == 15.0
    assert sales.typical_days_to_ship([]) is None


def test_a_receipt_shows_how_the_total_comes_about(catalog: Catalog) -> None:
    basket = Basket().add(catalog["TEA-001"], 2).add(catalog["FOO-001"])
    priced = quote(basket, [Voucher("TEA5", Money(500))], notes=["Ships on Monday"])
    assert receipt(Order(1001, "ada", basket, priced, date(2025, 3, 3))) == (
        "Order 1001                    2025-03-03\n"
        "----------------------------------------\n"
        "2 x Earl Grey                      13.00\n"
        "1 x Ginger Biscuits                 3.20\n"
        "----------------------------------------\n"
        "Discount                           -5.00\n"
        "VAT 7 %                             0.78\n"
        "Shipping                            2.90\n"
        "Total                              14.88\n"
        "* Ships on Monday\n"
        "* Voucher TEA5: -5.00\n"
    )


def test_long_names_are_cut_and_free_shipping_is_announced(catalog: Catalog) -> None:
    pot = replace(catalog["CRO-001"], name="Grey Teapot with a Very Long Spout")
    basket = Basket().add(pot, 2)
    text = receipt(Order(1001, "ada", basket, quote(basket), date(2025, 3, 3)))
    assert "2 x Grey Teapot with a Very Long … 68.00\n" in text
    assert "Shipping is on us.\n" in text
    assert "Discount" not in text


def test_a_spreadsheet_has_a_line_per_order(orders: list[Order]) -> None:
    named = replace(orders[0], customer="Lovelace, Ada")
    assert export.as_csv([named, orders[3]]) == (
        "number,customer,placed_on,shipped_on,status,total\n"
        '1001,"Lovelace, Ada",2025-03-03,2025-04-02,shipped,59.27\n'
        "1004,cleo,2025-04-02,,placed,51.05\n"
    )
