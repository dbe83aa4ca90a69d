"""Python source to syntax trees, one at a time.

CPython 3.11 keeps the depth of a tree that it is building in one place for all threads, and raises
SystemError where two of them build one (python/cpython#106905). So whoever builds a tree does it
here, other people's libraries too.
"""

from __future__ import annotations

import ast
import functools
import threading
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Tree = TypeVar("_Tree")

_building: Final = threading.Lock()


def one_at_a_time(build: Callable[_Parameters, _Tree]) -> Callable[_Parameters, _Tree]:
    """`build`, which makes a syntax tree, held back while another one is being made."""

    @functools.wraps(build)
    def alone(*given: _Parameters.args, **named: _Parameters.kwargs) -> _Tree:
        with _building:
            return build(*given, **named)

    return alone


@one_at_a_time
def parse_module(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """As `ast.parse`, whatever other threads do. Raises what that raises."""
    return ast.parse(source, filename)


@one_at_a_time
def parse_expression(source: str) -> ast.expr:
    """As `ast.parse` of an expression, whatever other threads do. Raises what that raises."""
    return ast.parse(source, mode="eval").body
