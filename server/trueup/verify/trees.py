"""One reading of each text, shared by the checks that look at it.

What is handed out is shared: nobody may change a tree. Whoever transforms one parses its own.
"""

from __future__ import annotations

import ast
import functools
import io
import tokenize
import warnings
from dataclasses import dataclass
from typing import Final

import libcst

from trueup.parsing import parse_module

TEXTS_MAX: Final = 16
"""Texts that are kept: both sides of a change to some files."""


@functools.lru_cache(maxsize=TEXTS_MAX)
def tree_of(text: str) -> ast.Module:
    """The syntax tree. Raises SyntaxError, ValueError, RecursionError."""
    with warnings.catch_warnings():
        # An invalid escape in the user's code is the user's affair.
        warnings.simplefilter("ignore")
        return parse_module(text)


@functools.lru_cache(maxsize=TEXTS_MAX)
def concrete_tree_of(text: str) -> libcst.Module:
    """The tree with all formatting. Raises libcst.ParserSyntaxError."""
    return libcst.parse_module(text)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, its 1-based line, and the code before it on that line ("" for none)."""

    text: str
    line: int
    code: str


@functools.lru_cache(maxsize=TEXTS_MAX)
def comments_of(text: str) -> tuple[Comment, ...]:
    """Every comment in the order of the text. Raises tokenize.TokenError, SyntaxError."""
    # Lines end where Python says, at a lone CR too.
    tokens = tokenize.generate_tokens(io.StringIO(text, newline=None).readline)
    return tuple(
        Comment(token.string, token.start[0], token.line[: token.start[1]].strip())
        for token in tokens
        if token.type == tokenize.COMMENT
    )
