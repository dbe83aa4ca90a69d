"""Which statements a change touches, by comparing syntax trees.

Formatting, comments and docstrings do not count. A statement is compared by its own header: a body
that moved under a new `if` is not changed, the `if` is. Where text was only removed, the statement
that now stands in its place is the changed one, because it is what runs instead; and a statement
that leaves no trace when it runs is represented by its neighbour.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final

from trueup.parsing import parse_module

_BLOCKS: Final = ("body", "handlers", "orelse", "finalbody", "cases")
"""In the order of the text."""
_HOLDERS: Final = (ast.stmt, ast.ExceptHandler, ast.match_case)
_MODULE: Final = -1
_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Statement:
    """The header of a statement: 1-based lines, inclusive, what it says, and the block it is in.

    Without lines (`last` before `first`) where it shares its line with the header around it.
    """

    key: str
    first: int
    last: int
    parent: int
    """Which of the text's statements holds it, in their order; -1 for the module."""
    block: str
    """Which part of its parent: `body`, `orelse`, …"""
    runs: bool
    """False for what leaves no trace when it is executed, such as a docstring."""

    @property
    def lines(self) -> range:
        return range(self.first, self.last + 1)


def same_code(before: str, after: str) -> bool:
    """Whether the syntax trees are equal but for docstrings. False where either does not parse."""
    try:
        return _bare(before) == _bare(after)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _bare(source: str) -> str:
    tree = parse_module(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and _is_docstring(node.body[:1]):
            # An empty body is no tree; `...` stands for it on both sides.
            node.body = node.body[1:] or [ast.Expr(ast.Constant(...))]
    return ast.dump(tree)


def _is_docstring(head: Sequence[ast.AST]) -> bool:
    return bool(
        head
        and isinstance(head[0], ast.Expr)
        and isinstance(head[0].value, ast.Constant)
        and isinstance(head[0].value.value, str)
    )


def changed_statements(before: str, after: str) -> tuple[Statement, ...]:
    """Statements of `after` that are new, differ, moved or follow what was removed; in text order.

    Empty where the code is the same, and where nothing is left that runs. Raises SyntaxError where
    either text does not parse.
    """
    if same_code(before, after):
        return ()
    old, new = _statements(before), _statements(after)
    matcher = SequenceMatcher(
        None, [item.key for item in old], [item.key for item in new], autojunk=False
    )
    same = {_MODULE: _MODULE}
    for match in matcher.get_matching_blocks():
        same.update(zip(range(match.a, match.a + match.size), range(match.b, match.b + match.size),
                        strict=True))  # fmt: skip
    held: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
    for was, now in same.items():
        if now != _MODULE:
            held[old[was].parent].add(_place(new[now]))
    found = set(range(len(new))) - set(same.values())
    found |= _moved(old, new, same, found)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag in {"delete", "replace"}:
            filled = {_place(new[index]) for index in range(j1, j2)}
            for index in range(i1, i2):
                parent = same.get(old[index].parent)
                # What went with the block around it is represented by that block, and a block that
                # was unwrapped by what it held.
                if parent is not None and (parent, old[index].block) not in filled | held[index]:
                    found.add(_in_place_of(index, old, same, min(j1, len(new) - 1)))
    shown = {index if new[index].runs else _neighbour(index, new) for index in found - {_MODULE}}
    return tuple(new[index] for index in sorted(shown - {_MODULE}))


def _moved(
    old: Sequence[Statement], new: Sequence[Statement], same: Mapping[int, int], found: set[int]
) -> set[int]:
    """What says the same and stands in another block. Under a new header, the header is the change:
    what it holds is what it held.
    """
    return {
        now
        for was, now in same.items()
        if now != _MODULE
        and new[now].parent not in found
        and (same.get(old[was].parent), old[was].block) != _place(new[now])
    }


def _place(item: Statement) -> tuple[int, str]:
    return item.parent, item.block


def _in_place_of(
    removed: int, old: Sequence[Statement], same: Mapping[int, int], next_in_text: int
) -> int:
    """The statement that shows whether the place of a removed one is reached: what follows it in
    its block, else what precedes it there, else the header of the block.
    """
    left = [index for index in _siblings(removed, old) if index in same]
    following = [index for index in left if index > removed]
    if left:
        return same[following[0] if following else left[-1]]
    parent = same[old[removed].parent]
    return parent if parent != _MODULE else next_in_text


def _neighbour(index: int, new: Sequence[Statement]) -> int:
    """What stands for a statement without a trace: the next that runs in its block, else the last
    before it, else the header of the block.
    """
    running = [other for other in _siblings(index, new) if new[other].runs]
    following = [other for other in running if other > index]
    if running:
        return following[0] if following else running[-1]
    return new[index].parent


def _siblings(index: int, all_of_them: Sequence[Statement]) -> list[int]:
    place = _place(all_of_them[index])
    return [at for at, item in enumerate(all_of_them) if _place(item) == place]


def _statements(source: str) -> tuple[Statement, ...]:
    found: list[Statement] = []

    def walk(holder: ast.AST, parent: int) -> None:
        documented = isinstance(holder, _DOCUMENTED)
        for block in _BLOCKS:
            for position, node in enumerate(getattr(holder, block, ())):
                if not isinstance(node, _HOLDERS):
                    continue
                if documented and block == "body" and not position and _is_docstring([node]):
                    continue
                statement = _statement(node, parent, block)
                on_header = parent != _MODULE and statement.first <= found[parent].last
                if on_header and not isinstance(holder, ast.ClassDef):
                    # `if x: f()`: that the line ran does not say that `f()` did.
                    statement = replace(statement, last=statement.first - 1)
                found.append(statement)
                walk(node, len(found) - 1)

    walk(parse_module(source), _MODULE)
    return tuple(found)


def _statement(node: ast.AST, parent: int, block: str) -> Statement:
    header = [
        f"{name}={ast.dump(value) if isinstance(value, ast.AST) else _dump(value)}"
        for name, value in ast.iter_fields(node)
        if name not in _BLOCKS or not _is_block(value)
    ]
    first = _first_line(node)
    inner = [
        _first_line(child)
        for name in _BLOCKS
        for child in getattr(node, name, ())
        if isinstance(child, _HOLDERS)
    ]
    last = min(inner) - 1 if inner else getattr(node, "end_lineno", first) or first
    return Statement(
        key=f"{type(node).__name__}({', '.join(header)})",
        first=first,
        last=max(first, last),
        parent=parent,
        block=block,
        runs=_runs(node),
    )


def _is_block(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, _HOLDERS) for item in value)


def _dump(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_dump(item) for item in value) + "]"
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)


def _first_line(node: ast.AST) -> int:
    decorators = getattr(node, "decorator_list", None)
    if decorators:
        return min(int(item.lineno) for item in decorators)
    if isinstance(node, ast.match_case):
        return int(node.pattern.lineno)
    return int(getattr(node, "lineno", 1))


def _runs(node: ast.AST) -> bool:
    if isinstance(node, ast.Global | ast.Nonlocal):
        return False
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return False
    return not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
