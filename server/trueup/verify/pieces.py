"""The smallest expressions in which two versions of a function differ.

Statements are aligned by what they say, then the trees of those that stand in each other's place
are walked together. A piece is an expression that one side has and the other has not, with what is
around it: whether only its truth counts, and whether its value can vary from call to call at all.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from trueup.parsing import parse_module
from trueup.verify.targets import FUNCTIONS, Function, functions

_BLOCKS: Final = ("body", "handlers", "orelse", "finalbody", "cases")
_SCOPES: Final = (*FUNCTIONS, ast.Lambda, ast.ClassDef)


class Use(StrEnum):
    """What a piece is there for."""

    TRUTH = "truth"
    """A condition: only whether it holds counts."""
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Piece:
    """An expression of one side: half-open range of bytes of the module's text in UTF-8.

    `varies`: it is made from what the function is called with, so that it may be another one in
    another call.
    """

    line: int
    start: int
    end: int
    use: Use
    varies: bool
    alone: bool
    """Nothing stands in its place on the other side: an argument or a condition more, or less."""


def pieces(before: str, after: str, qualname: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The pieces of the function `qualname` on the old and on the new side, in text order.

    Both texts parse and hold that function.
    """
    old, new = (dict(functions(parse_module(text)))[qualname] for text in (before, after))
    gone: list[_Found] = []
    come: list[_Found] = []
    _compare_blocks(_without_docstring(old), _without_docstring(new), gone, come)
    # A constant that only moves is the same at its new place.
    moved = _constants(gone) & _constants(come)
    sides = [
        [found for found in side if ast.dump(found.node) not in moved] for side in (gone, come)
    ]
    return _Side(before, old).pieces(sides[0]), _Side(after, new).pieces(sides[1])


