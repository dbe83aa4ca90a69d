"""Orders for other programs: a spreadsheet, the accountant's import."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import TextIO

from shop.orders import Order

FIELDS = ("number", "customer", "placed_on", "shipped_on", "status", "total")


def record(order: Order) -> tuple[str, ...]:
    """One order as text, a value for each of the fields; empty where there is none."""
    return (
        str(order.number),
        order.customer,
        order.placed_on.isoformat(),
        order.shipped_on.isoformat() if order.shipped_on else "",
        order.status.value,
        str(order.quote.total),
    )


def as_csv(orders: Iterable[Order]) -> str:
    """A header and a line per order. Fields with commas or quotes are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(record(order) for order in orders)
    return text.getvalue()


def write_json_lines(orders: Iterable[Order], stream: TextIO) -> int:
    """Write one JSON object per line, and say how many there were."""
    count = 0
    for order in orders:
        document = dict(zip(FIELDS, record(order)))
        stream.write(json.dumps(document, ensure_ascii=False) + "\n")
        count += 1
    return count
