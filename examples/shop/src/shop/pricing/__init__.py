"""What a basket costs. Knows nothing about stock, and nothing about who buys."""

from shop.pricing.basket import Basket, Line
from shop.pricing.quote import Quote, quote

__all__ = ["Basket", "Line", "Quote", "quote"]
