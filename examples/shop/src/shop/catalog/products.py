"""Products, and the catalogue that holds one of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from shop.catalog.money import Money

SKU = re.compile(r"[A-Z]{3}-\d{3}")


class UnknownProduct(LookupError):
    """There is no product with this SKU."""


class Category(StrEnum):
    """Decides the tax rate, and which promotions apply."""

    TEA = "tea"
    FOOD = "food"
    CROCKERY = "crockery"
    GIFT = "gift"


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on the shelf.

    `sku` looks like `TEA-001`. `reorder_at` is the level below which more is ordered, in packs of
    `pack_size`. A withdrawn product is kept, as old orders refer to it, with `active` set to False.
    """

    sku: str
    name: str
    category: Category
    price: Money
    grams: int
    reorder_at: int = 0
    pack_size: int = 1
    active: bool = True

    def __post_init__(self) -> None:
        if not SKU.fullmatch(self.sku):
            raise ValueError(f"not a SKU: {self.sku!r}")
        if self.price < Money(0):
            raise ValueError(f"{self.sku}: a price cannot be negative")
        if self.grams <= 0:
            raise ValueError(f"{self.sku}: everything weighs something")
        if self.pack_size < 1:
            raise ValueError(f"{self.sku}: a pack holds at least one")


class Catalog:
    """All products, by SKU. Never changes: a new price makes a new catalogue."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._products: dict[str, Product] = {}
        for product in products:
            if product.sku in self._products:
                raise ValueError(f"{product.sku} is in the catalogue twice")
            self._products[product.sku] = product

    def __getitem__(self, sku: str) -> Product:
        try:
            return self._products[sku]
        except KeyError:
            raise UnknownProduct(sku) from None

    def __contains__(self, sku: object) -> bool:
        return sku in self._products

    def __iter__(self) -> Iterator[Product]:
        """In the order of their SKUs."""
        return iter(sorted(self._products.values(), key=lambda product: product.sku))

    def __len__(self) -> int:
        return len(self._products)

    def in_category(self, category: Category) -> list[Product]:
        """What can be bought there today, cheapest first."""
        found = [product for product in self if product.active and product.category is category]
        return sorted(found, key=lambda product: product.price)

    def find(self, words: str) -> list[Product]:
        """Active products whose names contain all the words, in any case and any order."""
        wanted = words.casefold().split()
        return [
            product
            for product in self
            if product.active and all(word in product.name.casefold() for word in wanted)
        ]

    def with_price(self, sku: str, price: Money) -> Catalog:
        """The same catalogue, with one other price. Raises UnknownProduct."""
        changed = replace(self[sku], price=price)
        return Catalog(changed if product.sku == sku else product for product in self)

    def without(self, sku: str) -> Catalog:
        """The same catalogue, with one product withdrawn from sale. Raises UnknownProduct."""
        withdrawn = replace(self[sku], active=False)
        return Catalog(withdrawn if product.sku == sku else product for product in self)
