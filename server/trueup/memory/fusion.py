"""Several rankings as one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, TypeVar

K: Final = 60
"""How little the first place counts for more than the second; the value of the paper."""

T = TypeVar("T", bound=Hashable)


def fused(rankings: Iterable[Mapping[T, int]]) -> dict[T, float]:
    """The sum over `rankings`, each the 1-based places of what it found, of 1 / (K + place).

    Reciprocal rank fusion: Cormack, Clarke and Buettcher (2009), doi:10.1145/1571941.1572114.
    """
    found: dict[T, float] = {}
    for ranking in rankings:
        for item, place in ranking.items():
            found[item] = found.get(item, 0.0) + 1 / (K + place)
    return found


def places(scores: Mapping[T, float]) -> dict[T, int]:
    """The 1-based place of each by its score, the largest first; equal scores share a place."""
    order = {
        score: place for place, score in enumerate(sorted(set(scores.values()), reverse=True), 1)
    }
    return {item: order[score] for item, score in scores.items()}
