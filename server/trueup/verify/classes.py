"""How objects of a project's classes are made, read from the source: fields, hints, members.

Only what can be read without running anything: data classes, named tuples, enumerations, and
classes whose `__init__` has hints. A class is known by the name that the module gives it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from trueup.parsing import parse_module

ReadModule = Callable[[str, int], str | None]
"""The text of a module of the project, by dotted name and level of the import; None: not there."""

_RECORDS: Final = frozenset({"NamedTuple", "TypedDict"})
_ENUMS: Final = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})


@dataclass(frozen=True, slots=True)
class ClassShape:
    """`fields` are the constructor's parameters with hints; `members` those of an enumeration."""

    fields: tuple[tuple[str, str, bool], ...] = ()
    """Name, hint, and whether it has to be given."""
    members: tuple[str, ...] = ()


def classes_of(text: str, read: ReadModule) -> Mapping[str, ClassShape]:
    """Classes that a module defines or imports from modules that `read` finds."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError):
        return {}
    found = dict(_defined(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        wanted = [item for item in node.names if item.name[:1].isupper()]
        other = read(node.module or "", node.level) if wanted else None
        if other is None:
            continue
        try:
            theirs = dict(_defined(parse_module(other)))
        except (SyntaxError, ValueError):
            continue
        found.update(
            {item.asname or item.name: theirs[item.name] for item in wanted if item.name in theirs}
        )
    return found


def _defined(tree: ast.Module) -> Iterator[tuple[str, ClassShape]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            shape = _shape(node)
            if shape is not None:
                yield node.name, shape


def _shape(node: ast.ClassDef) -> ClassShape | None:
    bases = {_last(base) for base in node.bases}
    if bases & _ENUMS:
        members = [
            target.id
            for item in node.body
            if isinstance(item, ast.Assign)
            for target in item.targets
            if isinstance(target, ast.Name) and not target.id.startswith("_")
        ]
        return ClassShape(members=tuple(members)) if members else None
    init = next(
        (
            item
            for item in node.body
            if isinstance(item, ast.FunctionDef) and item.name == "__init__"
        ),
        None,
    )
    if init is not None:
        return _of_init(init)
    if bases & _RECORDS or any(_last(item) == "dataclass" for item in node.decorator_list):
        return _of_fields(node)
    # Without a constructor of its own it takes nothing, unless a base wants something.
    return ClassShape() if not bases - {"object", "ABC", "Protocol", "Generic"} else None


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "attr", getattr(node, "id", ""))


def _of_init(init: ast.FunctionDef) -> ClassShape | None:
    arguments = init.args
    plain = [*arguments.posonlyargs, *arguments.args][1:]
    required = len(plain) - len(arguments.defaults)
    fields = [
        (item.arg, ast.unparse(item.annotation) if item.annotation else "", place < required)
        for place, item in enumerate(plain)
    ]
    for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        hint = ast.unparse(item.annotation) if item.annotation else ""
        fields.append((item.arg, hint, default is None))
    return ClassShape(tuple(fields))


def _of_fields(node: ast.ClassDef) -> ClassShape:
    fields = []
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        hint = ast.unparse(item.annotation)
        if "ClassVar" in hint or (
            item.value is not None and "init=False" in ast.unparse(item.value)
        ):
            continue
        fields.append((item.target.id, hint, item.value is None))
    return ClassShape(tuple(fields))
