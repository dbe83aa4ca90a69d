"""What came of a call, compared and put into words.

An outcome is what `runner/inside/replay.py` sends: plain data from a process that runs the user's
code, so nothing about its form is taken for granted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    FORGIVING = "forgiving"
    """The old code fails, though not on purpose, and the new one does not."""


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
    if "untried" in old or "untried" in again:
        return "the calls before it took too long"
    if "unmade" in old:
        return f"its arguments cannot be made again ({old['unmade']})"
    if _core(old) != _core(again):
        return "it gives something else each time"
    return ""


_SAID: Final = ("logged", "warned", "holds")
"""What may be another one each time without the rest being so: it may tell the time."""


def _core(outcome: Outcome) -> Outcome:
    return {name: value for name, value in outcome.items() if name not in _SAID}


@dataclass(frozen=True, slots=True)
class Manner:
    """What the old code shows of itself over many calls.

    `fluent`: whenever it gives something that can be changed, it is an object that it was given.
    `unstable` are parts of its outcomes that are not the same each time.
    """

    fluent: bool = False
    unstable: frozenset[str] = frozenset()


def manner(old: Mapping[int, Outcome], again: Mapping[int, Outcome]) -> Manner:
    pairs = [(one, again[place]) for place, one in old.items() if place in again]
    unstable = {name for one, two in pairs for name in _SAID if one.get(name) != two.get(name)}
    changeable = [one for one, _ in pairs if _kind(one.get("returned")) in _CHANGEABLE]
    fluent = bool(changeable) and all(_gives_back(one) for one in changeable)
    return Manner(fluent, frozenset(unstable))


_CHANGEABLE: Final = frozenset({"list", "dict", "set", "bytearray", "object"})


def _kind(view: object) -> str:
    return str(view[0]) if isinstance(view, list) and view else ""


def _gives_back(outcome: Outcome) -> bool:
    """Whether the result itself is an object that was among the arguments."""
    return any(here == 0 for here, _ in _shared(outcome))


def _shared(outcome: Outcome) -> frozenset[tuple[int, int]]:
    pairs = outcome.get("shared")
    found = set()
    for pair in pairs if isinstance(pairs, list) else ():
        match pair:
            case [int(here), int(there)]:
                found.add((here, there))
    return frozenset(found)


def compare(
    old: Outcome, new: Outcome | None, *, recorded: bool, manner: Manner = Manner()
) -> Comparison:
    """`old` has no obstacle. On generated input, an error that nobody raised on purpose says that
    the old code is not made for such input, and the new code may do there what it likes.
    """
    if new is not None and ("unmade" in new or "untried" in new):
        return Comparison.NOTHING
    if "raised" in old and not old.get("deliberate") and not recorded:
        returns = new is not None and "returned" in new
        return Comparison.FORGIVING if returns else Comparison.NOTHING
    if new is None or "late" in new or "effect" in new or "opaque" in new:
        return Comparison.DIFFERENT
    return Comparison.DIFFERENT if any(_differences(old, new, manner)) else Comparison.SAME


def _differences(old: Outcome, new: Outcome, manner: Manner) -> Iterator[str]:
    """The names of what is not alike in two outcomes."""
    names = ["returned", "raised", "left", "printed", "complained", *_SAID]
    if "raised" in old:
        names.append("yielded")
    if old.get("deliberate"):
        names += ["says", "error"]
        # Who says more than before of where an error came from breaks nothing.
        names += ["cause"] if "cause" in old else []
    for name in names:
        if name not in manner.unstable and not alike(old.get(name), new.get(name)):
            yield name
    if _shared(new) - _shared(old) or (manner.fluent and _gives_back(old) > _gives_back(new)):
        yield "shared"
    early, now = old.get("early"), new.get("early")
    if isinstance(early, dict) and isinstance(now, dict) and any(_differences(early, now, manner)):
        yield "early"


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
    if "opaque" in outcome:
        return f"gave {outcome['opaque']}"
    if other is None or {"late", "effect", "opaque"} & other.keys():
        return _short(_result(outcome))
    apart = set(_differences(other, outcome, Manner(fluent=True)))
    apart |= set(_differences(outcome, other, Manner(fluent=True)))
    if apart & {"returned", "raised", "says"}:
        apart -= {"error", "shared"}
    parts = [_aspect(name, outcome, other) for name in _ASPECTS if name in apart]
    if not parts or apart & {"returned", "raised", "says"}:
        parts.insert(0, _result(outcome))
    # That nothing was said goes without saying, unless there is nothing else to say.
    telling = [part for part in parts if not part.endswith((" nothing", " nothing to stderr"))]
    return _short(" and ".join(telling or parts))


_ASPECTS: Final = (
    "error", "cause", "yielded", "shared", "left", "printed", "complained", "logged", "warned",
    "holds", "early",
)  # fmt: skip


def _result(outcome: Outcome) -> str:
    if "raised" not in outcome:
        return f"returned {source(outcome.get('returned'))}"
    name = str(outcome["raised"]).removeprefix("builtins.")
    says = str(outcome.get("says", ""))
    return f"raised {name}{f': {says}' if says else ''}"


def _aspect(name: str, outcome: Outcome, other: Outcome) -> str:
    value = outcome.get(name)
    match name:
        case "error":
            return f"raised {source(value)}" if value else "raised nothing"
        case "cause":
            return f"named {value} as the cause" if value else "named no cause"
        case "yielded":
            return f"failed after it gave {source(value)}" if value else "failed at once"
        case "shared":
            return _sharing(outcome, other)
        case "left":
            return _left(value, other.get("left"))
        case "printed" | "complained":
            where = " to stderr" if name == "complained" else ""
            return f"printed {value!r}{where}" if value else f"printed nothing{where}"
        case "logged" | "warned":
            said = [": ".join(map(str, one)) for one in value] if isinstance(value, list) else []
            return f"{name} {', '.join(map(repr, said)) or 'nothing'}"
        case "holds":
            return _kept(value)
    return f"{words(_as_outcome(value), _as_outcome(other.get(name)))} when it was left early"


def _sharing(outcome: Outcome, other: Outcome) -> str:
    value = source(outcome.get("returned"))
    if not _shared(outcome) - _shared(other):
        return f"returned {value}, a copy"
    if _gives_back(outcome):
        return f"returned {value}, the same object that its arguments hold"
    return f"returned {value}, with objects in it that its arguments hold"


def _as_outcome(value: object) -> Outcome:
    return value if isinstance(value, dict) else {}


def _left(view: object, other: object) -> str:
    """The arguments that the call left otherwise than the other one did."""
    match view, other:
        case ["dict", list(pairs)], ["dict", list(others)]:
            known = dict(_named(others))
            apart = [
                f"{name} as {source(one)}"
                for name, one in _named(pairs)
                if not alike(one, known.get(name))
            ]
            return f"left {', '.join(apart)}" if apart else "left its arguments"
    return f"left its arguments as {source(view)}"


def _named(pairs: list[object]) -> Iterator[tuple[str, object]]:
    for pair in pairs:
        match pair:
            case [name, value]:
                yield source(name).strip(QUOTES), value


QUOTES: Final = "'\""


def _kept(value: object) -> str:
    held = value.items() if isinstance(value, dict) else ()
    return " and ".join(f"left {name} as {source(one)}" for name, one in held) or (
        "left the module as it was"
    )


def source(view: object) -> str:
    """A view as Python would write it, as far as it can be written."""
    match view:
        case [str(kind), str(text)] if kind in _PLAIN:
            return text
        case [str(kind), list(items)] if kind in _BRACKETS:
            return _held(kind, items)
        case ["yielded", str(kind), list(items), *end]:
            returned = f" that returns {source(end[0])}" if end else ""
            return f"a {kind} of [{_all(items)}]{returned}"
        case ["exception", str(name), ["tuple", list(items)], *held]:
            more = f" with{_state(held[0])}" if held else ""
            return f"{name.removeprefix('builtins.')}({_all(items)}){more}"
        case ["again", _]:
            return "<the same>"
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
            return _attributes(pairs) if len(made) < 2 else f" {_held('tuple', made)}"
        case [["named", *_], ["tuple", list(made)], *_]:
            return f" {_all(made[1:] if _is_class(made[:1]) else made)}".rstrip()
        case ["dict", list(pairs)]:
            return _attributes(pairs)
    return ""


def _attributes(pairs: list[object]) -> str:
    return "".join(f" {name}={source(value)}" for name, value in _named(pairs))


def _is_class(made: list[object]) -> bool:
    return bool(made) and isinstance(made[0], list) and made[0][:1] == ["named"]


def _pair(pair: object) -> str:
    match pair:
        case [key, value]:
            return f"{source(key)}: {source(value)}"
    return "?"


def _short(text: str) -> str:
    return text if len(text) <= WORDS_MAX else text[: WORDS_MAX - 1] + "…"
