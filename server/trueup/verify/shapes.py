"""The public names of a module, and what users of each depend on.

Public is what another module can reach without an underscore: functions, classes, their methods
(special ones included), attributes of their instances, module-level assignments, `__all__`, and in
a package's `__init__` what it imports. A name that is defined more than once, as overloads and the
branches of an `if` do, has several shapes. Which differences matter is `structure`'s affair.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import libcst as cst

from trueup.parsing import parse_expression
from trueup.verify.trees import TEXTS_MAX, concrete_tree_of

_BY_NAME: Final = re.compile(r"dataclass|\bdefine\b|\bfrozen\b|\bmutable\b|\battrs?\b")
"""Decorators that make a class's fields the parameters of its constructor."""
_RECORDS: Final = re.compile(r"\b(NamedTuple|TypedDict|BaseModel|Struct)$")
"""Base classes that do."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: str
    default: str | None
    annotation: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What users of a name depend on. `extra` is decorators, bases, `async`, or a literal."""

    kind: str
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    extra: tuple[str, ...] = ()


@functools.lru_cache(maxsize=TEXTS_MAX)
def shapes(text: str, path: str) -> Mapping[str, tuple[Shape, ...]]:
    """Qualified public names of a module with their different shapes, in the order of the text.

    Raises libcst.ParserSyntaxError.
    """
    module = concrete_tree_of(text)
    names: dict[str, dict[Shape, None]] = {}
    for name, shape in _body(module, module.body, "", imports=path.endswith("__init__.py")):
        names.setdefault(name, {})[shape] = None
    return {name: tuple(found) for name, found in names.items()}


def _body(
    module: cst.Module, body: object, prefix: str, *, imports: bool
) -> Iterator[tuple[str, Shape]]:
    for statement in body if isinstance(body, list | tuple) else ():
        match statement:
            case cst.FunctionDef(name=cst.Name(value=name)) if _public(name):
                yield prefix + name, _function(module, statement)
            case cst.ClassDef(name=cst.Name(value=name)) if _public(name):
                yield prefix + name, _class(module, statement)
                yield from _body(module, statement.body.body, f"{prefix}{name}.", imports=False)
                for attribute in _attributes(statement):
                    yield f"{prefix}{name}.{attribute}", Shape("attribute")
            case cst.SimpleStatementLine(body=parts):
                yield from _body(module, parts, prefix, imports=imports)
            case cst.BaseSmallStatement():
                yield from _simple(module, statement, prefix, imports=imports)
            case cst.FunctionDef() | cst.ClassDef():
                continue
            case cst.BaseCompoundStatement():
                for block in _blocks(statement):
                    yield from _body(module, block, prefix, imports=imports)


def _blocks(statement: cst.BaseCompoundStatement) -> Iterator[object]:
    """The bodies of an `if`, `try`, `with`, loop or `match`, `else` and all."""
    for child in statement.children:
        match child:
            case cst.BaseSuite(body=body):
                yield body
            case cst.If() | cst.Else() | cst.ExceptHandler() | cst.ExceptStarHandler():
                yield from _blocks_of_part(child)
            case cst.Finally() | cst.MatchCase():
                yield from _blocks_of_part(child)


def _blocks_of_part(part: cst.CSTNode) -> Iterator[object]:
    for child in part.children:
        match child:
            case cst.BaseSuite(body=body):
                yield body
            case cst.If() | cst.Else():
                yield from _blocks_of_part(child)


