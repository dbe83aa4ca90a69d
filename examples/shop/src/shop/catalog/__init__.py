"""What can be bought. Knows nothing about customers, discounts or stock."""

from shop.catalog.money import Money, total
from shop.catalog.products import Catalog, Category, Product, UnknownProduct

__all__ = ["Catalog", "Category", "Money", "Product", "UnknownProduct", "total"]
