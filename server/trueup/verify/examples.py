"""Calls that the docstring of a function shows, as arguments by parameter."""

from __future__ import annotations

import ast
import doctest
from typing import Final

from trueup.parsing import parse_module
from trueup.verify.likely import Values
from trueup.verify.literals import read

EXAMPLES_MAX: Final = 20


def examples_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[Values, ...]:
    """Arguments of the calls in its docstring's examples that are written out as literals."""
    text = ast.get_docstring(node) or ""
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return ()
    found: list[Values] = []
    for example in examples[:EXAMPLES_MAX]:
        try:
            tree = parse_module(example.source)
        except SyntaxError:
            continue
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == node.name:
                arguments = _arguments(call, node)
                if arguments is not None and arguments not in found:
                    found.append(arguments)
    return tuple(found)


def _arguments(call: ast.Call, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Values | None:
    names = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
    if len(call.args) > len(names) or any(item.arg is None for item in call.keywords):
        return None
    try:
        values = {
            name: read(ast.unparse(item)) for name, item in zip(names, call.args, strict=False)
        }
        values.update(
            {item.arg: read(ast.unparse(item.value)) for item in call.keywords if item.arg}
        )
    except ValueError:
        return None
    return values
