"""Which functions of a module a change is about, so that old and new can be called side by side.

A target is a function or method that has the same name on both sides. Helpers that come or go and
imports are judged through the functions that use them; a module-level value through the functions
that mention it. What none of them stands for is said.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from trueup.parsing import parse_module
from trueup.verify.examples import examples_of
from trueup.verify.likely import Values

FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
EVERYTHING: Final = "*"
"""Stands for all names, as in `from m import *`."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
_ACCESSORS: Final = frozenset({"setter", "deleter", "getter", "overload", "register"})


@dataclass(frozen=True, slots=True)
class Target:
    """`line` and `new_line` are those of its `def`, 1-based; `hints` are annotations by parameter,
    of the parameters that can be passed by name or position.
    """

    path: str
    qualname: str
    line: int
    new_line: int
    hints: Mapping[str, str]
    required: tuple[str, ...]
    """Parameters without a default."""
    positional: tuple[str, ...]
    """Parameters that can be given by their place."""
    constants: tuple[int | str, ...]
    """Numbers and texts that either side mentions."""
    examples: tuple[Values, ...] = ()
    """Arguments of the calls that the docstring shows."""
    holds: tuple[str, ...] = ()
    """What both modules hold outside of functions: variables, and those of classes, dotted."""
    asked: tuple[str, ...] = ()
    """Parameters that the old code asks for being None or empty: it provides for None."""


@dataclass(frozen=True, slots=True)
class Targets:
    """`left` says what of the change no target stands for, "" where nothing is left."""

    found: tuple[Target, ...] = ()
    left: str = ""
    gone: str = ""
    """A method that a class has no longer and may inherit now, "" where there is none."""
    doubt: str = ""
    """What neither calls nor tests can tell of the change, "" where there is no such thing."""


def targets(path: str, before: str, after: str) -> Targets:
    """Both texts parse."""
    old, new = parse_module(before), parse_module(after)
    old_functions, new_functions = dict(functions(old)), dict(functions(new))
    changed = {
        name
        for name, node in old_functions.items()
        if name in new_functions and _body(node) != _body(new_functions[name])
    }
    kept = set(_classes(old)) & set(_classes(new))
    loose = _loose(old, kept) ^ _loose(new, kept)
    one_sided = old_functions.keys() ^ new_functions.keys()
    # A method may stand in the place of another one: who calls it, calls it by its last name.
    helpers = {name for name in one_sided if not name.rpartition(".")[0]}
    hooks = {name for name in one_sided - helpers if name.rpartition(".")[0] in kept}
    names = {name for item in loose for name in item.names}
    names |= {name.rpartition(".")[2] for name in hooks}
    silent = sorted(item.text for item in loose if not item.names)
    users = {
        name
        for name, node in old_functions.items()
        if name in new_functions
        and (names & {*_mentioned(node), *_mentioned(new_functions[name])} or EVERYTHING in names)
    }
    # What appears or goes away, does nothing itself and is used by nobody here, is no change.
    again = {name for item in _loose(old, kept) for name in item.names} & {
        name for item in _loose(new, kept) for name in item.names
    }
    names = {
        name for item in loose for name in item.names if not item.inert or name in again
    }  # fmt: skip
    names |= {name.rpartition(".")[2] for name in hooks}
    unused = names - {
        mentioned for name in users for mentioned in (
            *_mentioned(old_functions[name]), *_mentioned(new_functions[name])
        )
    }  # fmt: skip
    left = ""
    if silent:
        left = f"`{silent[0][:60]}` is outside of functions"
    elif unused:
        left = f"no function here uses {min(unused)}"
    made = [
        _target(path, name, old_functions[name], new_functions[name])
        for name in sorted(changed | users, key=lambda name: old_functions[name].lineno)
    ]
    holds = tuple(sorted(set(_held(old)) & set(_held(new))))
    found = tuple(replace(item, holds=holds) for item in made if isinstance(item, Target))
    unfit = [item for item in made if isinstance(item, str)]
    if unfit:
        left = unfit[0]
    elif one_sided and not found and not left:
        left = f"{min(one_sided)} is only on one side"
    gone = min(hooks & old_functions.keys(), default="")
    doubt = _doubt(loose & _loose(new, kept), again)
    for name in sorted(old_functions.keys() & new_functions.keys()):
        if _decorators(old_functions[name]) != _decorators(new_functions[name]):
            doubt = f"the decorators of {name} change, and it is compared without them"
    return Targets(found, left, gone, doubt)


