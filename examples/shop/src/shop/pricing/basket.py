"""A basket: products and how many of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shop.catalog import Category, Money, Product, total


@dataclass(frozen=True, slots=True)
class Line:
    """Some pieces of one product."""

    product: Product
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError(f"{self.product.sku}: a quantity is at least 1")

    @property
    def sku(self) -> str:
        return self.product.sku

    @property
    def amount(self) -> Money:
        return self.product.price * self.quantity

    @property
    def grams(self) -> int:
        return self.product.grams * self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines in the order in which they were added, at most one per product.

    Never changes: adding and removing give a new basket.
    """

    lines: tuple[Line, ...] = ()

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def subtotal(self) -> Money:
        return total(line.amount for line in self)

    @property
    def grams(self) -> int:
        return sum(line.grams for line in self)

    def quantity_of(self, sku: str) -> int:
        return sum(line.quantity for line in self if line.sku == sku)

    def amount_in(self, category: Category | None) -> Money:
        """What the lines of one category cost, or all of them when it is None."""
        return total(
            line.amount for line in self if category is None or line.product.category is category
        )

    def add(self, product: Product, quantity: int = 1) -> Basket:
        """With more of a product. Raises ValueError when it is no longer sold."""
        if not product.active:
            raise ValueError(f"{product.sku} is no longer sold")
        added = Line(product, self.quantity_of(product.sku) + quantity)
        if any(line.sku == product.sku for line in self):
            return Basket(tuple(added if line.sku == product.sku else line for line in self))
        return Basket((*self.lines, added))

    def remove(self, sku: str, quantity: int | None = None) -> Basket:
        """With fewer of a product, or with none of it. Removing what is not there does nothing."""
        kept: list[Line] = []
        for line in self:
            if line.sku != sku:
                kept.append(line)
            elif quantity is not None and quantity < line.quantity:
                kept.append(Line(line.product, line.quantity - quantity))
        return Basket(tuple(kept))
