"""Which functions may keep what they computed, and where.

A function that looks into something that outlives the call, and puts something there, may answer
its next caller from there. Where that is its own object (the first argument of a method), it is
told apart while the tests run: an object that a test made keeps nothing from another test.

What is kept is told in words, one for each place that the recorder has to look at:

* `*`: kept where every caller finds it, or nobody knows where;
* `=`: nothing; the method begins the life of its object;
* `name`: an attribute of the object; `` (empty): the object itself, as a container;
* `+name`, `+`: the same, where a new object begins with nothing in it.

Nothing here reads the disk or runs anything. Misses what is kept by two functions together, one
that looks and one that stores.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

Definition = ast.FunctionDef | ast.AsyncFunctionDef

EVERYWHERE: Final = "*"
BEGINS: Final = "="
STREAMS: Final = frozenset({"sys.stdin", "sys.stdout", "sys.stderr"})
"""Exchanged for the time of a test, by pytest and by others; nothing that is computed is kept."""
_FILLING: Final = frozenset({"setdefault", "add", "append", "update", "insert"})
_EMPTY: Final = frozenset(
    {"dict", "list", "set", "deque", "OrderedDict", "object", "Lock", "RLock"}
)
_NESTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_ALIAS: Final = (ast.Name, ast.Attribute, ast.Subscript, ast.IfExp, ast.BoolOp, ast.NamedExpr)


def kept_by(tree: ast.Module) -> dict[int, tuple[str, ...]]:
    """The words of each function that keeps something or begins an object, by `id` of its node."""
    empty = _begun_empty(tree)
    found: dict[int, tuple[str, ...]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _names(node):
            found.setdefault(id(node), (EVERYWHERE,))
        elif isinstance(node, ast.ClassDef):
            found.update(_of_class(node, empty))
    if not any({*words} - {EVERYWHERE, BEGINS} for words in found.values()):
        # No object here has to be told from another.
        return {key: words for key, words in found.items() if words != (BEGINS,)}
    return found


def _of_class(owner: ast.ClassDef, empty: frozenset[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    methods = [each for each in owner.body if isinstance(each, Definition)]
    filled = {
        name.partition(".")[2]
        for method in methods
        if (me := _first(method))
        for node in own_nodes(method)
        for name in _filled(node)
        if name.startswith(f"{me}.") and name.count(".") == 1
    }
    for method in methods:
        me, names = _first(method), _names(method)
        words: set[str] = set()
        if names and me and all(_is_own(name, me) for name in names):
            attributes = {name.partition(".")[2] for name in names}
            if "" in attributes:
                attributes |= filled
            words = {_word(name, owner, empty) for name in attributes}
        elif names:
            words = {EVERYWHERE}
        if method.name == "__init__" and EVERYWHERE not in words:
            words.add(BEGINS)
        if words:
            yield id(method), tuple(sorted(words))


def _word(name: str, owner: ast.ClassDef, empty: frozenset[str]) -> str:
    plus = "+" if not name or name in empty else ""
    if name.startswith("__") and not name.endswith("__"):
        return f"{plus}_{owner.name.lstrip('_')}{name}"
    return plus + name


def _first(method: Definition) -> str:
    """The name of the object that a method is called on, "" for none."""
    static = any(isinstance(each, ast.Name) and each.id == "staticmethod"
                 for each in method.decorator_list)  # fmt: skip
    arguments = [*method.args.posonlyargs, *method.args.args]
    return arguments[0].arg if arguments and not static else ""


def _is_own(name: str, me: str) -> bool:
    return name == me or (name.startswith(f"{me}.") and name.count(".") == 1)


def _begun_empty(tree: ast.Module) -> frozenset[str]:
    """Attributes that every `__init__` here sets to nothing, and nobody here to something old."""
    begun: set[str] = set()
    spoiled: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for name, value in _assigned(node):
            if node.name == "__init__" and _is_nothing(value):
                begun.add(name)
            elif node.name == "__init__" or isinstance(value, _ALIAS):
                spoiled.add(name)
    return frozenset(begun - spoiled)


def _assigned(definition: Definition) -> Iterator[tuple[str, ast.expr]]:
    for node in own_nodes(definition):
        match node:
            case ast.Assign(targets=targets, value=value):
                pairs = [pair for target in targets for pair in _taken_apart(target, value)]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                pairs = [(target, value)]
            case _:
                continue
        for part, one in pairs:
            if isinstance(part, ast.Attribute):
                yield part.attr, one


def _taken_apart(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if not isinstance(target, ast.Tuple | ast.List):
        return [(target, value)]
    if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
        return list(zip(target.elts, value.elts, strict=True))
    # Its parts may be anything.
    return [(part, ast.Name("_")) for part in target.elts]


def _is_nothing(value: ast.expr) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Dict(keys=items) | ast.List(elts=items) | ast.Tuple(elts=items):
            return not items
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[], keywords=[]):
            return name in _EMPTY
        case ast.Call(func=ast.Name(id="defaultdict") | ast.Attribute(attr="defaultdict")):
            return len(value.args) <= 1 and not value.keywords
    return False


def own_nodes(definition: Definition) -> Iterator[ast.AST]:
    """What runs when the function runs; not the functions in it."""
    waiting: list[ast.AST] = list(definition.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _NESTED):
            waiting += ast.iter_child_nodes(node)


def _names(definition: Definition) -> frozenset[str]:
    """What outlives the call, is looked into, and is put something into."""
    local = _locals(definition)
    stored: set[str] = set()
    looked: set[str] = set()
    for node in own_nodes(definition):
        stored.update(_stored(node))
        looked.update(_looked(node))
    both = (stored & looked) - STREAMS
    return frozenset(name for name in both if name.partition(".")[0] not in local)


def _locals(definition: Definition) -> set[str]:
    shared = {
        name
        for node in own_nodes(definition)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }
    found = {
        node.id
        for node in own_nodes(definition)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return (found | set(_fresh_arguments(definition.args))) - shared


def _fresh_arguments(arguments: ast.arguments) -> Iterator[str]:
    """Those that hold nothing between calls: a default may, unless it is a constant."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    defaults += arguments.defaults
    # What the first argument holds may outlive the call: it is `self`, as a rule.
    pairs = [*zip(plain, defaults, strict=True)][1:]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    for argument, default in pairs:
        if default is None or isinstance(default, ast.Constant):
            yield argument.arg
    for several in (arguments.vararg, arguments.kwarg):
        if several is not None:
            yield several.arg


