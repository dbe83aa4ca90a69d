"""Calls functions of the project with given arguments and says what came of each call.

What came of it is a view: plain data that is equal where a caller could see no difference, the
same in every process. Results, exceptions, arguments as the call left them, what was yielded and
what was printed are part of it. Knows nothing of what a view is compared with.
"""

# ruff: noqa: ANN401
# ANN401: the values of other people's programs have no type here.

from __future__ import annotations

import asyncio
import base64
import contextlib
import dis
import importlib
import importlib.util
import inspect
import io
import itertools
import os
import pickle
import signal
import sys
import types
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, List, Optional, Tuple

NODES_MAX = 4000
DEPTH_MAX = 60
YIELDED_MAX = 1000
TEXT_MAX = 10_000
LATE_MAX = 4
"""Calls of one function that may be late before the rest is left out."""
RAISES = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}
EFFECTS = (
    "socket.connect", "socket.bind", "socket.sendto", "subprocess.Popen", "os.system", "os.exec",
    "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod",
    "os.link", "os.symlink", "os.truncate", "os.putenv", "os.unsetenv", "os.kill",
    "shutil.rmtree", "shutil.move", "shutil.copyfile", "sqlite3.connect",
)  # fmt: skip


class Late(BaseException):
    """The call took longer than it may."""


class Opaque(Exception):  # noqa: N818 - it ends a comparison, not a program
    """Holds something that no view can tell from another one of its kind."""


def main(root: str, task: Dict[str, Any], send: Callable[..., None]) -> None:
    for path in (os.path.normpath(os.path.join(root, path)) for path in task["path"]):
        if path not in sys.path:
            sys.path.append(path)
    warnings.simplefilter("ignore")
    watch = Effects(root)
    sys.addaudithook(watch.hear)
    # A function that reads the standard input must not wait for one.
    sys.stdin = io.StringIO()
    for number, wanted in enumerate(task["functions"]):
        try:
            function = found(wanted["module"], wanted["file"], wanted["qualname"], root)
        except BaseException as problem:
            send("unreachable", number, "%s: %s" % (type(problem).__name__, problem))
            continue
        recorded = [base64.b64decode(item) for item in wanted["recorded"]]
        late = 0
        for place, (base, values) in enumerate(wanted["calls"]):
            call = Call(root, function, watch)
            outcome = call.outcome(recorded, base, values, task["call_seconds"])
            send("outcome", number, place, outcome)
            late += "late" in outcome
            if late > LATE_MAX:
                send("stopped", number, place)
                break


def found(module: str, file: str, qualname: str, root: str) -> Any:
    """The plain function of that name, below decorators that tell what they wrap."""
    path = os.path.join(root, file)
    try:
        value = importlib.import_module(module) if module else None
    except ImportError:
        value = None
    if value is None or os.path.realpath(getattr(value, "__file__", "") or "") != os.path.realpath(
        path
    ):
        raise ImportError("%s is not what %s imports" % (file, module or "its name"))
    for name in qualname.split("."):
        value = inspect.getattr_static(value, name)
    return plain(value)


def plain(value: Any) -> Any:
    for _ in range(20):
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        elif isinstance(value, property):
            value = value.fget
        elif hasattr(value, "__wrapped__"):
            value = value.__wrapped__
        elif not isinstance(value, types.FunctionType) and hasattr(value, "func"):
            value = value.func
        else:
            break
    if not isinstance(value, types.FunctionType):
        raise TypeError("%s hides the function that it wraps" % type(value).__name__)
    return value


def arguments_of(
    recorded: List[bytes], base: Optional[int], values: Dict[str, Any], namespace: Dict[str, Any]
) -> Any:
    """Fresh arguments: those of a recorded call, some replaced by source or by another call's.

    Source is read in the function's own module, which knows the classes of its arguments.
    """
    arguments = pickle.loads(recorded[base]) if base is not None else {}
    for name, value in values.items():
        if isinstance(value, int):
            arguments[name] = pickle.loads(recorded[value])[name]
        else:
            arguments[name] = eval(value, {**namespace, **LITERALS})
    return arguments


LITERALS = {
    "set": set,
    "frozenset": frozenset,
    "inf": float("inf"),
    "nan": float("nan"),
}


