"""Python source to syntax trees, one at a time.

CPython 3.11 keeps the depth of a tree that it is building in one place for all threads, and raises
SystemError where two of them build one (python/cpython#106905).
"""

from __future__ import annotations

import ast
import threading
from typing import Final

_building: Final = threading.Lock()


def parse_module(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """As `ast.parse`, whatever other threads do. Raises what that raises."""
    with _building:
        return ast.parse(source, filename)


def parse_expression(source: str) -> ast.expr:
    """As `ast.parse` of an expression, whatever other threads do. Raises what that raises."""
    with _building:
        return ast.parse(source, mode="eval").body
