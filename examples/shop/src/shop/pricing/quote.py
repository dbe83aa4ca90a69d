"""The whole price of a basket: goods, discounts, tax and shipping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.catalog import Money, total
from shop.pricing import tax
from shop.pricing.basket import Basket
from shop.pricing.promotions import Promotion
from shop.pricing.shipping import STANDARD, Tariff


@dataclass(frozen=True, slots=True)
class Quote:
    """What a customer is asked to pay, and why.

    `notes` are the lines below the sum on the receipt: one for each discount that was given.
    """

    goods: Money
    discount: Money
    taxes: Mapping[int, Money]
    shipping: Money
    notes: tuple[str, ...] = ()

    @property
    def net(self) -> Money:
        """The goods after discounts, before tax and shipping."""
        return self.goods - self.discount

    @property
    def total(self) -> Money:
        return self.net + total(self.taxes.values()) + self.shipping


def quote(
    basket: Basket,
    promotions: Iterable[Promotion] = (),
    tariff: Tariff = STANDARD,
    notes: list[str] = [],
) -> Quote:
    """Price a basket.

    Promotions add up, but goods never cost less than nothing. Shipping is charged by what is left
    to pay for the goods. Notes of the caller, about a delay for example, come before those about
    discounts. Raises shipping.TooHeavy.
    """
    goods = basket.subtotal
    discount = Money(0)
    for promotion in promotions:
        offer = promotion.offer(basket)
        if offer is None:
            continue
        granted = min(offer.amount, goods - discount)
        if granted:
            discount += granted
            notes.append(f"{offer.label}: -{granted}")
    return Quote(
        goods=goods,
        discount=discount,
        taxes=tax.by_rate(basket, discount),
        shipping=tariff.charge(basket.grams, goods - discount),
        notes=tuple(notes),
    )