class Effects:
    """What a call did to the world outside of its process, as far as Python tells."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.heard = ""
        self.listening = False

    def hear(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if not self.listening or self.heard:
            return
        if event in EFFECTS:
            self.heard = event
        elif event == "open" and len(arguments) > 2:
            flags = arguments[2]
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.heard = "open for writing"


class Call:
    def __init__(self, root: str, function: Any, watch: Effects) -> None:
        self.root, self.function, self.watch = root, function, watch

    def outcome(
        self, recorded: List[bytes], base: Optional[int], values: Dict[str, Any], seconds: float
    ) -> Dict[str, Any]:
        try:
            arguments = arguments_of(recorded, base, values, self.function.__globals__)
        except BaseException as problem:
            return {"unmade": "%s: %s" % (type(problem).__name__, problem)}
        printed = io.StringIO()
        self.watch.heard = ""
        outcome = self._run(arguments, printed, seconds)
        self.watch.listening = False
        if self.watch.heard:
            return {"effect": self.watch.heard}
        if printed.getvalue():
            outcome["printed"] = printed.getvalue()[:TEXT_MAX]
        if "late" not in outcome:
            try:
                outcome["left"] = View().of(arguments)
            except Opaque as problem:
                outcome["opaque"] = str(problem)
            except BaseException as problem:
                outcome["opaque"] = "an argument that raises %s" % type(problem).__name__
        return outcome

    def _run(
        self, arguments: Dict[str, Any], printed: io.StringIO, seconds: float
    ) -> Dict[str, Any]:
        previous = signal.signal(signal.SIGALRM, _late)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            self.watch.listening = True
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                result = self._called(arguments)
                view = View().of(result)
            return {"returned": view}
        except Late:
            return {"late": seconds}
        except Opaque as problem:
            return {"opaque": str(problem)}
        except MemoryError:
            return {"late": seconds}
        except BaseException as problem:
            return self._raised(problem)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

    def _called(self, arguments: Dict[str, Any]) -> Any:
        positional, keywords = bound(self.function, arguments)
        result = self.function(*positional, **keywords)
        if inspect.iscoroutine(result):
            return asyncio.run(_awaited(result))
        if inspect.isasyncgen(result):
            return Yielded(*asyncio.run(_drained(result)))
        if isinstance(result, types.GeneratorType) or (
            hasattr(result, "__next__") and not hasattr(result, "__dict__")
        ):
            items = list(itertools.islice(result, YIELDED_MAX))
            return Yielded(type(result).__name__, items)
        return result

    def _raised(self, problem: BaseException) -> Dict[str, Any]:
        last = problem.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        deliberate = False
        if last is not None:
            code = last.tb_frame.f_code
            at = code.co_code[last.tb_lasti] if last.tb_lasti < len(code.co_code) else -1
            mine = os.path.realpath(code.co_filename).startswith(self.root + os.sep)
            deliberate = mine and (at in RAISES or isinstance(problem, AssertionError))
        try:
            says = str(problem)[:TEXT_MAX]
        except BaseException:
            says = ""
        return {"raised": _name(type(problem)), "says": says, "deliberate": deliberate}


class Yielded:
    def __init__(self, kind: str, items: List[Any]) -> None:
        self.kind, self.items = kind, items


async def _awaited(coroutine: Any) -> Any:
    return await coroutine


async def _drained(generator: Any) -> Tuple[str, List[Any]]:
    items = []
    async for item in generator:
        items.append(item)
        if len(items) >= YIELDED_MAX:
            break
    return "async_generator", items


def _late(_number: int, _frame: Optional[FrameType]) -> None:
    raise Late


def bound(function: Any, arguments: Dict[str, Any]) -> Tuple[List[Any], Dict[str, Any]]:
    """How to pass what was recorded by name: as the signature wants it."""
    code, left = function.__code__, dict(arguments)
    positional = [left.pop(name) for name in code.co_varnames[: code.co_argcount] if name in left]
    after = code.co_argcount + code.co_kwonlyargcount
    rest: Tuple[Any, ...] = ()
    keywords: Dict[str, Any] = {}
    if code.co_flags & inspect.CO_VARARGS:
        rest = left.pop(code.co_varnames[after], ())
        after += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        keywords = left.pop(code.co_varnames[after], {})
    return [*positional, *rest], {**left, **keywords}


def _name(kind: type) -> str:
    return "%s.%s" % (kind.__module__, kind.__qualname__)


class View:
    """A value as nested lists of text. Objects that were seen are named by their order."""

    def __init__(self) -> None:
        self.seen: Dict[int, int] = {}
        self.kept: List[Any] = []
        self.nodes = 0

    def of(self, value: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX or depth > DEPTH_MAX:
            raise Opaque("a value too big to compare")
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes):
            return [kind.__name__, repr(value)]
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return self._named(value)
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if id(value) in self.seen:
            return ["again", self.seen[id(value)]]
        self.seen[id(value)] = len(self.seen)
        # Its number must stay its own: no other object may get the same address.
        self.kept.append(value)
        if isinstance(value, Yielded):
            return ["yielded", value.kind, [self.of(item, depth + 1) for item in value.items]]
        return self._built_in(value, kind, depth) or self._object(value, kind, depth)

    def _named(self, value: Any) -> Any:
        name = getattr(value, "__qualname__", "")
        if "<lambda>" in name or "<locals>" in name:
            raise Opaque("a function made on the way")
        return ["named", getattr(value, "__module__", "") or "", name]

    def _built_in(self, value: Any, kind: type, depth: int) -> Any:
        if kind in (list, tuple):
            return [kind.__name__, [self.of(item, depth + 1) for item in value]]
        if kind is dict:
            pairs = value.items()
            return ["dict", [[self.of(k, depth + 1), self.of(v, depth + 1)] for k, v in pairs]]
        if kind in (set, frozenset):
            # Each with a view of its own: which one comes first must not matter.
            return [kind.__name__, sorted((self._apart(item, depth) for item in value), key=repr)]
        if kind is bytearray:
            return ["bytearray", repr(value)]
        return None

    def _apart(self, value: Any, depth: int) -> Any:
        other = View()
        other.nodes = self.nodes
        view = other.of(value, depth + 1)
        self.nodes = other.nodes
        return view

    def _object(self, value: Any, kind: type, depth: int) -> Any:
        if isinstance(value, BaseException):
            return ["exception", _name(kind), self.of(value.args, depth + 1)]
        if isinstance(value, (types.MethodType, types.BuiltinMethodType)):
            return ["method", value.__name__, self.of(value.__self__, depth + 1)]
        try:
            reduced = value.__reduce_ex__(2)
        except Opaque:
            raise
        except Exception:
            reduced = None
        if reduced is None:
            state = getattr(value, "__dict__", None)
            if state is None or kind.__module__ in ("builtins", "_thread", "_io"):
                raise Opaque("a %s" % kind.__name__)
            return ["object", _name(kind), self.of(dict(state), depth + 1)]
        if isinstance(reduced, str):
            return ["named", kind.__module__, reduced]
        parts = list(reduced[:3]) + [
            None if items is None else list(itertools.islice(items, NODES_MAX))
            for items in reduced[3:5]
        ]
        return ["object", _name(kind), [self.of(part, depth + 1) for part in parts]]