class _OwnAttributes(cst.CSTVisitor):
    """Names that the methods of one class assign on their first parameter."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self.owner, self.names = owner, set[str]()

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:  # noqa: N802 (libcst's name)
        del node
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:  # noqa: N802 (libcst's name)
        self._take(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802 (libcst's name)
        self._take(node.target)

    def _take(self, target: cst.BaseExpression) -> None:
        match target:
            case cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value=name)):
                if owner == self.owner and _public(name):
                    self.names.add(name)
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                for element in elements:
                    self._take(element.value)


def _attributes(node: cst.ClassDef) -> list[str]:
    """Public attributes that instances have and the class does not, sorted."""
    found: set[str] = set()
    own = {name for name, _ in _body(cst.Module([]), node.body.body, "", imports=False)}
    for method in node.body.body:
        if isinstance(method, cst.FunctionDef):
            parameters = (*method.params.posonly_params, *method.params.params)
            if parameters:
                visitor = _OwnAttributes(parameters[0].name.value)
                method.body.visit(visitor)
                found |= visitor.names
    return sorted(found - own)


def _public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _simple(
    module: cst.Module, part: cst.BaseSmallStatement, prefix: str, *, imports: bool
) -> Iterator[tuple[str, Shape]]:
    match part:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))],
                        value=cst.Lambda() as value) if _public(name):  # fmt: skip
            parameters = _parameters(module, value.params)
            yield prefix + name, Shape("function", parameters=parameters)
        case cst.Assign(targets=targets, value=value):
            for target in targets:
                for name in _names(target.target):
                    extra = _exports(module, value) if name == "__all__" else ()
                    yield prefix + name, Shape("name", extra=extra)
        case cst.AugAssign(target=cst.Name(value="__all__"), value=value):
            yield f"{prefix}__all__", Shape("name", extra=("more", *_exports(module, value)))
        case cst.AnnAssign(target=cst.Name(value=name)) if _public(name):
            yield prefix + name, Shape("name")
        case cst.ImportFrom(names=aliases) | cst.Import(names=aliases) if imports:
            for alias in aliases if not isinstance(aliases, cst.ImportStar) else ():
                name = alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
                if _public(name):
                    yield prefix + name, Shape("import")


def _exports(module: cst.Module, value: cst.BaseExpression) -> tuple[str, ...]:
    """What `__all__` lists; its order means nothing."""
    match value:
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            return tuple(sorted(_normal(module, element.value) for element in elements))
        case _:
            return (_normal(module, value),)


def _names(target: cst.BaseExpression) -> Iterator[str]:
    if isinstance(target, cst.Name) and _public(target.value):
        yield target.value
    elif isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            yield from _names(element.value)


def _function(module: cst.Module, node: cst.FunctionDef) -> Shape:
    return Shape(
        kind="async function" if node.asynchronous else "function",
        parameters=_parameters(module, node.params),
        returns=_annotation(module, node.returns),
        extra=tuple(_normal(module, item.decorator) for item in node.decorators),
    )


def _parameters(module: cst.Module, parameters: cst.Parameters) -> tuple[Parameter, ...]:
    groups: list[tuple[str, tuple[cst.Param, ...]]] = [
        ("positional-only", tuple(parameters.posonly_params)),
        ("positional", tuple(parameters.params)),
        ("keyword-only", tuple(parameters.kwonly_params)),
    ]
    if isinstance(parameters.star_arg, cst.Param):
        groups.insert(2, ("*", (parameters.star_arg,)))
    if parameters.star_kwarg is not None:
        groups.append(("**", (parameters.star_kwarg,)))
    return tuple(
        Parameter(
            name=item.name.value,
            kind=kind,
            default=_normal(module, item.default) if item.default is not None else None,
            annotation=_annotation(module, item.annotation),
        )
        for kind, group in groups
        for item in group
    )


def _class(module: cst.Module, node: cst.ClassDef) -> Shape:
    bases = tuple(
        (f"{item.keyword.value}=" if item.keyword else item.star) + _normal(module, item.value)
        for item in (*node.bases, *node.keywords)
    )
    decorators = tuple(_normal(module, item.decorator) for item in node.decorators)
    by_name = any(_BY_NAME.search(item) for item in decorators)
    record = by_name or any(_RECORDS.search(item) for item in bases)
    return Shape(
        "class",
        parameters=tuple(_fields(module, node)) if record else (),
        extra=bases + tuple(f"@{item}" for item in decorators),
    )


def _fields(module: cst.Module, node: cst.ClassDef) -> Iterator[Parameter]:
    """The annotated names of a record, private ones too: they are its constructor's parameters."""
    for line in node.body.body:
        for part in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(part, cst.AnnAssign) and isinstance(part.target, cst.Name):
                yield Parameter(
                    name=part.target.value,
                    kind="field",
                    default=_normal(module, part.value) if part.value is not None else None,
                    annotation=_annotation(module, part.annotation),
                )


def _annotation(module: cst.Module, node: cst.Annotation | None) -> str:
    return _normal(module, node.annotation) if node is not None else ""


def _normal(module: cst.Module, node: cst.CSTNode) -> str:
    """Code without the formatting that a rewrite may change."""
    code = module.code_for_node(node)
    try:
        # In parentheses, because what was inside of some may span lines.
        return ast.unparse(parse_expression(f"(\n{code}\n)"))
    except (SyntaxError, ValueError, RecursionError):
        return code.strip()
