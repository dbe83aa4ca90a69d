"""Hypothesis strategies for values that look like others, and for annotations of built-in types."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trueup.parsing import parse_expression
from trueup.verify.classes import ClassShape
from trueup.verify.likely import in_order
from trueup.verify.literals import Literal, Made

Strategy = SearchStrategy[Literal]
Sliced = TypeVar("Sliced", str, list[Literal])
SIZE_MAX: Final = 40
DEPTH_MAX: Final = 3
"""How deep objects of the project's classes are made of one another."""
LETTERS: Final = "abcxyz ABCXYZ0129"
"""Letters of the usual kinds; a text is also tried with those that no recorded one has."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Makes strategies from values; `constants` of the code are tried where they fit."""

    constants: tuple[Literal, ...] = ()
    classes: Mapping[str, ClassShape] = field(default_factory=dict)
    depth: int = 0

    def like(self, values: Sequence[Literal]) -> Strategy:
        """Values of the same shape as these, these among them."""
        by_type: dict[type, list[Literal]] = {}
        for value in values:
            by_type.setdefault(type(value), []).append(value)
        made = [self._of_type(kind, found) for kind, found in by_type.items()]
        return st.one_of(*made)

    def _of_type(self, kind: type, values: list[Literal]) -> Strategy:
        makers: Mapping[type, Callable[[list[Literal]], Strategy]] = {
            int: self._integers,
            float: _floats,
            str: self._texts,
            list: self._lists,
            tuple: self._tuples,
            dict: self._dicts,
            set: self._sets,
            frozenset: self._sets,
        }
        if kind in makers:
            return makers[kind](values)
        seen = st.sampled_from(values)
        if kind is bool:
            return st.booleans()
        if kind is complex:
            return st.one_of(seen, st.complex_numbers(max_magnitude=10))
        return st.one_of(seen, st.binary(max_size=12)) if kind is bytes else seen

    def _integers(self, values: list[Literal]) -> Strategy:
        own = {value for value in values if isinstance(value, int)}
        named = {item for item in self.constants if type(item) is int and abs(item) < 1 << 40}
        most = max(abs(number) for number in own)
        near = {number + step for number in own | named for step in (-1, 0, 1)}
        near |= {0, 1, 2, -1} | {2 * number for number in own}
        wide = max(10, 2 * most)
        return st.one_of(
            st.sampled_from(sorted(near)), st.integers(0, wide), st.integers(-wide, wide)
        )

    def _texts(self, values: list[Literal]) -> Strategy:
        texts = [value for value in values if isinstance(value, str)]
        named = [item for item in self.constants if isinstance(item, str) and len(item) < SIZE_MAX]
        seen = sorted({*"".join(texts)} or {"a"})
        known = sorted({*seen, *(letter for text in named for letter in text[:1])})
        longest = min(SIZE_MAX, 2 * max(len(text) for text in texts) + 2)
        pieces = st.one_of(st.sampled_from(known), *([st.sampled_from(named)] if named else []))
        strategies: list[SearchStrategy[str]] = [
            st.sampled_from(texts),
            st.text(st.sampled_from(seen), max_size=longest),
            st.lists(pieces, max_size=longest).map("".join),
            st.text(st.sampled_from(sorted({*known, *LETTERS})), max_size=longest),
            _edited_texts(texts),
            st.tuples(st.sampled_from(texts), st.integers(0, 3)).map(_recased),
        ]
        words = sorted({word for text in texts for word in text.split()})
        if len(words) > 1:
            strategies.append(st.lists(st.sampled_from(words), max_size=6).map(" ".join))
        return st.one_of(*strategies)

    def _lists(self, values: list[Literal]) -> Strategy:
        held = [value for value in values if isinstance(value, list)]
        items = [item for value in held for item in value]
        longest = min(SIZE_MAX, 2 * max(len(value) for value in held) + 2)
        element = self.like(items) if items else st.integers(-10, 10)
        free = st.lists(element, max_size=longest)
        strategies = [st.sampled_from(held), free, _edited_lists(held)]
        if all(in_order(value) for value in held):
            strategies.append(free.map(_sorted))
        if len({type(item) for item in items} & {list, int, float, str}) > 1 and any(
            isinstance(item, list) for item in items
        ):
            # Values beside lists: what nests once may nest deeper.
            strategies.append(st.lists(st.one_of(element, free), max_size=6))
        return st.one_of(*strategies)

    def _tuples(self, values: list[Literal]) -> Strategy:
        held = [value for value in values if isinstance(value, tuple)]
        lengths = {len(value) for value in held}
        seen = st.sampled_from(held)
        items = [item for value in held for item in value]
        longest = min(SIZE_MAX, 2 * max(lengths) + 2)
        alike = len({type(item) for item in items}) == 1
        strategies: list[Strategy] = [seen]
        if len(lengths) == 1 and max(lengths) <= SIZE_MAX:
            columns = [self.like([value[place] for value in held]) for place in range(max(lengths))]
            strategies.append(st.tuples(*columns))
        if items and (alike or len(lengths) > 1):
            strategies.append(st.lists(self.like(items), max_size=longest).map(tuple))
        return st.one_of(*strategies)

    def _dicts(self, values: list[Literal]) -> Strategy:
        held = [value for value in values if isinstance(value, dict)]
        keys = list(dict.fromkeys(key for value in held for key in value))
        if not keys:
            return st.just(dict[Literal, Literal]())
        every = self.like([item for value in held for item in value.values()])
        free = st.dictionaries(self.like(keys), every, max_size=2 * len(keys) + 1)
        record = st.fixed_dictionaries(
            {},
            optional={
                key: self.like([value[key] for value in held if key in value]) for key in keys
            },
        )
        return st.one_of(st.sampled_from(held), record, free)

    def _sets(self, values: list[Literal]) -> Strategy:
        held = [value for value in values if isinstance(value, set | frozenset)]
        items = [item for value in held for item in value]
        kind = type(held[0])
        return st.lists(self.like(items), max_size=SIZE_MAX).map(kind) if items else st.just(kind())


