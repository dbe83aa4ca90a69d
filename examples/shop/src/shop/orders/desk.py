"""The counter: where a wish becomes an order, and an order becomes a parcel.

The only place that changes the inventory and the ledger together. It takes the day from outside,
so that every day can be tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shop.catalog import Catalog
from shop.orders.inventory import Inventory
from shop.orders.ledger import Ledger
from shop.orders.order import Order, Status
from shop.pricing import Basket, quote
from shop.pricing.promotions import Promotion
from shop.pricing.shipping import STANDARD, Tariff


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """One counter of the shop. `today` is asked anew for every step."""

    catalog: Catalog
    inventory: Inventory
    ledger: Ledger
    today: Callable[[], date]
    promotions: Sequence[Promotion] = ()
    tariff: Tariff = STANDARD

    def place(self, customer: str, wanted: Mapping[str, int]) -> Order:
        """Order some pieces of some products.

        Raises ValueError when nothing is wanted, catalog.UnknownProduct, shipping.TooHeavy and
        inventory.OutOfStock. After any of them, nothing has changed.
        """
        basket = Basket()
        for sku, quantity in wanted.items():
            basket = basket.add(self.catalog[sku], quantity)
        if not basket:
            raise ValueError("an order needs at least one product")
        priced = quote(basket, self.promotions, self.tariff)
        self.inventory.reserve(basket)
        order = Order(self.ledger.next_number(), customer, basket, priced, self.today())
        self.ledger.add(order)
        return order

    def pay(self, number: int) -> Order:
        """Note that the money has arrived. Raises IllegalStep."""
        order = self.ledger.get(number).step(Status.PAID)
        self.ledger.replace(order)
        return order

    def cancel(self, number: int) -> Order:
        """Give the goods back to the shelf. Raises IllegalStep once they have left."""
        order = self.ledger.get(number).step(Status.CANCELLED)
        self.inventory.release(order.basket)
        self.ledger.replace(order)
        return order

    def ship(self, number: int) -> Order:
        """Send the parcel. Raises IllegalStep unless the order is paid."""
        order = self.ledger.get(number).step(Status.SHIPPED, on=self.today())
        self.inventory.dispatch(order.basket)
        self.ledger.replace(order)
        return order

    def take_back(self, number: int) -> Order:
        """Put returned goods on the shelf again. Raises IllegalStep unless they were shipped."""
        order = self.ledger.get(number).step(Status.RETURNED)
        for line in order.basket:
            self.inventory.receive(line.sku, line.quantity)
        self.ledger.replace(order)
        return order
