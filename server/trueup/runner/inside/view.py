"""A value as plain data that is equal where a caller could see no difference.

The same in every process: no address, no order of a set is part of it. Objects that can be changed
are numbered in the order in which they are met, so that it shows which of them are one and the
same. What cannot be told from another one of its kind has no view.
"""

# ruff: noqa: ANN401
# ANN401: the values of other people's programs have no type here.

from __future__ import annotations

import datetime
import decimal
import fractions
import itertools
import pathlib
import re
import types
import uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

NODES_MAX = 4000
DEPTH_MAX = 60
UNCHANGING = (
    tuple, frozenset, range, slice, decimal.Decimal, fractions.Fraction, uuid.UUID, re.Pattern,
    datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, pathlib.PurePath,
)  # fmt: skip
"""Whether two of these are one and the same object is nobody's affair."""


class Opaque(Exception):  # noqa: N818 - it ends a comparison, not a program
    """Holds something that no view can tell from another one of its kind."""


class Yielded:
    """What an iterator gave, and what a generator returned in the end."""

    def __init__(self, kind: str, items: List[Any], result: Any = None) -> None:
        self.kind, self.items, self.result = kind, items, result


def name_of(kind: type) -> str:
    return "%s.%s" % (kind.__module__, kind.__qualname__)


class View:
    """A value as nested lists of text. Objects that were seen are named by their order."""

    def __init__(self, nodes_max: int = NODES_MAX) -> None:
        self.nodes_max = nodes_max
        self.seen: Dict[int, int] = {}
        self.kept: List[Any] = []
        self.nodes = 0

    def of(self, value: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if self.nodes > self.nodes_max or depth > DEPTH_MAX:
            raise Opaque("a value too big to compare")
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes):
            return [kind.__name__, repr(value)]
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return self._named(value)
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if isinstance(value, Yielded):
            items = [self.of(item, depth + 1) for item in value.items]
            end = [] if value.result is None else [self.of(value.result, depth + 1)]
            return ["yielded", value.kind, items, *end]
        # It may be met again, and no other object may get the same address.
        self.kept.append(value)
        if not _is_unchanging(value, kind):
            if id(value) in self.seen:
                return ["again", self.seen[id(value)]]
            self.seen[id(value)] = len(self.seen)
        return self._built_in(value, kind, depth) or self._object(value, kind, depth)

    def of_exception(self, value: BaseException, depth: int = 0) -> Any:
        held = {name: item for name, item in vars(value).items() if name != "__notes__"}
        more = [self.of(held, depth + 1)] if held else []
        return ["exception", name_of(type(value)), self.of(value.args, depth + 1), *more]

    def shares(self, other: View) -> List[Tuple[int, int]]:
        """The numbers, here and there, of objects that can be changed and that both hold."""
        both = self.seen.keys() & other.seen.keys()
        return sorted((self.seen[one], other.seen[one]) for one in both)

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
            return self.of_exception(value, depth)
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
            return ["object", name_of(kind), self.of(dict(state), depth + 1)]
        if isinstance(reduced, str):
            return ["named", kind.__module__, reduced]
        parts = list(reduced[:3]) + [
            None if items is None else list(itertools.islice(items, NODES_MAX))
            for items in reduced[3:5]
        ]
        made = [self.of(part, depth + 1) for part in parts[:2]]
        # The attributes of an object are no object that anyone could hold.
        state = parts[2] if len(parts) > 2 else None
        held = self._built_in(state, dict, depth) if type(state) is dict else None
        rest = [held or self.of(part, depth + 1) for part in parts[2:3]]
        rest += [self.of(part, depth + 1) for part in parts[3:]]
        return ["object", name_of(kind), made + rest]


def _is_unchanging(value: Any, kind: type) -> bool:
    settings = getattr(kind, "__dataclass_params__", None)
    return isinstance(value, UNCHANGING) or bool(getattr(settings, "frozen", False))
