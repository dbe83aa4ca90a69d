"""What a text is about, as words: identifiers whole and in their parts.

The index and the question are cut by the same functions, so that `HTTPClient`, `http_client` and
"the HTTP client" meet. Knows no database; whoever changes what is cut here raises VERSION, and
every index is built again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

VERSION: Final = 1
TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
"""What SQLite does with the words that it is given: case, accents and English endings."""

CHARACTERS_PER_TOKEN: Final = 3
"""A low estimate, so that what is said to fit does."""
WORDS_MAX: Final = 24
"""Words of one question that are looked for; the first ones."""

_WORD: Final = re.compile(r"\w+")
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\dA-Za-z_]+")
_STOP_WORDS: Final = frozenset(_WORD.findall(
    "a about after all also an and any are as at be been but by can do does each for from has have "
    "how i if in into is it its may more must no not of on one only or other our out over self "
    "shall should so some such than that the their them then there these they this to up use used "
    "using was we were what when where whether which while who why will with within would you "
    "your"
))  # fmt: skip


@lru_cache(maxsize=1 << 16)
def _cut(word: str) -> str:
    """A word as it is indexed: its parts, and all of them as one where there are more."""
    parts = _PART.findall(word)
    if len(parts) < 2:
        return "".join(parts).lower()
    lower = " ".join(parts).lower()
    return f"{lower} {lower.replace(' ', '')}"


def indexed(text: str) -> str:
    """`text` as words between spaces, in its order, for SQLite to take apart."""
    return " ".join(map(_cut, _WORD.findall(text)))


def words(question: str) -> tuple[str, ...]:
    """What a question asks for, each once; without the words that every text has, if any is left.

    Two words that stand together are looked for as one name too.
    """
    found = dict.fromkeys(_asked(question))
    plain = tuple(word for word in found if word not in _STOP_WORDS)
    return (plain or tuple(found))[:WORDS_MAX]


def _asked(question: str) -> Iterator[str]:
    for word in _WORD.findall(question):
        yield from _cut(word).split()


def tokens(text: str) -> int:
    """How many tokens `text` may take; counted here, because counting elsewhere sends it there."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
