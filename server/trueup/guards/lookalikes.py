"""Identifiers that look like other ones.

Two letters can share a shape: U+0430 is a Cyrillic letter that nobody can tell from an "a". A name
is suspicious where a word of it mixes such letters with those of the Latin alphabet, where all of
it could be read as a name that is there too, or where Python itself reads another name than is
written (it normalizes to NFKC). Names in other alphabets, and signs as physicists use them, are
not.

The table of shapes is `lookalikes.toml`.
"""

from __future__ import annotations

import builtins
import io
import keyword
import re
import tokenize
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TABLE: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["shapes"]
_SHAPES: Final = str.maketrans({odd: plain for plain, odds in _TABLE.items() for odd in odds})
_WORDS: Final = re.compile(r"[^\W\d_]+")
_NAMES: Final = re.compile(r"\w+")
_KNOWN: Final = frozenset({*dir(builtins), *keyword.kwlist, "self", "cls"})


@dataclass(frozen=True, slots=True)
class Lookalike:
    """An identifier, the 1-based line of its first use, and the name it can be taken for."""

    name: str
    line: int
    reads_as: str


def lookalikes(text: str) -> Iterator[Lookalike]:
    """Suspicious identifiers of a Python source, each once."""
    if text.isascii():
        return
    found = dict(_identifiers(text))
    plain = {name for name in found if name.isascii()} | _KNOWN
    for name, line in found.items():
        if reads_as := _reads_as(name, plain):
            yield Lookalike(name, line, reads_as)


def _reads_as(name: str, plain: set[str] | frozenset[str]) -> str:
    if name.isascii():
        return ""
    normal = unicodedata.normalize("NFKC", name)
    if normal != name and normal.isascii():
        return normal
    shape = normal.translate(_SHAPES)
    if shape in plain:
        return shape
    for word in _WORDS.findall(normal):
        mixed = any(letter.isascii() for letter in word)
        odd = word.translate(_SHAPES) != word
        if mixed and odd and word.translate(_SHAPES).isascii():
            return shape
    return ""


def _identifiers(text: str) -> Iterator[tuple[str, int]]:
    """The names of a source and the line of each; of one that cannot be read, every word of it."""
    seen: set[str] = set()
    try:
        tokens = [
            (token.string, token.start[0])
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.NAME
        ]
    except (tokenize.TokenError, SyntaxError):
        tokens = [
            (match[0], text.count("\n", 0, match.start()) + 1) for match in _NAMES.finditer(text)
        ]
    for name, line in tokens:
        if name not in seen:
            seen.add(name)
            yield name, line
