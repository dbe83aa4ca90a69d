"""Identifiers that two branches never make alike: ULIDs, 26 letters that sort by time.

https://github.com/ulid/spec: 48 bits of milliseconds, 80 random bits, in Crockford's base 32.
"""

from __future__ import annotations

import os
import re
import time
from typing import Final

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHAPE: Final = re.compile(rf"[0-7][{_LETTERS}]{{25}}", re.IGNORECASE)


def new() -> str:
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    letters = []
    for _ in range(26):
        number, rest = divmod(number, 32)
        letters.append(_LETTERS[rest])
    return "".join(reversed(letters))


def is_ulid(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None


def date_of(text: str) -> str:
    """The day of its making in UTC, as YYYY-MM-DD. Raises ValueError where it is no ULID."""
    number = 0
    for letter in text[:10].upper():
        number = number * 32 + _LETTERS.index(letter)
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(number / 1000))
    except (OverflowError, OSError):
        raise ValueError(f"{text} is of no year that there is") from None
