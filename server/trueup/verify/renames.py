"""Whether a change only calls one name by another, or imports it from elsewhere.

Seen from the syntax trees alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from trueup.parsing import parse_module
from trueup.snapshot import Document, Snapshot


def only_renames(
    before: Snapshot, after: Snapshot, paths: tuple[str, ...], names: tuple[str, str]
) -> bool:
    """Whether renaming `names[0]` to `names[1]` in the old trees of `paths` gives the new ones.

    False where the new name was in use before in any of them, because then two things that were
    different would become the same.
    """
    old, new = names
    for path in paths:
        was, now = before.get(path), after.get(path)
        if was is None or now is None:
            return False
        try:
            tree, result = parse_module(was.text), parse_module(now.text)
        except (SyntaxError, ValueError, RecursionError):
            return False
        if any(new in value.split(".") for _, _, value in _identifiers(tree)):
            return False
        for side in (tree, result):
            _rename(side, old, new)
        if ast.dump(tree) != ast.dump(result):
            return False
    return True


def only_renames_a_local(before: str, after: str, line: int, names: tuple[str, str]) -> bool:
    """Whether the new text is the old one with a variable of one function called otherwise.

    It is the innermost function around `line` (1-based). Exact: every occurrence is renamed in the
    old tree, and the result must be the new tree. False where that would not be certain to mean the
    same: the name is a parameter, global, or of a nested class; the new one is in use; or the
    function looks its variables up by name.
    """
    old, new = names
    try:
        tree, result = parse_module(before), parse_module(after)
    except (SyntaxError, ValueError, RecursionError):
        return False
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return False
    function = max(around, key=lambda node: node.lineno)
    parameters = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    if {old, new} & parameters or not _assigns(function, old):
        return False
    # Defaults and decorators are not of this scope, and stay as they are.
    inside = ast.Module(function.body, [])
    for node, _, name in _identifiers(inside):
        other = not isinstance(node, ast.Name | ast.Attribute | ast.keyword)
        if name == new or name in _BY_NAME or (name == old and other):
            return False
    for node in ast.walk(inside):
        if isinstance(node, ast.ClassDef):
            return False
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return ast.dump(tree) == ast.dump(result)


def _assigns(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether the name is a variable of this very function, not of a scope inside of it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)
    return False


_SCOPES: Final = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip
_BY_NAME: Final = frozenset({"dir", "eval", "exec", "globals", "locals", "vars"})
"""What looks variables up by a name that is a string."""


def only_imports(before: Snapshot, after: Snapshot, paths: tuple[str, ...]) -> bool:
    """Whether the trees of `paths` are equal but for their import statements."""
    for path in paths:
        was, now = before.get(path), after.get(path)
        if was is None or now is None:
            return False
        try:
            trees = [
                ast.dump(WithoutImports().visit(parse_module(item.text))) for item in (was, now)
            ]
        except (SyntaxError, ValueError, RecursionError):
            return False
        if trees[0] != trees[1]:
            return False
    return True


class WithoutImports(ast.NodeTransformer):
    def visit_Import(self, _: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, _: ast.ImportFrom) -> None:
        return None


def still_used(text: str, old: str, base: Document) -> int | None:
    """The 1-based line at which `text` may still mean the `old` that `base` defined; None for none.

    What a module defines is reached through the module or by an import from it. An attribute of
    anything else could be anyone's.
    """
    if old not in text:
        return None
    try:
        tree, home = parse_module(text), parse_module(base.text)
    except (SyntaxError, ValueError, RecursionError):
        return None  # It cannot be imported, so it uses nothing.
    if old not in _top_level_names(home):
        found = (node for node in ast.walk(tree) if _attribute(node) == old)
        return min((node.lineno for node in found if isinstance(node, ast.Attribute)), default=None)
    return min(_uses_of_module(tree, old, _module_of(base.path)), default=None)


def _module_of(path: str) -> str:
    """The last part of the name by which a file is imported."""
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[-2] if parts[-1] == "__init__" and len(parts) > 1 else parts[-1]


def _uses_of_module(tree: ast.AST, name: str, module: str) -> Iterator[int]:
    """Lines at which `name` is taken from something that is called like `module`."""
    known = {module}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= {
                item.asname
                for item in node.names
                if item.asname and item.name.rpartition(".")[2] == module
            }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=attribute, value=value):
                owner = value.id if isinstance(value, ast.Name) else _attribute(value)
                if attribute == name and owner in known:
                    yield node.lineno
            case ast.ImportFrom(module=source, names=names):
                if (source or module).rpartition(".")[2] == module and any(
                    item.name == name for item in names
                ):
                    yield node.lineno


def _attribute(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""


def _top_level_names(tree: ast.Module) -> set[str]:
    found = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {item.id for item in targets if isinstance(item, ast.Name)}
    return found


def _identifiers(tree: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """Every name in a tree: the node, the field that holds it, and the name (dotted in imports)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            continue
        for field, value in ast.iter_fields(node):
            if isinstance(value, str):
                yield node, field, value
            elif isinstance(node, ast.Global | ast.Nonlocal) and isinstance(value, list):
                for name in value:
                    yield node, field, name


def _rename(tree: ast.AST, old: str, new: str) -> None:
    for node, field, value in tuple(_identifiers(tree)):
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [new if name == old else name for name in node.names]
        else:
            setattr(
                node, field, ".".join(new if part == old else part for part in value.split("."))
            )
