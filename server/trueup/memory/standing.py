"""Whether the code that a decision rests on is still what it was, for ranking and for its reasons.

Compares digests as `staleness` does, one decision at a time; what cannot be said is unknown.
"""

from __future__ import annotations

from enum import StrEnum

from trueup.memory.code_base import CodeBase
from trueup.memory.decisions import Anchor, Decision
from trueup.memory.normal import VERSION


class Standing(StrEnum):
    """From the best to the worst; a decision has that of its worst anchor."""

    HOLDS = "as it was"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    GONE = "gone"


def standing_of(decision: Decision, code: CodeBase) -> Standing:
    """How the evidence of a decision stands. Reads the files that it names."""
    order = tuple(Standing)
    found = [_standing(anchor, code) for anchor in decision.evidence if not anchor.follows]
    return max(found, key=order.index, default=Standing.UNKNOWN)


def _standing(anchor: Anchor, code: CodeBase) -> Standing:
    if not code.has(anchor.path):
        return Standing.GONE
    if code.digests(anchor.path) is None:
        return Standing.UNKNOWN
    place = code.named(anchor.path, anchor.symbol)
    if place is None:
        return Standing.GONE
    if not anchor.digest.startswith(VERSION):
        return Standing.UNKNOWN
    return Standing.HOLDS if code.digest(place) == anchor.digest else Standing.CHANGED
