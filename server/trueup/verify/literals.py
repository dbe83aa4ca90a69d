"""Values that have Python source: built-in types all the way down.

Reads such source without evaluating it, because it comes from a process that runs the user's code.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from types import EllipsisType
from typing import Final

from trueup.parsing import parse_expression


@dataclass(frozen=True, slots=True)
class Made:
    """Source of an object that the function's own module can make; it stands for the object."""

    source: str

    def __repr__(self) -> str:
        return self.source


Literal = (
    Made | None | bool | int | float | complex | str | bytes
    | list["Literal"] | tuple["Literal", ...] | dict["Literal", "Literal"]
    | set["Literal"] | frozenset["Literal"]
)  # fmt: skip

_NAMES: Final = {"inf": math.inf, "nan": math.nan}


def read(source: str) -> Literal:
    """The value that `source` writes. Raises ValueError where it is anything but a literal."""
    try:
        return _value(parse_expression(source))
    except (SyntaxError, RecursionError, MemoryError, TypeError) as problem:
        raise ValueError(f"not a literal: {source[:80]}") from problem


def write(value: Literal) -> str:
    """Source of `value`, which `read` and the process of the tests both understand."""
    return repr(value)


def _value(node: ast.expr) -> Literal:
    match node:
        case ast.Constant(value=value) if not isinstance(value, EllipsisType):
            return value
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
            return _held(node)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _value(operand)
            if isinstance(number, int | float | complex):
                return -number
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            real, imaginary = _value(left), _value(right)
            if isinstance(real, int | float) and isinstance(imaginary, complex):
                return real + imaginary if isinstance(op, ast.Add) else real - imaginary
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _made(name, arguments)
    raise ValueError(f"not a literal: {ast.unparse(node)[:80]}")


def _made(name: str, arguments: list[ast.expr]) -> Literal:
    """Sets that have no brackets of their own: the empty one, and frozen ones."""
    match name, arguments:
        case "set", []:
            return set()
        case "frozenset", []:
            return frozenset()
        case "frozenset", [ast.Set(elts=items)]:
            return frozenset(_value(item) for item in items)
    raise ValueError(f"not a literal: a call of {name}")


def _held(node: ast.List | ast.Tuple | ast.Set | ast.Dict) -> Literal:
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        if None in node.keys:
            raise ValueError("not a literal: ** in a dictionary")
        return {_value(key): _value(item) for key, item in pairs if key is not None}
    items = [_value(item) for item in node.elts]
    if isinstance(node, ast.List):
        return items
    return tuple(items) if isinstance(node, ast.Tuple) else set(items)
