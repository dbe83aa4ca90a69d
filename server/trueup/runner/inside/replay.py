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

YIELDED_MAX = 1000
TEXT_MAX = 10_000
LATE_MAX = 4
"""Calls of one function that may be late before the rest is left out."""
RAISES = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}


def beside(name: str) -> Any:
    """The module of that name next to this one, which is no package's."""
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("trueup_inside_" + name, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


effects = beside("effects")
views = beside("view")


class Late(BaseException):
    """The call took longer than it may."""


class Thrown(Exception):  # noqa: N818 - it is no error of this program
    """What goes wrong in a block of `with`, in the eyes of the context manager."""


def main(root: str, task: Dict[str, Any], send: Callable[..., None]) -> None:
    for path in (os.path.normpath(os.path.join(root, path)) for path in task["path"]):
        if path not in sys.path:
            sys.path.append(path)
    warnings.simplefilter("ignore")
    watch, told = effects.Effects(root), effects.Told(root)
    sys.addaudithook(watch.hear)
    told.install()
    # A function that reads the standard input must not wait for one.
    sys.stdin = io.StringIO()
    for number, wanted in enumerate(task["functions"]):
        try:
            function, managed = found(wanted["module"], wanted["file"], wanted["qualname"], root)
        except BaseException as problem:
            send("unreachable", number, "%s: %s" % (type(problem).__name__, problem))
            continue
        state = effects.State(function, wanted["holds"], view_of)
        send("holds", number, state.last)
        call = Call(root, function, managed, watch, told, state)
        recorded = [base64.b64decode(item) for item in wanted["recorded"]]
        late = 0
        for place, (base, values) in enumerate(wanted["calls"]):
            outcome = call.outcome(recorded, base, values, task["call_seconds"])
            send("outcome", number, place, outcome)
            late += "late" in outcome
            if late > LATE_MAX:
                send("stopped", number, place)
                break


def view_of(most: int, value: Any) -> Any:
    return views.View(most).of(value)


def found(module: str, file: str, qualname: str, root: str) -> Tuple[Any, bool]:
    """The plain function of that name, below decorators that tell what they wrap, and whether one
    of them makes it a context manager.
    """
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


def plain(value: Any) -> Tuple[Any, bool]:
    managed = False
    for _ in range(20):
        code = getattr(value, "__code__", None)
        managed = managed or (code is not None and code.co_filename == contextlib.__file__)
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
    return value, managed


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


class Call:
    """Calls one function again and again, and says what comes of it."""

    def __init__(
        self, root: str, function: Any, managed: bool, watch: Any, told: Any, state: Any
    ) -> None:
        self.root, self.function, self.managed = root, function, managed
        self.watch, self.told, self.state = watch, told, state
        self.items: Optional[List[Any]] = None

    def outcome(
        self, recorded: List[bytes], base: Optional[int], values: Dict[str, Any], seconds: float
    ) -> Dict[str, Any]:
        def fresh() -> Any:
            return arguments_of(recorded, base, values, self.function.__globals__)

        outcome = self._once(fresh, self._called, seconds)
        if self.items and "returned" in outcome and self._is_generator():
            early = self._once(fresh, self._left_early, seconds)
            if not {"opaque", "late", "unmade", "effect"} & early.keys():
                outcome["early"] = early
        return outcome

    def _is_generator(self) -> bool:
        return inspect.isgeneratorfunction(self.function) or inspect.isasyncgenfunction(
            self.function
        )

    def _once(
        self, fresh: Callable[[], Any], work: Callable[[Any], Any], seconds: float
    ) -> Dict[str, Any]:
        try:
            arguments = fresh()
        except BaseException as problem:
            return {"unmade": "%s: %s" % (type(problem).__name__, problem)}
        self.watch.heard = ""
        outcome = self._run(arguments, work, seconds)
        self.watch.listening = self.told.listening = False
        if self.watch.heard:
            return {"effect": self.watch.heard}
        for name, said in (("logged", self.told.logged), ("warned", self.told.warned)):
            if said:
                outcome[name] = said
        changed = self.state.changed()
        if changed:
            outcome["holds"] = changed
        return outcome

    def _run(
        self, arguments: Dict[str, Any], work: Callable[[Any], Any], seconds: float
    ) -> Dict[str, Any]:
        printed, complained = io.StringIO(), io.StringIO()
        here, there = views.View(), views.View()
        self.items = None
        previous = signal.signal(signal.SIGALRM, _late)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            self.watch.listening = True
            self.told.listen()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
                result = work(arguments)
                outcome = {"returned": here.of(result)}
        except (Late, MemoryError):
            return {"late": seconds}
        except views.Opaque as problem:
            outcome = {"opaque": str(problem)}
        except BaseException as problem:
            outcome = self._raised(problem)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        for name, stream in (("printed", printed), ("complained", complained)):
            if stream.getvalue():
                outcome[name] = stream.getvalue()[:TEXT_MAX]
        try:
            outcome["left"] = there.of(arguments)
        except views.Opaque as problem:
            outcome["opaque"] = str(problem)
        except BaseException as problem:
            outcome["opaque"] = "an argument that raises %s" % type(problem).__name__
        shared = here.shares(there)
        if shared:
            outcome["shared"] = shared
        return outcome

    def _start(self, arguments: Dict[str, Any]) -> Any:
        positional, keywords = bound(self.function, arguments)
        return self.function(*positional, **keywords)

    def _called(self, arguments: Dict[str, Any]) -> Any:
        result = self._start(arguments)
        if inspect.iscoroutine(result):
            return asyncio.run(_awaited(result))
        if inspect.isasyncgen(result):
            self.items = []
            asyncio.run(_drained(result, self.items))
            return views.Yielded("async_generator", self.items)
        if isinstance(result, types.GeneratorType) or (
            hasattr(result, "__next__") and not hasattr(result, "__dict__")
        ):
            self.items = []
            end = _taken(result, self.items)
            return views.Yielded(type(result).__name__, self.items, end)
        return result

    def _left_early(self, arguments: Dict[str, Any]) -> Any:
        """What a generator does when its user goes after the first item, or fails there."""
        generator = self._start(arguments)
        if inspect.isasyncgen(generator):
            return asyncio.run(_async_left_early(generator, self.managed))
        next(generator)
        return generator.throw(Thrown("thrown")) if self.managed else generator.close()

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
        kind = views.name_of(type(problem))
        outcome = {"raised": kind, "says": says, "deliberate": deliberate}
        if problem.__cause__ is not None:
            outcome["cause"] = views.name_of(type(problem.__cause__))
        with contextlib.suppress(BaseException):
            outcome["error"] = views.View().of_exception(problem)
        if self.items is not None:
            with contextlib.suppress(BaseException):
                outcome["yielded"] = views.View().of(self.items)
        return outcome


def _taken(iterator: Any, items: List[Any]) -> Any:
    """Fills `items`; what a generator returns in the end."""
    while len(items) < YIELDED_MAX:
        try:
            items.append(next(iterator))
        except StopIteration as end:
            return end.value
    return None


async def _awaited(coroutine: Any) -> Any:
    return await coroutine


async def _drained(generator: Any, items: List[Any]) -> None:
    async for item in generator:
        items.append(item)
        if len(items) >= YIELDED_MAX:
            break


async def _async_left_early(generator: Any, managed: bool) -> Any:
    await generator.__anext__()
    return await (generator.athrow(Thrown("thrown")) if managed else generator.aclose())


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