def _floats(values: Sequence[Literal]) -> Strategy:
    numbers = [value for value in values if isinstance(value, float)]
    largest = max([10.0, *(2 * abs(number) for number in numbers if abs(number) < 1e15)])
    # A power of two has a float of any width.
    most = 2.0 ** math.ceil(math.log2(largest))
    whole = st.integers(-int(most), int(most)).map(float)
    near = {number + step for number in numbers for step in (-0.5, 0.0, 0.5)} | {0.0}
    return st.one_of(
        st.sampled_from(sorted(near)),
        whole,
        st.floats(0, most, allow_nan=False, width=32),
        st.floats(-most, most, allow_nan=False),
    )


def _recased(drawn: tuple[str, int]) -> str:
    text, how = drawn
    return (text.upper(), text.title(), text.swapcase(), f" {text} ")[how]


def _edited_texts(values: Sequence[str]) -> SearchStrategy[str]:
    """Recorded texts with a piece taken out, doubled, moved or turned round."""
    drawn = st.tuples(st.sampled_from(list(values)), st.integers(0, 6), _PLACE, _PLACE)
    return drawn.map(lambda item: _cut(*item))


def _edited_lists(values: Sequence[list[Literal]]) -> SearchStrategy[list[Literal]]:
    drawn = st.tuples(st.sampled_from(list(values)), st.integers(0, 6), _PLACE, _PLACE)
    return drawn.map(lambda item: _cut(*item))


_PLACE: Final = st.integers(0, SIZE_MAX)


def _cut(value: Sliced, how: int, start: int, end: int) -> Sliced:
    start, end = sorted((start % (len(value) + 1), end % (len(value) + 1)))
    before, piece, after = value[:start], value[start:end], value[end:]
    variants = (
        before + after, piece, before + piece + piece + after, after + piece + before,
        before + piece[::-1] + after, value + value, before + value[:1] + after,
    )  # fmt: skip
    return variants[how % len(variants)]


