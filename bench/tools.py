"""What tools would refactor in a package: one task for every place they have something for.

Ruff's fixes, safe and unsafe, with the surface that each rule declares; and rope's extractions,
inlinings and renames at places found in the syntax trees. Whether the tool then does it, and what
becomes of it, others find out.
"""

from __future__ import annotations

import ast
import collections
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trueup import linting
from trueup.parsing import parse_module
from trueup.propose import ruff
from trueup.snapshot import Document, Span
from trueup.suggestion import Goal, GoalKind, Recipe
from trueup.symbols import Outline

FAMILIES: Final = ("B", "C4", "FLY", "FURB", "PERF", "PIE", "PLR1714", "RET", "RUF", "SIM", "UP")
SOURCES: Final = {"jinja2": "src/jinja2/", "marshmallow": "src/marshmallow/", "tomlkit": "tomlkit/"}
RUN_STATEMENTS: Final = 3
"""Statements that are extracted into a function together."""

_LEAVES: Final = (
    ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Break, ast.Continue, ast.Nonlocal,
    ast.Global, ast.Import, ast.ImportFrom, ast.Delete,
)  # fmt: skip
"""Nodes that cannot be taken out of a function, or not without thinking."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Task:
    """A goal, and what it is a sample of: a rule's code, or a refactoring."""

    package: str
    source: str
    kind: str
    goal: Goal
    line: int


async def ruffs(package: str, root: str, documents: Sequence[Document]) -> list[Task]:
    """One task for every fix that Ruff has, whether it dares to apply it or not."""
    found = []
    for document in documents:
        findings = await linting.diagnostics(root, document, select=FAMILIES)
        if isinstance(findings, linting.LintFailure):
            raise SystemExit(findings.sentence)
        for item in findings:
            code = item.diagnostic.code
            if item.fix and item.applicability != "display" and code.startswith(FAMILIES):
                goal = Goal(
                    GoalKind.REFACTOR,
                    Recipe.RUFF_RULE,
                    document.path,
                    item.diagnostic.span,
                    diagnostic=item.diagnostic,
                    surface=ruff.surface_of(code),
                )
                line = document.line_at(item.diagnostic.span.start) + 1
                kind = f"{code} ({item.applicability})"
                found.append(Task(package, "ruff", kind, goal, line))
    return found


class Places:
    """A file's syntax tree in the terms of goals: spans of characters, and what encloses them."""

    def __init__(self, package: str, document: Document) -> None:
        self._package, self._document = package, document
        self._outline = Outline(document.text)
        self._raw = document.text.encode()
        lines = self._raw.splitlines(keepends=True)
        self._starts = (0, *itertools.accumulate(len(line) for line in lines))

    def span(self, first: ast.stmt | ast.expr, last: ast.stmt | ast.expr) -> Span:
        return Span(
            self._offset(first.lineno, first.col_offset),
            self._offset(last.end_lineno or last.lineno, last.end_col_offset or 0),
        )

    def _offset(self, line: int, column: int) -> int:
        return len(self._raw[: self._starts[line - 1] + column].decode())

    def name_of(self, function: _Function) -> Span:
        start = self.span(function, function).start
        at = self._document.text.index(f"def {function.name}", start) + len("def ")
        return Span(at, at + len(function.name))

    def task(self, recipe: Recipe, kind: str, place: Span, name: str = "") -> Task:
        symbol = self._outline.enclosing(place)
        path = self._document.path
        qualified = symbol.qualified if symbol else ""
        goal = Goal(GoalKind.REFACTOR, recipe, path, place, symbol=qualified, name=name)
        line = self._document.line_at(place.start) + 1
        return Task(self._package, "rope", kind, goal, line)


def ropes(package: str, document: Document) -> Iterator[Task]:
    """One task for every place of this file where rope has something to refactor."""
    places = Places(package, document)
    for function in ast.walk(parse_module(document.text)):
        if isinstance(function, _Function):
            yield from _of_function(places, function)


def _of_function(places: Places, function: _Function) -> Iterator[Task]:
    special = function.name.startswith("__")
    if not special:
        kind = "rename private" if function.name.startswith("_") else "rename public"
        renamed = f"{function.name}_"
        yield places.task(Recipe.RENAME, kind, places.name_of(function), renamed)
    for value in _returned(function):
        span = places.span(value, value)
        yield places.task(Recipe.EXTRACT_VARIABLE, "extract variable", span)
    for name in _set_once(function):
        span, renamed = places.span(name, name), f"{name.id}_"
        yield places.task(Recipe.INLINE, "inline variable", span)
        yield places.task(Recipe.RENAME, "rename variable", span, renamed)
    for run in _runs(function):
        span = places.span(run[0], run[-1])
        yield places.task(Recipe.EXTRACT_FUNCTION, "extract function", span)


def _inside(function: _Function) -> Iterator[ast.AST]:
    """The nodes of a function that are not those of another one in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _returned(function: _Function) -> Iterator[ast.expr]:
    for node in _inside(function):
        if isinstance(node, ast.Return) and isinstance(
            node.value, ast.Call | ast.BinOp | ast.BoolOp | ast.Compare | ast.Subscript | ast.IfExp
        ):
            yield node.value


def _set_once(function: _Function) -> Iterator[ast.Name]:
    """Variables that are assigned once, by a plain assignment, and read later."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    count = collections.Counter(item.id for item in names if not isinstance(item.ctx, ast.Load))
    read = {item.id for item in names if isinstance(item.ctx, ast.Load)}
    parameters = {item.arg for item in ast.walk(function) if isinstance(item, ast.arg)}
    for node in _inside(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name) as target]) if (
                count[name] == 1 and name in read and name not in parameters
            ):
                yield target


def _runs(function: _Function) -> Iterator[list[ast.stmt]]:
    """Statements in a row that do not leave the function."""
    for holder in (function, *_inside(function)):
        body = getattr(holder, "body", None)
        if not isinstance(body, list):
            continue
        plain = [
            isinstance(item, ast.stmt)
            and not isinstance(item, _Function | ast.ClassDef)
            and not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
            and not any(isinstance(node, _LEAVES) for node in ast.walk(item))
            for item in body
        ]
        for first in range(len(body) - RUN_STATEMENTS + 1):
            if all(plain[first : first + RUN_STATEMENTS]):
                yield body[first : first + RUN_STATEMENTS]
                break


def in_turns(tasks: Iterable[Task], chance: random.Random) -> Iterator[Task]:
    """Shuffled, one of each kind before the second of any."""
    kinds: dict[str, list[Task]] = {}
    for task in tasks:
        kinds.setdefault(task.kind, []).append(task)
    for group in kinds.values():
        chance.shuffle(group)
    order = sorted(kinds)
    chance.shuffle(order)
    for row in itertools.zip_longest(*(kinds[kind] for kind in order)):
        yield from (task for task in row if task is not None)
