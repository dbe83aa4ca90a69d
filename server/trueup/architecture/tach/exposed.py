"""Whether what an interface exposes is of plain types, for `data_types = "primitive"`.

Reads one module's text, its top level only, and believes its annotations. A class is not judged.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from typing import Final

from trueup.parsing import parse_module

PRIMITIVE: Final = frozenset({"int", "str", "bool", "float", "list", "dict", "tuple"})


def members(text: str) -> Mapping[str, bool]:
    """The variables and functions that a module defines, and whether they are of plain types; no
    members where the text does not parse.
    """
    try:
        with warnings.catch_warnings():
            # What Python says of the file's own strings is not for our users.
            warnings.simplefilter("ignore")
            body = parse_module(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {name: plain for statement in body for name, plain in _defined(statement)}


def _defined(statement: ast.stmt) -> Iterator[tuple[str, bool]]:
    match statement:
        case ast.Assign(targets=targets):
            yield from ((each.id, False) for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
            yield name, _plain(annotation)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            given = statement.args
            parameters = (*given.posonlyargs, *given.args, *given.kwonlyargs)
            plain = all(_plain(each.annotation) for each in parameters)
            yield name, plain and _plain(statement.returns)


def _plain(annotation: ast.expr | None) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Constant(value=str(name)):
            return name in PRIMITIVE
    return False
