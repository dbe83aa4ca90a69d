"""The receipt that goes into the parcel, as plain text."""

from __future__ import annotations

from shop.catalog import Money
from shop.orders import Order

WIDTH = 40


def receipt(order: Order) -> str:
    """Forty columns wide: the lines, the sum, and why it is what it is."""
    quote = order.quote
    rows = [f"Order {order.number}".ljust(WIDTH - 10) + order.placed_on.isoformat(), "-" * WIDTH]
    rows += [_row(f"{line.quantity} x {line.product.name}", line.amount) for line in order.basket]
    rows.append("-" * WIDTH)
    if quote.discount:
        rows.append(_row("Discount", -quote.discount))
    rows += [_row(f"VAT {rate} %", amount) for rate, amount in quote.taxes.items()]
    rows.append(_row("Shipping", quote.shipping) if quote.shipping else "Shipping is on us.")
    rows.append(_row("Total", quote.total))
    rows += [f"* {note}" for note in quote.notes]
    return "\n".join(rows) + "\n"


def _row(label: str, amount: Money) -> str:
    """The label on the left, shortened if it must be, and the amount on the right."""
    right = f" {amount}"
    room = WIDTH - len(right)
    if len(label) > room:
        label = label[: room - 1] + "…"
    return label.ljust(room) + right
