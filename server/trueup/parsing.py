"""Python source to syntax trees, one at a time in the whole process.

CPython 3.11 keeps the depth of a tree that it is building in one place for all threads, and raises
SystemError where two of them build one (python/cpython#106905). Libraries build trees too, in
threads of ours: rope to refactor, Hypothesis to see the constants of a module. So the standard
library's own function is replaced by one that waits for its turn.
"""

from __future__ import annotations

import ast
import functools
import threading
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Tree = TypeVar("_Tree")

_building: Final = threading.RLock()


def _one_at_a_time(build: Callable[_Parameters, _Tree]) -> Callable[_Parameters, _Tree]:
    @functools.wraps(build)
    def alone(*given: _Parameters.args, **named: _Parameters.kwargs) -> _Tree:
        with _building:
            return build(*given, **named)

    return alone


ast.parse = _one_at_a_time(ast.parse)


def parse_module(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """As `ast.parse`, whatever other threads do. Raises what that raises."""
    return ast.parse(source, filename)


def parse_expression(source: str) -> ast.expr:
    """As `ast.parse` of an expression, whatever other threads do. Raises what that raises."""
    return ast.parse(source, mode="eval").body