def _stored(node: ast.AST) -> Iterator[str]:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
        targets = [node.target]
    for target in targets:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if not isinstance(part, ast.Subscript):
                yield from _dotted(part)
    yield from _filled(node)


def _filled(node: ast.AST) -> Iterator[str]:
    """Containers that something is put into."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        yield from _dotted(node.value)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _FILLING
    ):
        yield from _dotted(node.func.value)


def _looked(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
        parts: Iterable[ast.AST] = ast.walk(node.test)
    elif isinstance(node, ast.BoolOp | ast.Compare):
        parts = ast.walk(node)
    elif isinstance(node, ast.Try):
        parts = [part for statement in node.body for part in ast.walk(statement)]
    else:
        parts = []
    for part in parts:
        yield from _dotted(part.value if isinstance(part, ast.Subscript) else part)
    match node:
        case ast.Call(func=ast.Attribute(value=holder, attr="get" | "setdefault")):
            yield from _dotted(holder)
        case ast.Call(
            func=ast.Name(id="hasattr" | "getattr"),
            args=[holder, ast.Constant(value=str(attribute)), *_],
        ):
            yield from (f"{base}.{attribute}" for base in _dotted(holder))


def _dotted(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield from (f"{base}.{node.attr}" for base in _dotted(node.value))
