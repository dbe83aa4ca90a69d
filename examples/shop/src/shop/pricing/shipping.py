"""What it costs to send a parcel."""

from __future__ import annotations

from dataclasses import dataclass

from shop.catalog import Money


class TooHeavy(ValueError):
    """No parcel of the tariff holds this weight."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices by weight: each band holds up to so many grams.

    Bands are given lightest first. From `free_from` on, the shop pays.
    """

    bands: tuple[tuple[int, Money], ...]
    free_from: Money | None = None

    def __post_init__(self) -> None:
        limits = [limit for limit, _ in self.bands]
        if not limits or limits != sorted(set(limits)):
            raise ValueError("a tariff needs bands, each heavier than the one before")

    def charge(self, grams: int, goods: Money) -> Money:
        """The charge for a parcel with goods of this value. Raises TooHeavy, also when it is free.

        Sending nothing costs nothing.
        """
        price = self._band(grams)
        if grams == 0 or (self.free_from is not None and goods >= self.free_from):
            return Money(0)
        return price

    def _band(self, grams: int) -> Money:
        for limit, price in self.bands:
            if grams <= limit:
                return price
        raise TooHeavy(f"{grams} g, and the largest parcel holds {self.bands[-1][0]} g")


STANDARD = Tariff(
    bands=((500, Money(290)), (2_000, Money(490)), (10_000, Money(890))),
    free_from=Money(50_00),
)