def _decorators(node: Function) -> list[str]:
    return [ast.dump(item) for item in node.decorator_list]


def _doubt(arrived: frozenset[_Loose], again: set[str]) -> str:
    """A value that was found out at every call may be found out once, and grow old."""
    for item in sorted(arrived, key=lambda item: item.text):
        if item.asks and not set(item.names) & again:
            return f"`{item.text[:60]}` is worked out once now, when the module is imported"
    return ""


def _classes(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name
            yield from _classes(node, f"{prefix}{node.name}.")


def functions(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Functions by qualified name, without accessors; of several of one name the last one, which
    is the one called.
    """
    for node in tree.body:
        if isinstance(node, FUNCTIONS):
            if not _is_accessor(node):
                yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")


def _held(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    """Names of variables of the module and of its classes, and of what it imports by name."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _held(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ImportFrom) and not prefix:
            yield from (item.asname or item.name for item in node.names if item.name != "*")
        else:
            yield from (prefix + name for name in _bound(node))


def _is_accessor(node: Function) -> bool:
    for decorator in node.decorator_list:
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(name, "attr", getattr(name, "id", "")) in _ACCESSORS:
            return True
    return False


def _body(node: Function) -> str:
    body = node.body
    head = body[0]
    if isinstance(head, ast.Expr) and isinstance(head.value, ast.Constant):
        body = body[1:]
    parts = [*body, node.args, *node.decorator_list]
    return type(node).__name__ + "".join(ast.dump(part) for part in parts)


@dataclass(frozen=True, slots=True)
class _Loose:
    """A statement outside of functions: the names that it binds, and what it says.

    `inert`: it does nothing but binding them. `asks`: what it binds may be another value later.
    """

    names: tuple[str, ...]
    text: str
    inert: bool = False
    asks: bool = False


def _loose(tree: ast.Module, kept: Collection[str]) -> frozenset[_Loose]:
    """`kept` are the classes of both sides: what is new in them, their users may know."""
    found: list[_Loose] = []
    waiting: list[tuple[ast.stmt, str, bool]] = [(node, "", False) for node in tree.body]
    while waiting:
        node, owner, declares = waiting.pop()
        if isinstance(node, ast.ClassDef):
            name = f"{owner}.{node.name}" if owner else node.name
            # Fields and members are read by those who made the base or the decorator.
            read = name in kept and bool(node.decorator_list or node.bases)
            waiting += [(inner, name, read) for inner in node.body]
            head = ast.ClassDef(
                node.name, node.bases, node.keywords, [ast.Pass()], node.decorator_list
            )
            found.append(_Loose((node.name,), ast.unparse(head)))
        elif isinstance(node, FUNCTIONS):
            if _is_accessor(node):
                found.append(_Loose((), ast.unparse(node)))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            # Importing does more than binding, but what it does shows in the functions that use it.
            bound = tuple(
                EVERYTHING if item.name == "*" else item.asname or item.name.partition(".")[0]
                for item in node.names
            )
            found.append(_Loose(bound, ast.unparse(node), inert=True))
        elif not _is_text(node):
            text = (f"{owner}: " if owner else "") + ast.unparse(node)
            inert = isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Constant)
            names = () if declares else _bound(node)
            asks = any(map(_asks, ast.walk(node)))
            found.append(_Loose(names, text, inert=inert, asks=asks))
    return frozenset(found)


_SAME_EACH_TIME: Final = frozenset({
    "compile", "frozenset", "set", "dict", "list", "tuple", "range", "sorted", "len", "min",
    "max", "sum", "str", "int", "float", "bool", "bytes", "complex", "zip", "map", "filter",
    "enumerate", "reversed", "any", "all", "abs", "round", "chr", "ord", "namedtuple",
    "NamedTuple", "Decimal", "Fraction", "Path", "PurePath", "PurePosixPath", "getLogger",
    "TypeVar", "ParamSpec", "NewType", "object", "itemgetter", "attrgetter", "methodcaller",
    "partial", "timedelta", "date", "datetime", "timezone", "ZoneInfo", "defaultdict",
    "OrderedDict", "Counter", "deque", "MappingProxyType", "Struct", "dedent", "maketrans",
    "fromkeys", "split", "join", "lower", "upper", "strip", "replace", "format", "encode",
    "keys", "values", "items", "sqrt", "log", "Lock", "RLock", "cast", "escape", "union",
    "Enum", "auto", "field",
})  # fmt: skip
"""Calls that give the same whenever they are made, by their last name."""


def _asks(node: ast.AST) -> bool:
    """Whether an expression asks for something that may be otherwise the next time."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return name not in _SAME_EACH_TIME
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def _is_text(node: ast.stmt) -> bool:
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or isinstance(
        node, ast.Pass
    )


def _bound(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.Assign):
        targets_of = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets_of = [node.target]
    else:
        return ()
    names = [
        item.id for target in targets_of for item in ast.walk(target) if isinstance(item, ast.Name)
    ]
    return tuple(sorted(names))


def _mentioned(node: Function) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr


def _target(path: str, name: str, old: Function, new: Function) -> Target | str:
    accepted, required = _parameters(new.args)
    gone = [item for item in _parameters(old.args)[0] if item not in accepted]
    asked = [item for item in required if item not in _parameters(old.args)[0]]
    places, now = _places(old.args), _places(new.args)
    if gone or asked or now[: len(places)] != places:
        return f"the parameters of {name} change"
    defaults = _defaults(new.args)
    if any(defaults.get(one, value) != value for one, value in _defaults(old.args).items()):
        return f"the default values of {name} change"
    hints = {
        item.arg: ast.unparse(item.annotation) if item.annotation else ""
        for item in (*old.args.posonlyargs, *old.args.args, *old.args.kwonlyargs)
    }
    owner = name.rpartition(".")[0]
    first = [*old.args.posonlyargs, *old.args.args][:1]
    if owner and first and not hints[first[0].arg]:
        # The object that the method is called on, as if it were annotated.
        hints[first[0].arg] = owner
    constants = {
        inner.value
        for node in (old, new)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant)
        and type(inner.value) in {int, str}
        and inner.value != ast.get_docstring(node, clean=False)
    }
    return Target(
        path,
        name,
        old.lineno,
        new.lineno,
        hints,
        _parameters(old.args)[1],
        tuple(item.arg for item in (*old.args.posonlyargs, *old.args.args)),
        tuple(sorted((item for item in constants if isinstance(item, int | str)), key=repr)),
        examples_of(old),
        asked=tuple(
            sorted(
                {*_asked(old)} & {*_parameters(old.args)[0]} - {item.arg for item in first if owner}
            )
        ),
    )


def _places(arguments: ast.arguments) -> list[str]:
    return [item.arg for item in (*arguments.posonlyargs, *arguments.args)]


def _defaults(arguments: ast.arguments) -> dict[str, str]:
    places = _places(arguments)
    pairs = [
        *zip(places[len(places) - len(arguments.defaults) :], arguments.defaults, strict=True),
        *zip((item.arg for item in arguments.kwonlyargs), arguments.kw_defaults, strict=True),
    ]
    return {name: ast.dump(value) for name, value in pairs if value is not None}


def _asked(node: Function) -> Iterator[str]:
    """Names whose truth is asked for, or whether they are None."""
    for inner in ast.walk(node):
        match inner:
            case ast.UnaryOp(ast.Not(), ast.Name(name)):
                yield name
            case ast.If(ast.Name(name)) | ast.IfExp(ast.Name(name)) | ast.While(ast.Name(name)):
                yield name
            case ast.BoolOp(values=values):
                yield from (item.id for item in values if isinstance(item, ast.Name))
            case ast.Compare(ast.Name(name), [ast.Is() | ast.IsNot()], [ast.Constant(value=None)]):
                yield name


def _parameters(arguments: ast.arguments) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All names, and those without a default."""
    plain = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
    required = plain[: len(plain) - len(arguments.defaults)]
    for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        plain.append(item.arg)
        if default is None:
            required.append(item.arg)
    rest = [item.arg for item in (arguments.vararg, arguments.kwarg) if item is not None]
    return (*plain, *rest), tuple(required)
