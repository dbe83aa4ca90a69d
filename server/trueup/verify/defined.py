"""Which names a module has, read from its source.

Whatever assigns a name on some path defines it. A module that makes names while it runs
(`__getattr__`, `globals()`, `sys.modules`, a star import that cannot be followed) is opaque:
what it lacks is not known.
"""

from __future__ import annotations

import ast
import functools
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trueup.parsing import parse_module

OF_EVERY_MODULE: Final = frozenset(
    {
        "__annotations__", "__builtins__", "__cached__", "__dict__", "__doc__", "__file__",
        "__loader__", "__name__", "__package__", "__path__", "__spec__", "__class__",
    }
)  # fmt: skip
_MAKING: Final = frozenset({"globals", "vars", "locals", "exec", "_convert_", "global_enum"})
_DYNAMIC: Final = frozenset({"__getattr__", "__path__"})
SOURCE_BYTES_MAX: Final = 1 << 20
"""A larger module is generated, and takes longer to read than its answer is worth."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names that a module defines, the modules it star-imports, and whether it makes others."""

    names: frozenset[str]
    stars: tuple[tuple[int, str], ...]
    """(level, dotted name), as in the import statement."""
    submodules: frozenset[str]
    """Those of the names that are submodules by `from . import name`, and nothing else."""
    opaque: bool


OPAQUE: Final = Names(frozenset(), (), frozenset(), opaque=True)


@functools.lru_cache(maxsize=256)
def names_in(text: str) -> Names:
    """The names of the module with this source."""
    if len(text) > SOURCE_BYTES_MAX:
        return OPAQUE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return OPAQUE
    names: Counter[str] = Counter()
    submodules: Counter[str] = Counter()
    stars: list[tuple[int, str]] = []
    for node in _module_level(tree):
        names.update(_bound(node))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            stars.append((node.level, node.module or ""))
        if isinstance(node, ast.ImportFrom) and node.level == 1 and not node.module:
            submodules.update(alias.name for alias in node.names if not alias.asname)
    names.update(
        name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    )
    opaque = bool(names.keys() & _DYNAMIC) or any(_makes_names(node) for node in ast.walk(tree))
    only = frozenset(name for name, count in submodules.items() if names[name] == count)
    return Names(frozenset(names), tuple(stars), only, opaque)


def _module_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs in the module's own scope, expressions included."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        waiting.extend(ast.iter_child_nodes(node))


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.Import(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name


def _makes_names(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name in _MAKING
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return True
        case ast.Attribute(attr="global_enum") | ast.Name(id="global_enum"):
            return True
    return False
