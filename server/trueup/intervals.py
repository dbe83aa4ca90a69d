"""Shares with intervals, where what was counted comes in clusters."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

Z_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total`, with the limits of its 95 % interval."""

    hits: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    def __str__(self) -> str:
        if not self.total:
            return "none"
        return f"{self.value:.1%} ({self.hits} of {self.total}; {self.low:.1%} to {self.high:.1%})"


def share(hits: Iterable[tuple[str, bool]]) -> Share:
    """The share of hits among (cluster, hit) pairs, with a Wilson interval.

    Rows of one task are alike. So the interval is Wilson's (1927) for as many independent rows as
    these are worth: their number divided by the design effect of Kish (1965), estimated from the
    clusters, and at least 1.
    """
    groups: dict[str, list[bool]] = {}
    for cluster, hit in hits:
        groups.setdefault(cluster, []).append(hit)
    total = sum(len(group) for group in groups.values())
    found = sum(sum(group) for group in groups.values())
    if not total:
        return Share(0, 0, 0.0, 1.0)
    rate = found / total
    worth = total / _design_effect(groups.values(), rate, total)
    middle = (rate + Z_95**2 / (2 * worth)) / (1 + Z_95**2 / worth)
    half = (
        Z_95
        * math.sqrt(rate * (1 - rate) / worth + Z_95**2 / (4 * worth**2))
        / (1 + Z_95**2 / worth)
    )
    # Rounding must not put the share outside of its own interval.
    low, high = min(rate, middle - half), max(rate, middle + half)
    return Share(found, total, max(0.0, low), min(1.0, high))


def _design_effect(groups: Collection[list[bool]], rate: float, total: int) -> float:
    plain = rate * (1 - rate) / total
    if not plain or len(groups) < 2:
        return 1.0
    residuals = sum((sum(group) - rate * len(group)) ** 2 for group in groups)
    clustered = residuals * len(groups) / (len(groups) - 1) / total**2
    return max(1.0, clustered / plain)
