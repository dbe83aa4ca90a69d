"""Small wrong versions of changed lines, to find out how much the tests would notice.

Operators are those of DeMillo, Lipton and Sayward (1978) that suit Python: negated conditions,
swapped comparisons and arithmetic, other constants, a dropped `not`, a lost return value, a removed
statement. A mutant differs from the text in one place and always parses.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trueup.parsing import parse_module
from trueup.verify.changes import Statement

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """`text` is the whole module; `says` what was changed, at a 1-based line."""

    line: int
    says: str
    text: str


@dataclass(frozen=True, slots=True)
class _Place:
    line: int
    start: int
    end: int
    old: str
    new: str


def mutants_of(source: str, statements: tuple[Statement, ...], most: int) -> tuple[Mutant, ...]:
    """At most `most` mutants, taken in turn from each changed statement, the same on every run."""
    lines = source.encode().splitlines(keepends=True)
    starts = tuple(itertools.accumulate((len(line) for line in lines), initial=0))
    tree = parse_module(source)
    by_statement = [
        [place for place in _places(tree, starts, source.encode()) if place.line in item.lines]
        for item in statements
    ]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_statement))
    found: dict[tuple[int, int, str], Mutant] = {}
    for place in turns:
        if place is None or (place.start, place.end, place.new) in found:
            continue
        raw = source.encode()
        text = (raw[: place.start] + place.new.encode() + raw[place.end :]).decode()
        if len(found) >= most:
            break
        if _parses(text):
            says = f"`{_short(place.old)}` -> `{_short(place.new)}`"
            found[place.start, place.end, place.new] = Mutant(place.line, says, text)
    return tuple(found.values())


def _places(tree: ast.AST, starts: tuple[int, ...], raw: bytes) -> Iterator[_Place]:
    def place(node: ast.expr | ast.stmt, new: str) -> _Place:
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return _Place(node.lineno, start, end, raw[start:end].decode(), new)

    annotations = {id(inner) for node in ast.walk(tree) for inner in _annotation_nodes(node)}
    formatted = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
        if inner is not node
    }
    for node in ast.walk(tree):
        if id(node) in annotations or id(node) in formatted:
            continue
        if isinstance(node, ast.expr):
            for new in _expressions(node):
                yield place(node, f"({new})")
        elif isinstance(node, ast.stmt):
            for new in _statements(node):
                yield place(node, new)
            if isinstance(node, ast.If | ast.While) and not _flips_anyway(node.test):
                yield place(node.test, f"(not ({ast.unparse(node.test)}))")


def _flips_anyway(test: ast.expr) -> bool:
    """Whether negating the whole test would only repeat what an operator on its node does."""
    return isinstance(test, ast.Compare) or (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    )


def _annotation_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that no test can tell apart, because nothing evaluates them for their value."""
    for name in ("annotation", "returns"):
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            yield from ast.walk(value)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value


def _expressions(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            yield ast.unparse(ast.Compare(node.left, [_COMPARISONS[type(op)]()], node.comparators))
        case ast.BoolOp(op=op):
            other: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield ast.unparse(ast.BoolOp(other, node.values))
        case ast.UnaryOp(op=ast.Not()):
            yield ast.unparse(node.operand)
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            if not (
                isinstance(op, ast.Mod) and isinstance(node.left, ast.Constant | ast.JoinedStr)
            ):
                yield ast.unparse(ast.BinOp(node.left, _ARITHMETIC[type(op)](), node.right))
        case ast.IfExp():
            yield ast.unparse(ast.IfExp(node.test, node.orelse, node.body))
        case ast.Constant(value=bool() as flag):
            yield repr(not flag)
        case ast.Constant(value=int() | float() as number):
            yield repr(number + 1)
        case ast.Constant(value=str() as text):
            yield repr(text + "?")


def _statements(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Return(value=ast.expr() as value) if not (
            isinstance(value, ast.Constant) and value.value is None
        ):
            yield "return None"
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise():
            yield "pass"
        case ast.Assign(value=value) if not (
            isinstance(value, ast.Constant) and value.value is None
        ):
            yield f"{' = '.join(ast.unparse(target) for target in node.targets)} = None"
        case ast.Continue():
            yield "break"
        case ast.Break():
            yield "continue"


def _parses(text: str) -> bool:
    try:
        parse_module(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 40 else flat[:37] + "..."