def _sorted(value: list[Literal]) -> list[Literal]:
    try:
        return sorted(value)  # type: ignore[type-var]
    except TypeError:
        return value


# ---------------------------------------------------------------------------------------------
# Strategies from type hints.
# ---------------------------------------------------------------------------------------------

_LISTS: Final = frozenset({"list", "List", "Sequence", "Iterable", "Collection", "MutableSequence"})
_SETS: Final = frozenset({"set", "Set", "AbstractSet", "MutableSet"})
_MAPPINGS: Final = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_EXAMPLES: Final[Mapping[str, Literal]] = {
    "int": 0, "float": 0.0, "bool": True, "str": "Ab 1,", "bytes": b"", "None": None, "complex": 0j,
}  # fmt: skip


def hinted(hint: str, likeness: Likeness) -> Strategy | None:
    """Values of an annotation of built-in types, or None where it names anything else."""
    try:
        return _of_hint(parse_expression(hint), likeness)
    except (SyntaxError, RecursionError, ValueError):
        return None


def _of_hint(node: ast.expr, likeness: Likeness) -> Strategy | None:
    match node:
        case ast.Constant(value=None):
            return st.none()
        case ast.Constant(value=str() as quoted):
            return hinted(quoted, likeness)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _of_name(name, likeness)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either([_of_hint(left, likeness), _of_hint(right, likeness)])
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _of_generic(name, parts, likeness)
    return None


def _of_name(name: str, likeness: Likeness) -> Strategy | None:
    if name in _EXAMPLES:
        return likeness.like([_EXAMPLES[name]])
    if name in likeness.classes and likeness.depth < DEPTH_MAX:
        return made(name, likeness)
    if name in _LISTS:
        return st.lists(likeness.like([0]), max_size=8)
    if name in _MAPPINGS:
        return st.dictionaries(likeness.like(["a"]), likeness.like([0]), max_size=5)
    return None


def made(name: str, likeness: Likeness) -> Strategy | None:
    """Objects of a class of the project, made by its constructor from hints; None: it lacks one."""
    shape = likeness.classes[name]
    if shape.members:
        return st.sampled_from([Made(f"{name}.{member}") for member in shape.members])
    deeper = replace(likeness, depth=likeness.depth + 1)
    parts: dict[str, Strategy] = {}
    for field_name, hint, required in shape.fields:
        strategy = hinted(hint, deeper) if hint else None
        if strategy is not None:
            parts[field_name] = strategy
        elif required:
            return None

    def written(values: dict[str, Literal]) -> Literal:
        return Made(f"{name}({', '.join(f'{key}={value!r}' for key, value in values.items())})")

    return st.fixed_dictionaries(parts).map(written)


def _of_generic(name: str, parts: Sequence[ast.expr], likeness: Likeness) -> Strategy | None:
    if name == "Literal":
        return st.sampled_from([part.value for part in parts if isinstance(part, ast.Constant)])
    many = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is ...)]
    made = [_of_hint(part, likeness) for part in many]
    if name in {"Optional", "Union"}:
        return _either([*made, *([st.none()] if name == "Optional" else [])])
    known = [item for item in made if item is not None]
    if not known or len(known) < len(made):
        return None
    if name in _MAPPINGS and len(known) == 2:
        return st.dictionaries(known[0], known[1], max_size=5)
    if name in {"tuple", "Tuple"} and len(many) == len(parts):
        return st.tuples(*known)
    return _of_items(name, st.lists(known[0], max_size=8))


def _of_items(name: str, items: SearchStrategy[list[Literal]]) -> Strategy | None:
    if name in _LISTS:
        return items
    if name in _SETS:
        return items.map(set)
    return items.map(tuple) if name in {"tuple", "Tuple"} else None


def _either(made: Sequence[Strategy | None]) -> Strategy | None:
    known = [item for item in made if item is not None]
    return st.one_of(*known) if known and len(known) == len(made) else None
