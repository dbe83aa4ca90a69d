"""Whether the code that a decision rests on is still what it was.

Compares digests; which texts there are is given. A digest is of the symbol's text where a symbol is
named, else of the whole file: hex SHA-256, as `snapshot.digest` makes it, or its first characters.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from trueup.memory.decisions import Anchor, Decision
from trueup.snapshot import digest
from trueup.symbols import Outline

DIGEST_CHARACTERS_MIN: Final = 8


class Standing(StrEnum):
    """From the best to the worst; a decision has that of its worst anchor."""

    HOLDS = "as it was"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    GONE = "gone"


def standing_of(decision: Decision, text_of: Callable[[str], str | None]) -> Standing:
    """How the evidence of a decision stands; `text_of` gives a file's text, None for no file."""
    order = tuple(Standing)
    found = [_standing(anchor, text_of(anchor.path)) for anchor in decision.evidence]
    return max(found, key=order.index, default=Standing.UNKNOWN)


def _standing(anchor: Anchor, text: str | None) -> Standing:
    if text is None:
        return Standing.GONE
    if anchor.symbol:
        # Qualified names hold the module too, and nobody says where that ends.
        parts = anchor.symbol.split(".")
        names = {".".join(parts[start:]) for start in range(len(parts))}
        symbols = [symbol for symbol in Outline(text) if symbol.qualified in names]
        if not symbols:
            return Standing.GONE
        longest = max(symbols, key=lambda symbol: len(symbol.qualified))
        text = text[longest.span.start : longest.span.end]
    if len(anchor.digest) < DIGEST_CHARACTERS_MIN:
        return Standing.UNKNOWN
    same = digest(text).startswith(anchor.digest.lower())
    return Standing.HOLDS if same else Standing.CHANGED
