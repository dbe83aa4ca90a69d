"""Characters that make a text say one thing and show another.

What is hidden in code is an attack or an accident, so edits that bring it in are stopped and a
model is not shown it. What people write is neither: joiners inside words of scripts that need them
and inside emoji, one variation selector behind what has variants, the tags of a flag.

Sources: Boucher and Anderson, Trojan Source (2021), arXiv:2111.00169; Unicode Technical Standard 51
for sequences of emoji, 55 for source code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_TAGS: Final = "\U000e0000-\U000e007f"
_ZERO_WIDTH: Final = "\u00ad\u034f\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff"
_FILLERS: Final = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_SELECTORS: Final = "\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SEPARATORS: Final = "\x85\u2028\u2029"
_CONTROLS: Final = "\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufff9-\ufffb\U0001d173-\U0001d17a"
_PRIVATE: Final = "\ue000-\uf8ff\U000f0000-\U0010fffd"
_SURROGATES: Final = "\ud800-\udfff"
_NOTHING: Final = "\ufdd0-\ufdef\ufffe\uffff"
_FLAG_TAGS: Final = "\U000e0030-\U000e0039\U000e0061-\U000e007a"

HIDDEN: Final = re.compile(
    f"[{_BIDI}{_TAGS}{_ZERO_WIDTH}{_FILLERS}{_SELECTORS}{_SEPARATORS}{_CONTROLS}{_PRIVATE}"
    f"{_SURROGATES}{_NOTHING}]"
)
_PLAIN: Final = bytes({9, 10, 12, 13, *range(32, 127), *range(128, 256)})
"""The bytes of UTF-8 that are no control character of ASCII."""
_UNUSUAL: Final = re.compile("[^\t\f\r\x20-\x7e\xa0-\xac\xae-\u034e\u0350-\u061b]")
"""What is neither ASCII nor a letter of Europe: only there is it worth to look closely."""
_STRIPPED: Final = re.compile(f"[{_BIDI}{_TAGS}]")
_FLAG: Final = re.compile(f"\U0001f3f4[{_FLAG_TAGS}]{{2,6}}\U000e007f")
_KINDS: Final = (
    (_BIDI, "a direction mark"),
    (_TAGS, "a tag character"),
    (_ZERO_WIDTH, "a character without width"),
    (_FILLERS, "a blank letter"),
    (_SELECTORS, "a variation selector"),
    (_SEPARATORS, "a line separator"),
    (_CONTROLS, "a control character"),
    (_PRIVATE, "a private character"),
    (_SURROGATES, "half a character"),
    (_NOTHING, "no character at all"),
)
_NAMED: Final = tuple((re.compile(f"[{members}]"), words) for members, words in _KINDS)

ZWNJ, ZWJ = "\u200c", "\u200d"
_TEXT_OR_EMOJI: Final = "\ufe0e\ufe0f"
_JOINING_SCRIPTS: Final = frozenset(
    {"ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER", "MALAYALAM",
     "MONGOLIAN", "MYANMAR", "ORIYA", "SINHALA", "SYRIAC", "TAMIL", "TELUGU", "TIBETAN"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hidden:
    """One character that cannot be seen: where it is, and what it is, in words."""

    offset: int
    character: str
    kind: str

    @property
    def says(self) -> str:
        return f"{self.kind} (U+{ord(self.character):04X})"


def is_hidden(character: str) -> bool:
    return HIDDEN.match(character) is not None


def hidden_in(text: str) -> Iterator[Hidden]:
    """Every hidden character that no rule of writing puts where it is. A byte order mark at the
    very beginning is none.
    """
    has_controls = bool(text.encode("utf-8", "surrogatepass").translate(None, _PLAIN))
    if not has_controls and text.isascii():
        return
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        # Most lines hold nothing that could be hidden, and to see that costs little.
        if (has_controls or not line.isascii()) and _UNUSUAL.search(line):
            yield from _hidden(text, start, end)
        start = end + 1


def _hidden(text: str, start: int, end: int) -> Iterator[Hidden]:
    flags = [match.span() for match in _FLAG.finditer(text, start, end)]
    for match in HIDDEN.finditer(text, start, end):
        offset, character = match.start(), match[0]
        if offset == 0 and character == "\ufeff":
            continue
        if any(first <= offset < last for first, last in flags):
            continue
        if not _belongs(text, offset):
            kind = next(words for pattern, words in _NAMED if pattern.match(character))
            yield Hidden(offset, character, kind)


def _belongs(text: str, offset: int) -> bool:
    """Whether the rules of writing put this character between its neighbours."""
    character = text[offset]
    before = text[offset - 1] if offset else ""
    after = text[offset + 1] if offset + 1 < len(text) else ""
    if character in _TEXT_OR_EMOJI:
        return _has_variants(before)
    if "\U000e0100" <= character <= "\U000e01ef":
        return _script(before) == "CJK"
    if character == ZWJ and after and (_is_emoji(before) or before in _TEXT_OR_EMOJI):
        return bool(before) and _is_emoji(after)
    if character in {ZWNJ, ZWJ}:
        return _joins(before) and _joins(after)
    return False


def _has_variants(character: str) -> bool:
    """Whether a character is shown as text or as an emoji, as the selector behind it says."""
    return bool(character) and (character in "#*0123456789©®" or _is_emoji(character))


def _is_emoji(character: str) -> bool:
    """By category: symbols, and the modifiers of skin."""
    return bool(character) and not character.isascii() and (
        unicodedata.category(character) in {"So", "Sk", "Sm", "Po"}
    )  # fmt: skip


def _joins(character: str) -> bool:
    return bool(character) and _script(character) in _JOINING_SCRIPTS


def _script(character: str) -> str:
    """The first word of a character's name, which for letters is that of its script."""
    return unicodedata.name(character, "").partition(" ")[0] if character else ""


def stripped(text: str) -> tuple[str, int]:
    """The text without marks that reorder it and without tags, and how many were taken out.

    The flags of nations that are spelled with tags lose their tags too: no code needs them.
    """
    return (text, 0) if text.isascii() else _STRIPPED.subn("", text)
