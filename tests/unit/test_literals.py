"""Source of values: what is written is read back, and nothing is ever evaluated."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.verify.literals import Literal, read, write

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
)
KEYS = st.none() | st.booleans() | st.integers() | st.text()
VALUES: st.SearchStrategy[Literal] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Literal) -> None:
    again = read(write(value))
    assert again == value
    assert type(again) is type(value)


def test_complex_numbers_are_read_back() -> None:
    assert read("[(1+2j), -3j, (1-0.5j)]") == [1 + 2j, -3j, 1 - 0.5j]


def test_not_a_number_is_read_back_as_one() -> None:
    again = read("[nan, -inf]")
    assert isinstance(again, list)
    assert isinstance(again[0], float)
    assert math.isnan(again[0])
    assert again[1] == -math.inf


@pytest.mark.parametrize(
    "source",
    ["", "f()", "set([1])", "frozenset(x)", "a", "...", "1 +", "[*x]", "{**x}", "lambda: 1",
     "1 + 2", "-'a'", "__import__('os')", "{[]: 1}", "[" * 500],
)  # fmt: skip
def test_anything_else_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="not a literal"):
        read(source)
