"""What customers asked for, and what is on the shelf for them."""

from shop.orders.desk import OrderDesk
from shop.orders.inventory import Inventory, OutOfStock
from shop.orders.ledger import Ledger
from shop.orders.order import IllegalStep, Order, Status

__all__ = ["IllegalStep", "Inventory", "Ledger", "Order", "OrderDesk", "OutOfStock", "Status"]
