"""Code that reaches for what judges it: the test runner, its frames, its channel, its modules.

The tests run in the same process as the code that they test, so no wall stands between them. What
stands there is this: a program has no business with the machinery of its tests, and a candidate
that begins to have some is not judged by tests at all.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from trueup import workspace
from trueup.verify.trees import tree_of
from trueup.verify.trial import Trial

MODULES: Final = frozenset({"_pytest", "pluggy", "pytest", "xdist"})
"""The runner's own, as imports and in strings."""
CALLS: Final = re.compile(
    r"sys\.(modules|_getframe|_current_frames|settrace|setprofile|meta_path|path_hooks|monitoring"
    r"|addaudithook|path_importer_cache|gettrace|getprofile|excepthook|unraisablehook)"
    r"|inspect\.(currentframe|stack|trace|getouterframes|getinnerframes)"
    r"|gc\.(get_objects|get_referrers|get_referents)|tracemalloc\..+"
    r"|os\.(_exit|abort|kill|killpg|fork|forkpty|write|writev|pwrite|fdopen|dup|dup2|close"
    r"|closerange|sendfile)"
    r"|signal\.(raise_signal|pthread_kill|alarm|setitimer|signal)|socket\.(fromfd|socketpair)"
    r"|threading\.(settrace|setprofile|excepthook)|atexit\.\w+|faulthandler\.\w+"
    r"|importlib\.reload|_thread\.interrupt_main|time\.sleep\.\w+|builtins\.\w+"
)
ATTRIBUTES: Final = frozenset(
    {
        "ag_frame", "cr_frame", "f_back", "f_builtins", "f_globals", "f_locals", "f_trace",
        "gi_frame", "tb_frame", "__builtins__", "__closure__", "__code__", "__globals__",
        "__subclasses__", "__subclasshook__", "__instancecheck__",
    }
)  # fmt: skip
STRINGS: Final = re.compile(
    r"_?pytest(\W.*)?|PYTEST_\w+|.*\b(conftest|sitecustomize|usercustomize)\b.*|.*\.pth"
    r"|__(eq|ne|contains)__|pytest11|pytest\.ini|/proc/.*|/dev/fd.*|__trueup\w*|trueup_inside\w*",
    re.DOTALL,
)
COMPARISONS: Final = frozenset({"__eq__", "__ne__", "__le__", "__ge__", "__contains__"})


def added(trial: Trial) -> tuple[str, str, int] | None:
    """The first such thing that is new in code that is no test: what, where and in which line."""
    paths = [path for path in trial.candidate.paths if path.endswith(".py")]
    known: Counter[str] = Counter()
    for path in paths:
        if (old := trial.before.get(path)) is not None:
            known.update(what for what, _ in meddling(old.text))
    for path in paths:
        new = trial.after.get(path)
        if new is None or workspace.is_test(path):
            continue
        for what, line in meddling(new.text):
            if not known[what]:
                return what, path, line
            known[what] -= 1
    return None


def meddling(text: str) -> Iterator[tuple[str, int]]:
    """What of a source reaches for the machinery, in words, and its 1-based line."""
    try:
        tree = tree_of(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname or alias.name.partition(".")[0]: alias.name
                if alias.asname
                else alias.name.partition(".")[0]
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    for node in ast.walk(tree):
        if what := _reach(node, names):
            yield what, getattr(node, "lineno", 1)


def _reach(node: ast.AST, names: dict[str, str]) -> str:
    match node:
        case ast.Import(names=found):
            modules = [alias.name for alias in found]
        case ast.ImportFrom(module=str(module), level=0, names=found):
            modules = [module, *(f"{module}.{alias.name}" for alias in found)]
        case ast.Attribute(attr=attribute) if attribute in ATTRIBUTES:
            return attribute
        case ast.Attribute() | ast.Name():
            name = _dotted(node, names)
            return name if CALLS.fullmatch(name) else ""
        case ast.Constant(value=str(value)) if STRINGS.fullmatch(value):
            return repr(value[:40])
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=int(number)), *_]):
            return f"open({number})"
        case ast.FunctionDef() | ast.Lambda() | ast.Assign():
            return _equal_to_all(node)
        case _:
            return ""
    for module in modules:
        if module.partition(".")[0] in MODULES or CALLS.fullmatch(module):
            return module
    return ""


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join((names[node.id], *parts))


def _equal_to_all(node: ast.AST) -> str:
    """A comparison that says the same whatever it is given: it satisfies every assertion."""
    match node:
        case ast.FunctionDef(name=name, body=body) if name in COMPARISONS:
            code = [item for item in body if not isinstance(item, ast.Expr)]
            if len(code) == 1 and _is_constant(code[0]):
                return f"{name} that answers anything alike"
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(body=said)):
            if name in COMPARISONS and isinstance(said, ast.Constant):
                return f"{name} that answers anything alike"
    return ""


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Return) and isinstance(node.value, ast.Constant)
