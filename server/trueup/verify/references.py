"""What a file asks of other modules: imports, and attributes of what it imported.

Only what certainly runs and certainly means a module: not what is guarded by `except ImportError`,
by a look at the platform or by `hasattr`, nor attributes of a name that is bound by anything else.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_GUARDS: Final = re.compile(
    r"\b(sys|os|platform|six|PY\d*|TYPE_CHECKING|version_info|WIN\w*|win32|hasattr|find_spec)\b"
    r"|(?i:version|windows|linux|darwin|macos|have_|has_|pypy)"
)
_FORGIVING: Final = frozenset(
    {"ImportError", "ModuleNotFoundError", "AttributeError", "NameError", "Exception",
     "BaseException"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """`module` (a dotted name, `level` dots before it), and names below it that must be there."""

    level: int
    module: str
    names: tuple[str, ...]
    line: int
    imported: bool
    """`from module import name`: the name may be a submodule that nobody imported so far."""

    @property
    def key(self) -> tuple[int, str, tuple[str, ...]]:
        return self.level, self.module, self.names


def references_in(tree: ast.Module) -> tuple[Reference, ...]:
    """In the order of the text, each once."""
    reader = _Reader(tree)
    reader.visit(tree)
    found: dict[tuple[object, ...], Reference] = {}
    for item in (*reader.imports, *reader.attributes()):
        found.setdefault((*item.key, item.imported), item)
    return tuple(sorted(found.values(), key=lambda item: item.line))


class _Reader(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.imports: list[Reference] = []
        self._targets: dict[str, set[tuple[int, str, tuple[str, ...]]]] = {}
        self._chains: list[tuple[str, tuple[str, ...], int]] = []
        self._bound: Counter[str] = Counter()
        self._stored: set[tuple[str, ...]] = set()
        self._asked = frozenset(_asked(tree))
        self._guarded = 0

    def attributes(self) -> Iterator[Reference]:
        for base, names, line in self._chains:
            targets = self._targets.get(base, set())
            if len(targets) != 1 or self._bound[base] or self._asked & set(names):
                continue
            if any((base, *names[: end + 1]) in self._stored for end in range(len(names))):
                continue
            level, module, first = next(iter(targets))
            yield Reference(level, module, (*first, *names), line, imported=False)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            name = alias.asname or whole
            self._targets.setdefault(name, set()).add((0, whole, ()))
            if self._guarded:
                self._bound[name] += 1
            else:
                self.imports.append(Reference(0, alias.name, (), node.lineno, imported=True))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for alias in node.names:
            self._targets.setdefault(alias.asname or alias.name, set()).add(
                (node.level, module, (alias.name,))
            )
            if self._guarded or module == "__future__":
                self._bound[alias.asname or alias.name] += 1
                continue
            names = () if alias.name == "*" else (alias.name,)
            self.imports.append(Reference(node.level, module, names, node.lineno, imported=True))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        names: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            names.insert(0, inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self.visit(inner)
        elif not isinstance(node.ctx, ast.Load):
            self._stored.add((inner.id, *names))
        elif not self._guarded:
            self._chains.append((inner.id, tuple(names), node.lineno))

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bound[node.id] += 1

    def visit_arg(self, node: ast.arg) -> None:
        self._bound[node.arg] += 1
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bound[node.name] += 1
        self.generic_visit(node)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._bound[node.name] += 1
        self.generic_visit(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _definition  # noqa: N815

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        forgiving = any(_forgives(handler.type) for handler in node.handlers)
        # What a handler or `else` does was written for the case that something is not there.
        self._inside((*node.body, *node.handlers, *node.orelse), guarded=forgiving)
        self._inside(tuple(node.finalbody), guarded=False)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_If(self, node: ast.If | ast.IfExp) -> None:
        guarded = bool(_GUARDS.search(ast.unparse(node.test)))
        self._inside((node.test,), guarded=False)
        rest = (
            (node.body, node.orelse) if isinstance(node, ast.IfExp) else (*node.body, *node.orelse)
        )
        self._inside(rest, guarded=guarded)

    visit_IfExp = visit_If  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        said = " ".join(ast.unparse(item.context_expr) for item in node.items)
        self._inside(tuple(node.items), guarded=False)
        self._inside(tuple(node.body), guarded=bool(re.search(r"suppress|raises", said)))

    visit_AsyncWith = visit_With  # noqa: N815

    def _inside(self, nodes: tuple[ast.AST, ...], *, guarded: bool) -> None:
        self._guarded += guarded
        for node in nodes:
            self.visit(node)
        self._guarded -= guarded


def _forgives(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    names = {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(kind) if isinstance(node, ast.Attribute)}
    return bool(names & _FORGIVING)


def _asked(tree: ast.Module) -> Iterator[str]:
    """Names that the file looks for before it uses them."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="hasattr" | "getattr"),
                          args=[_, ast.Constant(value=str(name)), *_]):  # fmt: skip
                yield name
