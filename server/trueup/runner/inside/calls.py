"""Records with which arguments the tests call a function.

A call to the recorder is put first in the body of each function that is watched, while its module
is compiled; lines, names and sources stay what they are. What is recorded are pickles, taken before
the body runs, and Python source of the values that have one. Knows nothing of what they are for.
"""

# ruff: noqa: ANN401
# ANN401: the values of other people's programs have no type here.

from __future__ import annotations

import ast
import base64
import builtins
import io
import os
import pickle
import sys
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

NAME = "__trueup_called__"
CALLS_MAX = 64
"""Distinct calls of one function that are kept."""
PICKLE_BYTES_MAX = 1 << 15
SOURCE_CHARS_MAX = 2000
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Calls:
    """Watches functions, given by the first line of their `def` (not of a decorator), by file."""

    def __init__(
        self, root: str, lines: Dict[str, Sequence[int]], send: Callable[..., None], probes: Any
    ) -> None:
        self.send = send
        # The agent's own probes of statements, which are put into the same modules.
        self.probes = probes
        self.watched: List[Tuple[str, int]] = []
        self.seen: List[Set[bytes]] = []
        self.missed: List[str] = []
        self.wanted = {
            os.path.realpath(os.path.join(root, path)): (path, set(found))
            for path, found in lines.items()
        }

    def install(self) -> None:
        wanted, whole = self.wanted, SourceFileLoader.get_code

        def get_code(loader: Any, name: str) -> Any:
            path = loader.get_filename(name)
            found = wanted.get(os.path.realpath(path))
            if found is None:
                return whole(loader, name)
            data = loader.get_data(path)
            probed = self.probes.wanted.get(os.path.realpath(path))
            tree = self.probes.with_probes(data, path, *probed) if probed else ast.parse(data, path)
            tree = self.with_calls(tree, *found)
            return compile(tree, path, "exec", dont_inherit=True)

        setattr(builtins, NAME, self.called)
        # Not `source_to_code`: cached bytecode would be taken before that is asked.
        SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign, unused-ignore]

    def with_calls(self, tree: ast.Module, path: str, lines: Set[int]) -> ast.Module:
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS) and node.lineno in lines:
                self.watched.append((path, node.lineno))
                self.seen.append(set())
                self.missed.append("")
                head = node.body[0]
                documented = (
                    isinstance(head, ast.Expr)
                    and isinstance(head.value, ast.Constant)
                    and isinstance(head.value.value, str)
                )
                place = node.body[1] if documented and len(node.body) > 1 else head
                call = ast.Call(
                    ast.Name(NAME, ast.Load()), [ast.Constant(len(self.watched) - 1)], []
                )
                node.body.insert(int(documented), ast.copy_location(ast.Expr(call), place))
        return ast.fix_missing_locations(tree)

    def called(self, number: int) -> None:
        if len(self.seen[number]) >= CALLS_MAX:
            return
        frame = sys._getframe(1)
        try:
            self.record(number, frame)
        except RecursionError:
            self.missed[number] = "its arguments are too deep"
        finally:
            del frame

    def record(self, number: int, frame: FrameType) -> None:
        code, values = frame.f_code, frame.f_locals
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        names += code.co_varnames[len(names) : len(names) + bool(code.co_flags & 4)]
        names += code.co_varnames[len(names) : len(names) + bool(code.co_flags & 8)]
        arguments = {name: values[name] for name in names}
        try:
            pickled = _pickled(arguments)
        except RecursionError:
            raise
        except Exception as problem:
            self.missed[number] = "%s: %s" % (type(problem).__name__, problem)
            return
        if len(pickled) > PICKLE_BYTES_MAX:
            self.missed[number] = "its arguments are too big"
            return
        if pickled in self.seen[number]:
            return
        self.seen[number].add(pickled)
        path, line = self.watched[number]
        self.send(
            "call",
            path,
            line,
            str(frame.f_globals.get("__name__", "")),
            getattr(code, "co_qualname", code.co_name),
            base64.b64encode(pickled).decode(),
            {name: source_of(value) for name, value in arguments.items()},
        )

    def finish(self) -> None:
        for number, (path, line) in enumerate(self.watched):
            if self.missed[number]:
                self.send("unrecorded", path, line, self.missed[number][:300])


def _pickled(value: Any) -> bytes:
    # Not the C pickler's bare function: a file keeps the error of what cannot be pickled inside.
    stream = io.BytesIO()
    pickle.Pickler(stream, 4).dump(value)
    return stream.getvalue()


def source_of(value: Any) -> Optional[str]:
    """Source that makes an equal value, for built-in types all the way down; else None."""
    try:
        if not _is_literal(value, 0):
            return None
        text = repr(value)
    except (RecursionError, ValueError):
        return None
    return text if len(text) <= SOURCE_CHARS_MAX else None


PLAIN = frozenset([type(None), bool, int, float, complex, str, bytes])


def _is_literal(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind in PLAIN:
        return True
    if depth > 20:
        return False
    if kind is dict:
        return all(_is_literal(key, depth + 1) for key in value) and all(
            _is_literal(item, depth + 1) for item in value.values()
        )
    return kind in (list, tuple, set, frozenset) and all(
        _is_literal(item, depth + 1) for item in value
    )
