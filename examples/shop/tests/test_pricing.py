from __future__ import annotations

import pytest

from shop.catalog import Catalog, Category, Money, Product
from shop.pricing import Basket, quote, tax
from shop.pricing.promotions import Discount, Exclusive, PayFor, PercentOff, Voucher
from shop.pricing.shipping import STANDARD, Tariff, TooHeavy


@pytest.fixture
def teas(catalog: Catalog) -> Basket:
    """Worth 28.50, of which 19.50 are Earl Grey."""
    return Basket().add(catalog["TEA-001"], 3).add(catalog["TEA-002"])


def test_percent_off_can_be_limited_to_a_category(catalog: Catalog, teas: Basket) -> None:
    basket = teas.add(catalog["CRO-001"])
    spring = PercentOff("Spring", 10, Category.CROCKERY)
    assert spring.offer(basket) == Discount("Spring (-10 %)", Money(340))
    assert spring.offer(teas) is None


@pytest.mark.parametrize(("quantity", "free"), [(2, 0), (3, 1), (5, 1), (6, 2)])
def test_only_full_groups_have_a_free_one(catalog: Catalog, quantity: int, free: int) -> None:
    offer = PayFor("3 for 2", "TEA-001", take=3, pay=2).offer(
        Basket().add(catalog["TEA-001"], quantity)
    )
    assert (offer.amount if offer else Money(0)) == Money(650) * free


@pytest.mark.parametrize(("minimum", "amount"), [(2849, 500), (2850, 500), (2851, None)])
def test_a_voucher_needs_its_minimum(teas: Basket, minimum: int, amount: int | None) -> None:
    offer = Voucher("TEA5", Money(500), Money(minimum)).offer(teas)
    assert offer == (None if amount is None else Discount("Voucher TEA5", Money(amount)))


def test_only_the_best_of_exclusive_promotions_is_given(teas: Basket) -> None:
    small, large = Voucher("SMALL", Money(100)), Voucher("LARGE", Money(300))
    equal = Voucher("EQUAL", Money(300))
    assert Exclusive((small, large, equal)).offer(teas) == Discount("Voucher LARGE", Money(300))
    assert Exclusive(()).offer(teas) is None


def test_tax_is_charged_by_rate(catalog: Catalog, teas: Basket) -> None:
    basket = teas.add(catalog["CRO-001"])
    assert tax.by_rate(basket, Money(0)) == {7: Money(200), 19: Money(646)}


def test_tax_is_rounded_line_by_line() -> None:
    samples = [Product(f"TEA-10{n}", f"Sample {n}", Category.TEA, Money(36), 10) for n in range(3)]
    basket = Basket()
    for sample in samples:
        basket = basket.add(sample)
    assert tax.by_rate(basket, Money(0)) == {7: Money(9)}


def test_a_discount_is_shared_by_all_lines(catalog: Catalog, teas: Basket) -> None:
    assert tax.discounted_amounts(teas, Money(950)) == [Money(1300), Money(600)]
    assert tax.discounted_amounts(Basket(), Money(0)) == []


@pytest.mark.parametrize(
    ("grams", "goods", "price"),
    [
        (0, 0, 0),
        (1, 0, 290),
        (500, 0, 290),
        (501, 0, 490),
        (10_000, 49_99, 890),
        (10_000, 50_00, 0),
    ],
)
def test_shipping_goes_by_weight_until_the_shop_pays(grams: int, goods: int, price: int) -> None:
    assert STANDARD.charge(grams, Money(goods)) == Money(price)


def test_no_parcel_is_too_heavy_for_its_band() -> None:
    with pytest.raises(TooHeavy, match="10001 g"):
        STANDARD.charge(10_001, Money(99_99))
    with pytest.raises(ValueError, match="heavier than the one before"):
        Tariff(((500, Money(1)), (500, Money(2))))


def test_a_quote_adds_everything_up(teas: Basket) -> None:
    priced = quote(teas, [PercentOff("Spring", 10), Voucher("TEA5", Money(500))])
    assert priced.goods == Money(2850)
    assert priced.discount == Money(785)
    assert priced.net == Money(2065)
    assert priced.taxes == {7: Money(145)}
    assert priced.shipping == Money(290)
    assert priced.total == Money(2500)


def test_shipping_is_charged_by_what_is_left_to_pay(catalog: Catalog) -> None:
    basket = Basket().add(catalog["CRO-001"], 2)
    assert quote(basket).shipping == Money(0)
    assert quote(basket, [Voucher("HALF", Money(3400))]).shipping == Money(890)


def test_goods_never_cost_less_than_nothing(teas: Basket) -> None:
    priced = quote(teas, [Voucher("RICH", Money(2800)), Voucher("MORE", Money(2800))], notes=[])
    assert priced.net == Money(0)
    assert priced.taxes == {7: Money(0)}
    assert priced.notes == ("Voucher RICH: -28.00", "Voucher MORE: -0.50")


def test_notes_of_the_caller_come_first(teas: Basket) -> None:
    priced = quote(teas, [Voucher("TEA5", Money(500))], notes=["Ships on Monday"])
    assert priced.notes == ("Ships on Monday", "Voucher TEA5: -5.00")


def test_a_quote_lists_only_its_own_discounts(teas: Basket) -> None:
    quote(teas, [Voucher("ADA", Money(500))])
    assert quote(teas, [Voucher("BOB", Money(100))]).notes == ("Voucher BOB: -1.00",)
