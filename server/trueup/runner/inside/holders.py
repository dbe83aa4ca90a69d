"""Whether an object may hold what another test computed.

Runs under the project's interpreter, for the recorder. An object that was met in another test, or
that has something in it when it is first met, may; one whose life was seen to begin in this test
may not, as far as it begins empty. Knows objects by weak references, so that it keeps none alive:
what cannot be referred to weakly may hold anything.

It calls nothing of the project: attributes are read where they lie, never through properties. What
an object was given by a constructor that copies another one is taken for its own.
"""

# ruff: noqa: ANN401
# The objects are the project's: they may be anything.

from _weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Set, Tuple

BEGINS = "="
KEPT_TYPES: "Tuple[Any, ...]" = (dict, list, set)
EMPTY_TYPES = (dict, list, set, tuple, frozenset, str, bytes)
MISSING = object()


class Met:
    """One object: where it was met first, whether it began there, what was empty in it."""

    __slots__ = ("began", "clear", "empty", "refers", "where")

    def __init__(self, refers: "Any", where: object) -> None:
        self.refers = refers
        self.where = where
        self.began = False
        self.empty: Set[str] = set()
        # The words that were all found empty, so that a hot method is looked at once.
        self.clear: Set[Tuple[str, ...]] = set()


SLOT = type(Met.__dict__["where"])


class Holders:
    def __init__(self) -> None:
        self.met: Dict[int, Met] = {}

    def shares(self, frame: "FrameType", words: "Tuple[str, ...]", where: object) -> bool:
        """Whether the object that this method was called on may hold what others computed.

        `where` is the test that runs. `words` name what the method looks at (`runner/keeping.py`).
        """
        name = frame.f_code.co_varnames[:1]
        found = frame.f_locals.get(name[0], MISSING) if name else MISSING
        if found is MISSING:
            return True
        known = self.met.get(id(found))
        if known is None or known.refers() is not found:
            try:
                known = self.met[id(found)] = Met(ref(found), where)
            except TypeError:
                return True
            known.began = BEGINS in words
        elif known.where is not where:
            return True
        if words in known.clear:
            return False
        for word in words:
            if word != BEGINS and word not in known.empty and not self.is_own(known, found, word):
                return True
        known.clear.add(words)
        return False

    def is_own(self, known: Met, found: "Any", word: str) -> bool:
        """Whether nothing was there before this test."""
        name = word.lstrip("+")
        if not name and not isinstance(found, KEPT_TYPES):
            # Its things lie in attributes, which have words of their own.
            own = known.began
        else:
            own = known.began and word[:1] == "+"
            own = own or not holds_something(found, name)
            own = own or self.began(attribute(found, name), known.where)
        if own:
            known.empty.add(word)
        return own

    def began(self, found: "Any", where: object) -> bool:
        """Whether this object's life was seen to begin there."""
        known = self.met.get(id(found))
        return (
            known is not None and known.began and known.where is where and known.refers() is found
        )


def holds_something(found: "Any", name: str) -> bool:
    if not name:
        sizes = [kind.__len__ for kind in KEPT_TYPES if isinstance(found, kind)]
        return any(size(found) > 0 for size in sizes)
    value = attribute(found, name)
    if value is MISSING or value is None or value is False:
        return False
    if type(value) in EMPTY_TYPES:
        return len(value) > 0
    return type(value) is not int or value != 0


def attribute(found: "Any", name: str) -> "Any":
    """What lies there; True for what only running something would tell."""
    if not name:
        return MISSING
    try:
        own = object.__getattribute__(found, "__dict__")
    except AttributeError:
        own = {}
    if isinstance(own, dict) and name in own:
        return own[name]
    for kind in type(found).__mro__:
        if name in kind.__dict__:
            value = kind.__dict__[name]
            if type(value) is SLOT:
                try:
                    return value.__get__(found)
                except AttributeError:
                    return MISSING
            return True if hasattr(type(value), "__get__") else value
    return MISSING
