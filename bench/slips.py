"""Subtle wrong versions of functions: slips that a careful reader overlooks.

Beside the mutants of `trueup.verify.mutants`, which the gate itself uses to ask how much the tests
notice: a gate must not be tried only with the mistakes that it was built around. Each slip changes
one place. What it means is known only by running tests.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from trueup.parsing import parse_module
from trueup.verify.mutants import Mutant

_BOUNDS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_METHODS: Final = {
    "strip": "rstrip",
    "lstrip": "strip",
    "rstrip": "strip",
    "startswith": "__contains__",
    "endswith": "__contains__",
    "extend": "append",
    "setdefault": "__setitem__",
    "split": "rsplit",
    "rsplit": "split",
    "partition": "rpartition",
    "find": "rfind",
    "rfind": "find",
    "lower": "casefold",
    "update": "setdefault",
    "discard": "remove",
    "items": "keys",
    "match": "search",
    "fullmatch": "match",
}
_BUILTINS: Final = {"any": "all", "all": "any", "min": "max", "max": "min", "float": "int"}
_DROPPED: Final = frozenset({"list", "dict", "set", "tuple", "sorted", "reversed", "str", "int"})
"""Functions whose absence is easily overlooked: a copy, an order, a type."""
_COPIES: Final = frozenset({"copy", "deepcopy"})
_EXCEPTIONS: Final = {
    "KeyError": "IndexError",
    "IndexError": "KeyError",
    "TypeError": "ValueError",
    "ValueError": "TypeError",
    "AttributeError": "KeyError",
    "LookupError": "KeyError",
}


def slips_of(source: str, lines: range) -> tuple[Mutant, ...]:
    """All slips whose place begins in `lines`, in text order; a few do not parse."""
    raw = source.encode()
    starts = (0, *itertools.accumulate(len(line) for line in raw.splitlines(keepends=True)))
    found = []
    for node in ast.walk(parse_module(source)):
        if not isinstance(node, ast.expr | ast.stmt) or node.lineno not in lines:
            continue
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        for new in _expressions(node) if isinstance(node, ast.expr) else _statements(node):
            text = (raw[:first] + new.encode() + raw[last:]).decode()
            old = raw[first:last].decode()
            found.append(Mutant(node.lineno, f"`{_short(old)}` -> `{_short(new)}`", text))
    return tuple(sorted(found, key=lambda item: (item.line, item.says)))


def _expressions(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare() | ast.BinOp():
            yield from _operators(node)
        case ast.BoolOp(op, values):
            for place in range(len(values)):
                kept = [*values[:place], *values[place + 1 :]]
                yield f"({ast.unparse(ast.BoolOp(op, kept) if len(kept) > 1 else kept[0])})"
        case ast.Subscript(value, ast.Slice() as part, ctx=ast.Load()):
            yield from _slices(value, part)
        case ast.Call():
            yield from _calls(node)
        case ast.ListComp(elt, generators) | ast.GeneratorExp(elt, generators):
            bare = [ast.comprehension(one.target, one.iter, [], one.is_async) for one in generators]
            if any(one.ifs for one in generators):
                yield ast.unparse(type(node)(elt, bare))


def _operators(node: ast.Compare | ast.BinOp) -> Iterator[str]:
    match node:
        case ast.Compare(left, [ast.IsNot()], [ast.Constant(value=None)]):
            yield f"bool({ast.unparse(left)})"
        case ast.Compare(left, [ast.Is()], [ast.Constant(value=None)]):
            yield f"(not {ast.unparse(left)})"
        case ast.Compare(left, [op], [right]) if type(op) in _BOUNDS:
            yield f"({ast.unparse(ast.Compare(left, [_BOUNDS[type(op)]()], [right]))})"
        case ast.BinOp(left, ast.FloorDiv(), right):
            yield f"({ast.unparse(ast.BinOp(left, ast.Div(), right))})"
        case ast.BinOp(left, ast.Sub() | ast.Div() | ast.Mod() as op, right):
            yield f"({ast.unparse(ast.BinOp(right, op, left))})"


def _slices(value: ast.expr, part: ast.Slice) -> Iterator[str]:
    text = ast.unparse(value)
    if part.lower is None and part.upper is None:
        yield text
    for name, bound in (("lower", part.lower), ("upper", part.upper)):
        if bound is not None:
            by = ast.BinOp(bound, ast.Add(), ast.Constant(1))
            pieces = {"lower": part.lower, "upper": part.upper, name: by}
            moved = ast.Slice(pieces["lower"], pieces["upper"], part.step)
            yield f"{text}[{ast.unparse(moved)}]"


def _calls(node: ast.Call) -> Iterator[str]:
    match node:
        case ast.Call(ast.Name(name), [only], []) if name in _DROPPED:
            yield f"({ast.unparse(only)})"
        case ast.Call(ast.Name("isinstance"), [one, ast.Tuple(elts)], []) if len(elts) > 1:
            for kept in (elts[:-1], elts[1:]):
                kinds = ast.Tuple(kept, ast.Load()) if len(kept) > 1 else kept[0]
                yield f"isinstance({ast.unparse(one)}, {ast.unparse(kinds)})"
        case ast.Call(ast.Name(name), args, keywords) if name in _BUILTINS:
            yield ast.unparse(ast.Call(ast.Name(_BUILTINS[name]), args, keywords))
        case ast.Call(ast.Attribute(_, name), [only], []) if name in _COPIES:
            yield f"({ast.unparse(only)})"
        case ast.Call(ast.Attribute(value, name), [], []) if name in _COPIES:
            yield f"({ast.unparse(value)})"
        case ast.Call(ast.Attribute(value, "get"), [key], []):
            yield f"{ast.unparse(value)}[{ast.unparse(key)}]"
        case ast.Call(ast.Attribute(value, name), args, keywords) if name in _METHODS:
            called = ast.Attribute(value, _METHODS[name], ast.Load())
            yield ast.unparse(ast.Call(called, args, keywords))
    yield from _arguments(node)


def _arguments(node: ast.Call) -> Iterator[str]:
    match node:
        case ast.Call(function, [ast.Name() as one, ast.Name() as two, *rest], keywords):
            yield ast.unparse(ast.Call(function, [two, one, *rest], keywords))
    for place, word in enumerate(node.keywords):
        if word.arg is not None:
            fewer = [*node.keywords[:place], *node.keywords[place + 1 :]]
            yield ast.unparse(ast.Call(node.func, node.args, fewer))


def _statements(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.If(orelse=[], body=[*_, ast.Return() | ast.Raise() | ast.Continue()]):
            yield "pass"
        case ast.Raise(ast.Call(ast.Name(name), args, keywords)) if name in _EXCEPTIONS:
            call = ast.Call(ast.Name(_EXCEPTIONS[name]), args, keywords)
            yield ast.unparse(ast.Raise(call, node.cause))
        case ast.Assign(targets, ast.BoolOp(ast.Or(), [left, *_])):
            yield ast.unparse(ast.copy_location(ast.Assign(targets, left), node))
        case ast.AugAssign(target, _, value):
            yield f"{ast.unparse(target)} = {ast.unparse(value)}"
        case ast.Try(handlers=[first, *_]) if _narrower(first):
            yield from _handlers(node)


def _narrower(handler: ast.ExceptHandler) -> Sequence[ast.expr]:
    return handler.type.elts if isinstance(handler.type, ast.Tuple) else ()


def _handlers(node: ast.Try) -> Iterator[str]:
    """The same with one exception less in the first handler; the body's comments are lost."""
    first = node.handlers[0]
    kept = ast.Tuple(list(_narrower(first)[1:]), ast.Load())
    handler = ast.ExceptHandler(kept, first.name, first.body)
    changed = ast.Try(node.body, [handler, *node.handlers[1:]], node.orelse, node.finalbody)
    lines = ast.unparse(changed).splitlines()
    yield f"\n{' ' * node.col_offset}".join(lines)


def parses(text: str) -> bool:
    try:
        parse_module(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 48 else f"{flat[:45]}..."
