"""Calls that run whatever they are given, that trust strangers, or that open a way out.

Only what is new counts, by name. A candidate that nobody wrote by hand is rejected for it: no
rewrite needs such a call unless it was asked for, and then the goal says so. In a patch it is
*unknown*: its author may have meant it, and a person has to look, because tests do not see what a
call could do.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from trueup.suggestion import Evidence, Recipe
from trueup.verify.trees import tree_of
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "danger"

BUILTINS: Final = frozenset({"eval", "exec", "__import__"})
CALLS: Final = re.compile(
    r"os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?)|pty\.spawn|asyncio\.create_subprocess_shell"
    r"|subprocess\.(getoutput|getstatusoutput)|commands\.\w+"
    r"|(c?pickle|_pickle|dill|cloudpickle|marshal|joblib|jsonpickle)\.(loads?|decode|Unpickler)"
    r"|shelve\.open|pandas\.read_pickle"
    r"|yaml\.(unsafe_load|unsafe_load_all|full_load|full_load_all)|tempfile\.mktemp"
    r"|ssl\._create_unverified_context|ssl\._create_default_https_context|telnetlib\.Telnet"
)
CLIENTS: Final = frozenset(
    {"aiohttp", "ftplib", "http.client", "httpx", "paramiko", "requests", "smtplib", "socket",
     "telnetlib", "urllib.request", "urllib3", "websocket", "websockets", "xmlrpc.client"}
)  # fmt: skip
_SAFE_LOADERS: Final = re.compile(r"\bC?(Safe|Base)Loader\b")


async def calls_nothing_dangerous(trial: Trial) -> Evidence:
    """The change adds no dangerous call, and no way to the network where there was none."""
    before: Counter[str] = Counter()
    for path in trial.candidate.paths:
        if path.endswith(".py") and (old := trial.before.get(path)) is not None:
            before.update(what for what, _ in dangers(old.text))
    for path in trial.candidate.paths:
        new = trial.after.get(path)
        if new is None or not path.endswith(".py"):
            continue
        for what, line in dangers(new.text):
            if before[what]:
                before[what] -= 1
                continue
            if what.startswith("network") and any(item.startswith("network") for item in before):
                continue
            if _is_meant(trial, what):
                continue
            if trial.goal.recipe is Recipe.PATCH:
                return unknown(CHECK, f"{what} is new; a person has to look at it", path, line)
            return failed(CHECK, f"{what} is new, and nobody asked for it", path, line)
    return passed(CHECK, "no dangerous call is new")


def _is_meant(trial: Trial, what: str) -> bool:
    """Whether the goal names it."""
    diagnostic = trial.goal.diagnostic
    words = f"{trial.goal.instruction} {diagnostic.message if diagnostic else ''}"
    name = re.split(r"[\s.(=]+", what.partition(": ")[2] or what)
    return any(re.search(rf"\b{re.escape(part)}\b", words) for part in name if len(part) > 3)


def dangers(text: str) -> Iterator[tuple[str, int]]:
    """What is dangerous in a source text, in words, and its 1-based line."""
    try:
        tree = tree_of(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    names = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node)
        elif what := _danger(node, names):
            yield what, getattr(node, "lineno", 1)


def _danger(node: ast.AST, names: dict[str, str]) -> str:
    match node:
        case ast.Call():
            return _call(node, names)
        case ast.Assign(targets=[ast.Attribute(attr="check_hostname")],
                        value=ast.Constant(value=False)):  # fmt: skip
            return "check_hostname = False"
        case ast.Attribute(attr="CERT_NONE") | ast.Name(id="CERT_NONE"):
            return "CERT_NONE"
    return ""


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif node.module and not node.level:
        below = [f"{node.module}.{alias.name}" for alias in node.names]
        modules = [node.module, *(name for name in below if name in CLIENTS)]
    else:
        return
    for name in modules:
        if name == "ctypes" or name.startswith("ctypes."):
            yield "ctypes", node.lineno
        if name in CLIENTS or name.partition(".")[0] in CLIENTS:
            yield f"network: {name}", node.lineno


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    known = names.get(node.id)
    if known is None and parts:
        return ""  # An attribute of some object.
    return ".".join((known or node.id, *parts))


def _call(node: ast.Call, names: dict[str, str]) -> str:
    """What is dangerous about a call, or ""."""
    name = _dotted(node.func, names)
    keywords = {item.arg: item.value for item in node.keywords if item.arg}
    if name in BUILTINS or CALLS.fullmatch(name):
        return name
    if name.startswith("subprocess.") and _is_on(keywords.get("shell")):
        return f"{name}(shell=True)"
    if name in {"yaml.load", "yaml.load_all"} and not _SAFE_LOADERS.search(ast.unparse(node)):
        return f"{name} without a safe loader"
    verify = keywords.get("verify")
    if isinstance(verify, ast.Constant) and verify.value is False:
        return "verify=False"
    attribute = node.func.attr if isinstance(node.func, ast.Attribute) else name
    if attribute in {"chmod", "os.chmod", "fchmod"} and any(map(_is_open_to_all, node.args)):
        return "chmod for everyone"
    return ""


def _is_on(value: ast.expr | None) -> bool:
    return value is not None and not (isinstance(value, ast.Constant) and not value.value)


def _is_open_to_all(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, int)
        and value.value & 0o7002 == 0o002
        and value.value > 0o100
    )
