"""What is on the shelf, and how much of it is promised to somebody.

Invariant: for every product, 0 <= promised <= on hand.
"""

from __future__ import annotations

from collections import Counter

from shop.pricing import Basket


class OutOfStock(Exception):
    """Not enough on the shelf; `missing` says how many of what."""

    def __init__(self, missing: dict[str, int]) -> None:
        listed = ", ".join(f"{count} x {sku}" for sku, count in missing.items())
        super().__init__(f"out of stock: {listed}")
        self.missing = missing


class Inventory:
    """Counts of pieces by SKU. A product that never arrived has a count of 0."""

    def __init__(self) -> None:
        self._on_hand: Counter[str] = Counter()
        self._promised: Counter[str] = Counter()

    def receive(self, sku: str, quantity: int) -> None:
        """Put a delivery on the shelf."""
        if quantity < 1:
            raise ValueError("a delivery holds at least one piece")
        self._on_hand[sku] += quantity

    def on_hand(self, sku: str) -> int:
        """How many are on the shelf, promised or not."""
        return self._on_hand[sku]

    def available(self, sku: str) -> int:
        """How many can still be promised."""
        return self._on_hand[sku] - self._promised[sku]

    def can_fulfil(self, basket: Basket) -> bool:
        """Whether everything in the basket could be promised right now."""
        for line in basket:
            if line.quantity > self.available(line.sku):
                return False
        return True

    def reserve(self, basket: Basket) -> None:
        """Promise a whole basket, or nothing of it.

        Raises OutOfStock, which lists every product that falls short.
        """
        missing = {
            line.sku: line.quantity - self.available(line.sku)
            for line in basket
            if line.quantity > self.available(line.sku)
        }
        if missing:
            raise OutOfStock(missing)
        for line in basket:
            self._promised[line.sku] += line.quantity

    def release(self, basket: Basket) -> None:
        """Take a promise back. Raises ValueError, and changes nothing, when it was never made."""
        self._check_promised(basket)
        for line in basket:
            self._promised[line.sku] -= line.quantity

    def dispatch(self, basket: Basket) -> None:
        """Keep a promise: the goods leave. Raises ValueError when it was never made."""
        self._check_promised(basket)
        for line in basket:
            self._promised[line.sku] -= line.quantity
            self._on_hand[line.sku] -= line.quantity

    def _check_promised(self, basket: Basket) -> None:
        for line in basket:
            if line.quantity > self._promised[line.sku]:
                raise ValueError(f"{line.quantity} x {line.sku} were never promised")
