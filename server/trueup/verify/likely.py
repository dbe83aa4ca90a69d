"""What recorded calls of a function have in common: signs, order, equal lengths, an index.

It is taken for what the function may rely on, as the likely invariants of Ernst et al. (Daikon,
2001). Few calls have much in common by chance, so an input that breaks one proves little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from trueup.verify.literals import Literal

Values = Mapping[str, Literal]
Holds = Callable[[Values], bool]
Invariant = tuple[str, Holds]


def broken(common: Sequence[Invariant], values: Values) -> frozenset[str]:
    """Names of those that `values` do not fulfil."""
    return frozenset(name for name, holds in common if not holds(values))


def invariants(recorded: Sequence[Values]) -> tuple[Invariant, ...]:
    """Named predicates that every recorded call fulfils."""
    names = dict.fromkeys(name for values in recorded for name in values)
    found: list[tuple[str, Holds]] = []
    for name in names:
        found += [(kind, _of(name, holds)) for kind, holds in _ALONE]
        for other in names:
            if other != name:
                found += [(kind, _between(name, other, holds)) for kind, holds in _PAIRS]
    return tuple(item for item in found if recorded and all(item[1](one) for one in recorded))


def _of(name: str, holds: Callable[[Literal], bool]) -> Holds:
    return lambda values: name not in values or holds(values[name])


def _between(name: str, other: str, holds: Callable[[Literal, Literal], bool]) -> Holds:
    return lambda values: (
        name not in values or other not in values or holds(values[name], values[other])
    )


def _numbers(value: Literal) -> Iterable[float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _numbers(item)


def _texts(value: Literal) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)


def _is_shallow(value: Literal) -> bool:
    """Whether lists hold no lists that hold lists."""
    if not isinstance(value, list | tuple):
        return True
    inner = [item for item in value if isinstance(item, list | tuple)]
    return not any(isinstance(item, list | tuple) for held in inner for item in held)


def _never_empty(value: Literal) -> bool:
    if isinstance(value, str | bytes | dict | set | frozenset):
        return bool(value)
    if isinstance(value, list | tuple):
        return bool(value) and all(_never_empty(item) for item in value)
    return True


def in_order(value: Literal) -> bool:
    if not isinstance(value, list | tuple) or len(value) < 2:
        return True
    if all(isinstance(item, int | float | str) for item in value):
        try:
            return all(one <= two for one, two in pairwise(value))  # type: ignore[operator]
        except TypeError:
            return True
    return all(in_order(item) for item in value)


def _is_unique(value: Literal) -> bool:
    if not isinstance(value, list | tuple):
        return True
    if any(isinstance(item, list | dict | set) for item in value):
        return all(_is_unique(item) for item in value)
    return len(set(value)) == len(value)


def _is_even(value: Literal) -> bool:
    """Whether lists in a list all have the same length."""
    if not isinstance(value, list | tuple) or not value:
        return True
    sizes = [len(item) for item in value if isinstance(item, list | tuple | str)]
    return len(sizes) < len(value) or len(set(sizes)) == 1


_ALONE: Final[tuple[tuple[str, Callable[[Literal], bool]], ...]] = (
    ("no negative number", lambda value: all(number >= 0 for number in _numbers(value))),
    ("no zero", lambda value: all(number != 0 for number in _numbers(value))),
    ("nothing empty", _never_empty),
    ("in order", in_order),
    ("no repetition", _is_unique),
    ("even rows", _is_even),
    ("one level of lists", _is_shallow),
    ("no capital letters", lambda value: not any(text != text.lower() for text in _texts(value))),
    ("no small letters", lambda value: not any(text != text.upper() for text in _texts(value))),
    ("no space", lambda value: not any(" " in text for text in _texts(value))),
    ("no digit", lambda value: not any(map(str.isdigit, "".join(_texts(value))))),
    ("only letters", lambda value: all(text.isalpha() or not text for text in _texts(value))),
)


def _size(value: Literal) -> int | None:
    return len(value) if isinstance(value, str | list | tuple | dict) else None


def _same_length(one: Literal, two: Literal) -> bool:
    return _size(one) is not None and _size(one) == _size(two)


def _is_length(one: Literal, two: Literal) -> bool:
    return type(one) is int and _size(two) == one


def _is_index(one: Literal, two: Literal) -> bool:
    size = _size(two)
    return type(one) is int and size is not None and 0 <= one <= size


def _is_below(one: Literal, two: Literal) -> bool:
    return isinstance(one, int | float) and isinstance(two, int | float) and one <= two


_PAIRS: Final[tuple[tuple[str, Callable[[Literal, Literal], bool]], ...]] = (
    ("equal lengths", _same_length),
    ("a length", _is_length),
    ("an index", _is_index),
    ("a smaller number", _is_below),
)
