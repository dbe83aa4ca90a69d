"""Smaller versions of an input, to show a difference on the smallest one that has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from trueup.verify.inputs import Input
from trueup.verify.literals import Literal

PIECES_MAX: Final = 12


def smaller(found: Input, most: int) -> tuple[Input, ...]:
    """At most `most` inputs that are smaller than `found` in one place, the smallest first."""
    variants = {
        item.size: item
        for name, value in found.values.items()
        for less in _less(value)
        if (item := replace(found, values={**found.values, name: less})).size < found.size
    }
    return tuple(variants[size] for size in sorted(variants)[:most])


def _less(value: Literal) -> Iterator[Literal]:
    match value:
        case bool() | int() | float():
            yield from _numbers(value)
        case str():
            for start, end in _cuts(len(value)):
                yield value[:start] + value[end:]
            for letter in sorted(set(value) - {"a"}):
                yield value.replace(letter, "a")
        case list() | tuple():
            for items in _fewer(value):
                yield items if isinstance(value, list) else tuple(items)
        case dict():
            for key in list(value)[:PIECES_MAX]:
                yield {other: item for other, item in value.items() if other != key}
                yield from ({**value, key: less} for less in _less(value[key]))
        case set() | frozenset():
            yield from (value - {item} for item in sorted(value, key=repr)[:PIECES_MAX])


def _numbers(value: float) -> tuple[Literal, ...]:
    if isinstance(value, bool):
        return (False,)
    if isinstance(value, int):
        return (0, 1, value // 2, value - 1, value // 10, -value)
    return (0.0, 1.0, round(value, 1))


def _fewer(value: Sequence[Literal]) -> Iterator[list[Literal]]:
    for start, end in _cuts(len(value)):
        yield [*value[:start], *value[end:]]
    for place, item in enumerate(value[:PIECES_MAX]):
        for less in _less(item):
            yield [*value[:place], less, *value[place + 1 :]]


def _cuts(length: int) -> Iterator[tuple[int, int]]:
    """What to leave out: all, either half, any one item."""
    yield 0, length
    yield 0, length // 2
    yield length // 2, length
    for place in range(min(length, PIECES_MAX)):
        yield place, place + 1
