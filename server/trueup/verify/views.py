"""What came of a call, compared and put into words.

An outcome is what `runner/inside/replay.py` sends: plain data from a process that runs the user's
code, so nothing about its form is taken for granted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

Outcome = Mapping[str, object]
WORDS_MAX: Final = 120
FLOATS_APART: Final = 1e-9
"""Relative difference up to which two floats count as the same result."""


class Comparison(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    NOTHING = "nothing"
    """The old code has no outcome here that the new one could be held to."""


_UNUSABLE: Final = ("late", "opaque", "unmade")


def obstacle(old: Outcome | None, again: Outcome | None) -> str:
    """Why the old code's outcome cannot be compared with anything, or ""."""
    if old is None or again is None:
        return "it ended the process"
    if "effect" in old:
        return f"it reaches outside of its process ({old['effect']})"
    if "opaque" in old:
        return f"it gives {old['opaque']}"
    if "late" in old:
        return "it takes too long"
    if "unmade" in old:
        return f"its arguments cannot be made again ({old['unmade']})"
    if old != again:
        return "it gives something else each time"
    return ""


def compare(old: Outcome, new: Outcome | None, *, recorded: bool) -> Comparison:
    """`old` has no obstacle. On generated input, an error that nobody raised on purpose says that
    the old code is not made for such input, and the new code may do there what it likes.
    """
    if new is not None and any(name in new for name in ("opaque", "unmade")):
        return Comparison.NOTHING
    if "raised" in old and not old.get("deliberate") and not recorded:
        return Comparison.NOTHING
    if new is None or "late" in new or "effect" in new:
        return Comparison.DIFFERENT
    names = ["returned", "raised", "left", "printed"]
    if old.get("deliberate"):
        names.append("says")
    same = all(alike(old.get(name), new.get(name)) for name in names)
    return Comparison.SAME if same else Comparison.DIFFERENT


def alike(old: object, new: object) -> bool:
    """Whether two views are equal but for the last digits of floats, which no refactoring of
    arithmetic keeps.
    """
    if old == new:
        return True
    match old, new:
        case ["float", str(one)], ["float", str(two)]:
            return _close(one, two)
        case list(), list():
            return len(old) == len(new) and all(map(alike, old, new))
    return False


def _close(one: str, two: str) -> bool:
    try:
        return math.isclose(float(one), float(two), rel_tol=FLOATS_APART, abs_tol=1e-12)
    except ValueError:
        return False


def words(outcome: Outcome | None, other: Outcome | None) -> str:
    """What came of it, as far as it is not what came of `other`."""
    if outcome is None:
        return "ended the process"
    if "late" in outcome:
        return f"did not return within {outcome['late']} s"
    if "effect" in outcome:
        return f"reached outside of its process ({outcome['effect']})"
    parts = []
    if "raised" in outcome:
        name = str(outcome["raised"]).removeprefix("builtins.")
        says = str(outcome.get("says", ""))
        parts.append(f"raised {name}{f': {says}' if says else ''}")
    else:
        parts.append(f"returned {source(outcome.get('returned'))}")
    other = other or {}
    if outcome.get("printed") != other.get("printed"):
        parts.append(f"printed {outcome.get('printed', '')!r}")
    if outcome.get("left") != other.get("left") and "left" in outcome:
        parts.append(f"left its arguments as {source(outcome['left'])}")
    return _short(" and ".join(parts))


def source(view: object) -> str:
    """A view as Python would write it, as far as it can be written."""
    match view:
        case [str(kind), str(text)] if kind in _PLAIN:
            return text
        case [str(kind), list(items)] if kind in _BRACKETS:
            return _held(kind, items)
        case ["yielded", str(kind), list(items)]:
            return f"a {kind} of [{_all(items)}]"
        case ["object", str(name), inner]:
            return f"<{name.rpartition('.')[2]}{_short(_state(inner))}>"
        case ["named", str(module), str(name)]:
            return f"{module}.{name}".removeprefix("builtins.")
        case [str(kind), *_]:
            return f"<{kind}>"
    return "?"


_BRACKETS: Final = frozenset({"list", "tuple", "set", "frozenset", "dict"})


def _held(kind: str, items: list[object]) -> str:
    if kind == "dict":
        return "{" + ", ".join(_pair(item) for item in items) + "}"
    inner = _all(items)
    if kind == "list":
        return f"[{inner}]"
    if kind == "tuple":
        return f"({inner}{',' * (len(items) == 1)})"
    return (
        f"{kind}({{{inner}}})"
        if items and kind == "frozenset"
        else f"{{{inner}}}"
        if items
        else f"{kind}()"
    )


_PLAIN: Final = frozenset(
    {"NoneType", "bool", "int", "float", "complex", "str", "bytes", "bytearray"}
)


def _all(items: list[object]) -> str:
    return ", ".join(source(item) for item in items)


def _state(inner: object) -> str:
    """What an object holds: its attributes, or what makes it."""
    match inner:
        case [["named", *_], ["tuple", list(made)], ["dict", list(pairs)], *_] if pairs:
            return f" {_held('dict', pairs)}" if len(made) < 2 else f" {_held('tuple', made)}"
        case [["named", *_], ["tuple", list(made)], *_]:
            return f" {_all(made[1:] if _is_class(made[:1]) else made)}".rstrip()
        case ["dict", list(pairs)]:
            return f" {_held('dict', pairs)}"
    return ""


def _is_class(made: list[object]) -> bool:
    return bool(made) and isinstance(made[0], list) and made[0][:1] == ["named"]


def _pair(pair: object) -> str:
    match pair:
        case [key, value]:
            return f"{source(key)}: {source(value)}"
    return "?"


def _short(text: str) -> str:
    return text if len(text) <= WORDS_MAX else text[: WORDS_MAX - 1] + "…"
