"""Characters that a reader does not see: they can make a text say one thing and show another.

Text is data, whatever it says; what hides is shown and reported, never obeyed or removed. The
joiners of scripts and emoji (U+200C, U+200D) belong to words and are left alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_HIDDEN: Final = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
FOUND_MAX: Final = 5
"""Reports per file; more of them say nothing new."""


def hidden_in(text: str) -> tuple[tuple[int, str], ...]:
    """The offset and the name of hidden characters, the first FOUND_MAX of them.

    A byte order mark at the very beginning is none.
    """
    found = []
    for match in _HIDDEN.finditer(text):
        if match.start() or match[0] != "\ufeff":
            name = unicodedata.name(match[0], "a tag character")
            found.append((match.start(), f"U+{ord(match[0]):04X} ({name.lower()})"))
        if len(found) == FOUND_MAX:
            break
    return tuple(found)


def shown(text: str) -> str:
    """The text with what hides, and what would steer a terminal, as escapes."""
    escaped = _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", escaped)


def one_line(text: str) -> str:
    """The same on one line: for titles and messages."""
    return shown(" ".join(text.split()))
