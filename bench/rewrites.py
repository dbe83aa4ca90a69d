"""Refactorings written by hand, as Markdown: one section each, with the new body of a function.

A section's heading is `path::qualified.name`, its prose says what was done, and its block of Python
is what stands in the function's body instead, behind the docstring. The signature, the decorators
and the docstring stay. A block that is marked `before` is put in front of the function, for a part
that was taken out of it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup.parsing import parse_module

FOLDER: Final = Path(__file__).parent / "refactorings"
_SECTION: Final = re.compile(
    r"^## (?P<path>\S+?)::(?P<name>\S+)\n(?P<prose>.*?)"
    r"(?:```python before\n(?P<before>.*?)```\n\s*)?"
    r"```python\n(?P<body>.*?)```",
    re.MULTILINE | re.DOTALL,
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`body` and `before` are not indented."""

    path: str
    qualname: str
    says: str
    body: str
    before: str = ""


def rewrites_of(package: str) -> tuple[Rewrite, ...]:
    """Those of `package`, in the order of its file; none where it has no file."""
    file = FOLDER / f"{package}.md"
    if not file.exists():
        return ()
    return tuple(
        Rewrite(
            found["path"],
            found["name"],
            " ".join(found["prose"].split()),
            found["body"],
            found["before"] or "",
        )
        for found in _SECTION.finditer(file.read_text("utf-8"))
    )


def rewritten(text: str, rewrite: Rewrite) -> str:
    """The module with the function's body replaced. Raises LookupError where there is none."""
    function = dict(functions_of(parse_module(text))).get(rewrite.qualname)
    if function is None:
        raise LookupError(f"{rewrite.path} has no {rewrite.qualname}")
    lines = text.splitlines(keepends=True)
    body = function.body[1:] if _documented(function) else function.body
    first, last = body[0].lineno - 1, body[-1].end_lineno or body[-1].lineno
    outer = min([function.lineno, *(item.lineno for item in function.decorator_list)]) - 1
    before = textwrap.indent(rewrite.before, " " * function.col_offset)
    if before:
        before += "\n" if function.col_offset else "\n\n"
    new = textwrap.indent(rewrite.body, " " * body[0].col_offset)
    return "".join([*lines[:outer], before, *lines[outer:first], new, *lines[last:]])


def functions_of(tree: ast.AST, outer: str = "") -> Iterator[tuple[str, _Function]]:
    """Functions and methods with their qualified names; not those inside of other functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _Function):
            yield f"{outer}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{outer}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from functions_of(node, outer)


def _documented(function: _Function) -> bool:
    match function.body[0]:
        case ast.Expr(ast.Constant(value=str())):
            return len(function.body) > 1
    return False
