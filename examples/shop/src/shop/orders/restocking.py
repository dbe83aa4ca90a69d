"""What to order from the supplier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.catalog import Product


@dataclass(frozen=True, slots=True)
class Refill:
    """Some packs of one product."""

    sku: str
    packs: int
    pieces: int


def refills(
    products: Iterable[Product],
    counted: Mapping[str, int],
    incoming: Mapping[str, int],
) -> list[Refill]:
    """The packs that bring low products back to twice their reorder level.

    Levels are those of the last count plus what is on its way. A product that nobody has counted
    is left alone: ordering blindly is how the cellar filled up with chamomile. Packs are never
    opened, so the last one may exceed the target.
    """
    result: list[Refill] = []
    for product in products:
        if product.active:
            level = counted.get(product.sku)
            if level is not None:
                if product.sku in incoming:
                    level = level + incoming[product.sku]
                if level < product.reorder_at:
                    wanted = 2 * product.reorder_at - level
                    packs = wanted // product.pack_size
                    if wanted % product.pack_size != 0:
                        packs = packs + 1
                    pieces = packs * product.pack_size
                    result.append(Refill(product.sku, packs, pieces))
    return result