def chosen_of(
    gone: Sequence[Piece], come: Sequence[Piece], most: int
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """At most `most` pieces, in turns from both sides."""
    turns = [
        (side, piece)
        for pair in itertools.zip_longest(gone, come)
        for side, piece in enumerate(pair)
        if piece is not None
    ][:most]
    sides = [tuple(piece for side, piece in turns if side == wanted) for wanted in (0, 1)]
    return sides[0], sides[1]


def functions_of_both(before: str, after: str) -> tuple[str, ...]:
    """Qualified names of the functions that both texts have and that differ, in the old order."""
    old, new = (dict(functions(parse_module(text))) for text in (before, after))
    return tuple(
        name for name, node in old.items() if name in new and ast.dump(node) != ast.dump(new[name])
    )


@dataclass(frozen=True, slots=True)
class _Found:
    node: ast.AST
    alone: bool = False


def _constants(found: Sequence[_Found]) -> set[str]:
    return {
        ast.dump(inner)
        for item in found
        for inner in ast.walk(item.node)
        if isinstance(inner, ast.Constant)
    }


def _without_docstring(node: Function) -> Sequence[ast.stmt]:
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def _compare_blocks(
    old: Sequence[ast.AST], new: Sequence[ast.AST], gone: list[_Found], come: list[_Found]
) -> None:
    """Two lists of nodes: what both have is left out, what stands in one place is compared."""
    matcher = SequenceMatcher(
        None, [ast.dump(item) for item in old], [ast.dump(item) for item in new], autojunk=False
    )
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        if i2 - i1 == j2 - j1:
            for was, now in zip(old[i1:i2], new[j1:j2], strict=True):
                _compare(was, now, gone, come)
        else:
            gone += [_Found(node, not isinstance(node, ast.stmt)) for node in old[i1:i2]]
            come += [_Found(node, not isinstance(node, ast.stmt)) for node in new[j1:j2]]


def _compare(old: ast.AST, new: ast.AST, gone: list[_Found], come: list[_Found]) -> None:
    """What differs below two nodes; they themselves where they are of different kinds, and where
    what differs is no node.
    """
    if ast.dump(old) == ast.dump(new):
        return
    fields = list(zip(ast.iter_fields(old), ast.iter_fields(new), strict=False))
    if type(old) is not type(new) or any(_is_bare(was, now) for (_, was), (_, now) in fields):
        gone.append(_Found(old))
        come.append(_Found(new))
        return
    for (_, was), (_, now) in fields:
        if isinstance(was, list) and isinstance(now, list):
            _compare_blocks(
                [item for item in was if isinstance(item, ast.AST)],
                [item for item in now if isinstance(item, ast.AST)],
                gone,
                come,
            )
        elif isinstance(was, ast.AST) and isinstance(now, ast.AST):
            _compare(was, now, gone, come)
        elif isinstance(was, ast.AST):
            gone.append(_Found(was, alone=True))
        elif isinstance(now, ast.AST):
            come.append(_Found(now, alone=True))


def _is_bare(old: object, new: object) -> bool:
    """Whether a difference is one of names, constants or operators, which alone are nothing."""
    if isinstance(old, list) and isinstance(new, list):
        plain = [item for item in (*old, *new) if not isinstance(item, ast.AST)]
        operators = [item for item in (*old, *new) if isinstance(item, ast.cmpop)]
        if plain and old != new:
            return True
        return bool(operators) and [type(item) for item in old] != [type(item) for item in new]
    if isinstance(old, ast.operator | ast.boolop | ast.unaryop):
        return type(old) is not type(new)
    return not isinstance(old, ast.AST) and not isinstance(new, ast.AST) and old != new


class _Side:
    """One version of the function, in its module."""

    def __init__(self, source: str, function: Function) -> None:
        self._starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._parents = {
            child: parent for parent in ast.walk(function) for child in ast.iter_child_nodes(parent)
        }
        self._function = function
        self._own = _locals(function)
        self._read = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }

    def pieces(self, changed: Sequence[_Found]) -> tuple[Piece, ...]:
        found = {
            (piece.start, piece.end): piece
            for item in changed
            for expression in self._expressions(item.node)
            if (piece := self._piece(expression, alone=item.alone)) is not None
        }
        return tuple(found[place] for place in sorted(found))

    def _expressions(self, node: ast.AST) -> Iterator[ast.expr]:
        """The expressions that stand for `node`: itself, else what is in it, else what it is in."""
        if isinstance(node, ast.stmt):
            if not self._is_dead(node):
                yield from self._of_statement(node)
        elif isinstance(node, ast.keyword | ast.Starred):
            yield node.value
        elif isinstance(
            node, ast.ExceptHandler | ast.match_case | ast.withitem | ast.comprehension
        ):
            for child in ast.iter_child_nodes(node):
                yield from self._expressions(child)
        elif isinstance(node, ast.Yield | ast.YieldFrom | ast.Await):
            # What is sent back into it is nothing that changed.
            if node.value is not None:
                yield from self._expressions(node.value)
        elif isinstance(node, ast.expr) and self._is_read(node):
            yield node
        else:
            parent = self._parents.get(node)
            if isinstance(parent, ast.expr):
                yield from self._expressions(parent)

    def _of_statement(self, node: ast.stmt) -> Iterator[ast.expr]:
        """Of a statement that stands in nobody's place: what depends on the call. Its constants may
        be as good as any others.
        """
        for item in self._within(node):
            if {each.id for each in ast.walk(item) if isinstance(each, ast.Name)} & self._own:
                yield item

    def _within(self, node: ast.stmt) -> Iterator[ast.expr]:
        if isinstance(node, _SCOPES):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            # Nobody reads what it gives; what it is given matters.
            inner = [*node.value.args, *(item.value for item in node.value.keywords)]
            yield from (item.value if isinstance(item, ast.Starred) else item for item in inner)
            return
        for name, value in ast.iter_fields(node):
            if name in _BLOCKS:
                for item in value:
                    yield from self._expressions(item)
            elif name != "annotation":
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, ast.expr):
                        yield from self._expressions(item) if self._is_read(item) else ()
                    elif isinstance(item, ast.withitem):
                        yield item.context_expr

    def _is_dead(self, node: ast.stmt) -> bool:
        """Whether it only gives a value to names that nobody reads."""
        targets = node.targets if isinstance(node, ast.Assign) else []
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        return bool(names) and len(names) == len(targets) and not self._read & set(names)

    def _is_read(self, node: ast.expr) -> bool:
        return isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and not isinstance(
            node, ast.Slice | ast.Starred
        )

    def _piece(self, node: ast.expr, *, alone: bool) -> Piece | None:
        while isinstance(parent := self._parents.get(node), ast.FormattedValue | ast.JoinedStr):
            # Within a text in quotes nothing can be put in its place.
            node = parent
        above = list(self._above(node))
        if any(isinstance(item, ast.pattern) for item in above) or self._is_annotation(node, above):
            return None
        used = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
        called = isinstance(parent, ast.Call) and parent.func is node
        return Piece(
            line=node.lineno,
            start=self._starts[node.lineno - 1] + node.col_offset,
            end=self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0),
            use=Use.TRUTH if _only_truth(node, parent) else Use.VALUE,
            varies=bool(used & self._own) and not called,
            alone=alone,
        )

    def _above(self, node: ast.AST) -> Iterator[ast.AST]:
        while (parent := self._parents.get(node)) is not None:
            yield parent
            node = parent

    @staticmethod
    def _is_annotation(node: ast.AST, above: Sequence[ast.AST]) -> bool:
        chain = [node, *above]
        return any(
            child is getattr(parent, name, None)
            for child, parent in itertools.pairwise(chain)
            for name in ("annotation", "returns")
        )


def _only_truth(node: ast.expr, parent: ast.AST | None) -> bool:
    match parent:
        case (
            ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test)
        ):
            return test is node
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.comprehension(ifs=conditions):
            return node in conditions
        case ast.BoolOp():
            return isinstance(node, ast.Compare | ast.BoolOp) or (
                isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
            )
    return isinstance(node, ast.Compare) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    )


def _locals(function: Function) -> frozenset[str]:
    """The parameters of the function and of those in it, and the names that they give values to."""
    found = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    found |= {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return frozenset(found)
