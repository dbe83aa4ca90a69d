"""A module as what it runs when it is imported, and the functions that it leaves behind.

Two texts are compared by it: a function whose body alone differs is one thing, all else is the
module. It also says which functions may keep what they computed, by their decorators or by what
they do; of those only the first caller is ever seen at work. What a decorator from another
distribution does is not known, so it counts as keeping.

Nothing here reads the disk or runs anything.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from trueup.parsing import parse_module
from trueup.runner.keeping import EVERYWHERE, Definition, kept_by, own_nodes
from trueup.snapshot import digest

PLAIN: Final = frozenset(
    {
        "abstractmethod",
        "abstractproperty",
        "asynccontextmanager",
        "classmethod",
        "contextmanager",
        "deleter",
        "deprecated",
        "final",
        "getter",
        "no_type_check",
        "overload",
        "override",
        "property",
        "pytest",
        "setter",
        "staticmethod",
        "total_ordering",
        "wraps",
    }
)
"""Decorators that call the function whenever they are called."""
KEEPING: Final = re.compile(r"cache|memo|lazy|once|singleton|lru", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A function: its name in the module, its 1-based lines (decorators included), its body.

    `cached` ones need not run when they are called. Those that `keep` something run, and may answer
    with what another caller computed; in the words of `keeping`.
    """

    name: str
    first: int
    last: int
    body: str
    cached: bool
    keeps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """`rest` stands for everything but the bodies of functions."""

    units: tuple[Unit, ...]
    rest: str

    @property
    def bodies(self) -> Mapping[str, str]:
        return {unit.name: unit.body for unit in self.units}

    def at(self, line: int, name: str) -> Unit | None:
        """The function of a code object; for a lambda or a comprehension the one that holds it."""
        inner: Unit | None = None
        for unit in self.units:
            if unit.first == line and _bare(unit.name) == name:
                return unit
            if unit.first <= line <= unit.last and (inner is None or unit.first >= inner.first):
                inner = unit
        return inner


def _bare(name: str) -> str:
    return name.rpartition(".")[2].partition("#")[0]


_CACHE: Final[dict[tuple[str, frozenset[str]], Module]] = {}
_CACHED_MAX: Final = 4_000


def module_of(text: str, own: frozenset[str]) -> Module:
    """`own` are the top names of the project's packages. What does not parse has no functions."""
    key = (digest(text), own)
    if key not in _CACHE:
        if len(_CACHE) >= _CACHED_MAX:
            _CACHE.clear()
        _CACHE[key] = _parsed(text, own)
    return _CACHE[key]


def _parsed(text: str, own: frozenset[str]) -> Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Module((), digest(text))
    lines = text.encode().splitlines(keepends=True)
    names: dict[str, int] = {}
    plain = PLAIN | _own_names(tree, own)
    keeping = kept_by(tree)
    units = []
    for prefix, definition in _definitions(tree, ""):
        name = prefix + definition.name
        names[name] = names.get(name, 0) + 1
        cached = not all(_decorates(each, plain) for each in definition.decorator_list)
        units.append(
            Unit(
                name if names[name] == 1 else f"{name}#{names[name]}",
                min([definition.lineno, *(each.lineno for each in definition.decorator_list)]),
                definition.end_lineno or definition.lineno,
                digest(_body(definition, lines)),
                cached,
                (EVERYWHERE,) if cached else keeping.get(id(definition), ()),
            )
        )
    try:
        rest = digest(ast.dump(_Emptied().visit(tree)))
    except RecursionError:
        rest = digest(text)
    return Module(tuple(units), rest)


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix, child
        inner = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{prefix}{child.name}."
        if not isinstance(child, ast.expr):
            yield from _definitions(child, inner)


def _body(definition: Definition, lines: list[bytes]) -> str:
    """The text of the body, without the bodies of functions inside: they are units of their own."""
    first, last = definition.body[0].lineno, definition.end_lineno or definition.lineno
    left_out: set[int] = set()
    for _, inner in _definitions(definition, ""):
        start = inner.body[0].lineno
        decorated = [each.end_lineno or 0 for each in inner.decorator_list]
        if start > max([inner.lineno, *decorated, *_header_lines(inner)]):
            left_out.update(range(start, (inner.end_lineno or start) + 1))
    kept = [lines[number - 1] for number in range(first, last + 1) if number not in left_out]
    return b"".join(kept).decode()


def _header_lines(definition: Definition) -> Iterator[int]:
    for node in (definition.args, definition.returns):
        for part in ast.walk(node) if node is not None else ():
            yield getattr(part, "end_lineno", None) or 0


class _Emptied(ast.NodeTransformer):
    """Functions without bodies: what is left runs, or is seen, when the module is imported."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._empty(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._empty(node)

    def _empty(self, node: Definition) -> ast.AST:
        # A function that becomes a generator is another thing to whoever decorates it.
        generator = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in own_nodes(node))
        says = ast.get_docstring(node, clean=False) or ""
        left: list[ast.stmt] = [ast.Expr(ast.Constant(f"{generator} {says}"))]
        return ast.copy_location(type(node)(**{**dict(ast.iter_fields(node)), "body": left}), node)


def _own_names(tree: ast.Module, own: frozenset[str]) -> frozenset[str]:
    """Names that the module defines, or imports from the project: their code is seen to run."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            top = (node.module or "").partition(".")[0]
            if node.level or top in own:
                found.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(
                alias.asname or alias.name.partition(".")[0]
                for alias in node.names
                if alias.name.partition(".")[0] in own
            )
    return frozenset(found)


def _decorates(decorator: ast.expr, plain: frozenset[str]) -> bool:
    """Whether the decorated function runs whenever it is called."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    words = ast.unparse(called)
    if KEEPING.search(words):
        return False
    first, last = words.partition(".")[0], words.rpartition(".")[2]
    # A property's setter is named by the function that it decorates.
    return last in plain or first in plain
