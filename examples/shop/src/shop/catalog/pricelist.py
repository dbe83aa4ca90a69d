"""The supplier's price list: comma-separated text, one product per line.

    sku,name,category,price,grams,reorder_at,pack_size
    TEA-001,Earl Grey,tea,6.50,100,20,12

The last two columns may be empty. Blank lines and lines that start with `#` are skipped.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from shop.catalog.money import Money
from shop.catalog.products import Catalog, Category, Product

HEADER = ("sku", "name", "category", "price", "grams", "reorder_at", "pack_size")


class PriceListError(ValueError):
    """A line that cannot be read; says which, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


def parse(text: str) -> Catalog:
    """Read a price list. Raises PriceListError at the first line that makes no sense."""
    products: dict[str, Product] = {}
    for number, fields in _records(text):
        product = _product(number, fields)
        if product.sku in products:
            raise PriceListError(number, f"{product.sku} is listed twice")
        products[product.sku] = product
    return Catalog(products.values())


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields, without the header."""
    header_seen = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in next(csv.reader([line]))]
        if header_seen:
            yield number, fields
        elif tuple(fields) == HEADER:
            header_seen = True
        else:
            raise PriceListError(number, f"expected the header {','.join(HEADER)}")


def _product(number: int, fields: list[str]) -> Product:
    if len(fields) != len(HEADER):
        raise PriceListError(number, f"expected {len(HEADER)} fields, found {len(fields)}")
    sku, name, category, price, grams, reorder_at, pack_size = fields
    try:
        return Product(
            sku=sku,
            name=name,
            category=Category(category),
            price=Money.parse(price),
            grams=int(grams),
            reorder_at=int(reorder_at or 0),
            pack_size=int(pack_size or 1),
        )
    except ValueError as error:
        raise PriceListError(number, str(error)) from error
