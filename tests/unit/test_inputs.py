"""Inputs that look like recorded ones: the same each time, honest about what they break."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.verify.classes import ClassShape, classes_of
from trueup.verify.examples import examples_of
from trueup.verify.inputs import Input, generated
from trueup.verify.likely import broken, invariants
from trueup.verify.literals import Literal, write
from trueup.verify.shrink import smaller
from trueup.verify.strategies import Likeness
from trueup.verify.targets import targets

RECORDED = ({"items": [1, 2, 3], "most": 3}, {"items": [2, 5], "most": 2})


@pytest.mark.parametrize("number", [1384043025.123456, -9.9e14, 5e-324, 1e308, 16.0])
def test_inputs_are_made_from_any_number(number: float) -> None:
    assert generated(({"moment": number},), {}, Likeness(), 5)


def test_inputs_keep_the_types_and_vary_the_values() -> None:
    made = generated(RECORDED, {}, Likeness(), 200)
    assert len(made) > 50
    for one in made:
        assert one.base in {0, 1}
        assert isinstance(one.values.get("items", []), list)
        assert type(one.values.get("most", 0)) is int
    assert any(one.values.get("items") == [] for one in made)


def test_inputs_are_the_same_each_time() -> None:
    once, again = (generated(RECORDED, {}, Likeness(), 100) for _ in range(2))
    assert [write(dict(one.values)) for one in once] == [write(dict(one.values)) for one in again]


def test_an_input_says_what_it_breaks() -> None:
    common = invariants(RECORDED)
    names = {name for name, _ in common}
    assert {"a length", "in order", "no negative number", "nothing empty"} <= names
    assert broken(common, {"items": [3, 1], "most": 2}) == {"in order"}
    assert "no negative number" in broken(common, {"items": [-1, 2], "most": 2})
    assert broken(common, {"items": [4, 7], "most": 2}) == frozenset()


def test_constants_of_the_code_are_tried() -> None:
    made = generated([{"kind": "blue"}], {}, Likeness(("silver", 40)), 200)
    assert any("silver" in str(one.values["kind"]) for one in made)
    numbers = generated([{"count": 1}], {}, Likeness(("silver", 40)), 200)
    assert {39, 40, 41} <= {one.values["count"] for one in numbers}


@pytest.mark.parametrize(
    ("hint", "kind"),
    [("int", int), ("list[int]", list), ("str | None", (str, type(None))), ("Optional[int]",
     (int, type(None))), ("dict[str, int]", dict), ("tuple[int, ...]", tuple), ("'float'", float),
     ("typing.Sequence[str]", list), ("set[int]", set), ("Literal['a', 'b']", str)],
)  # fmt: skip
def test_hints_make_inputs_where_nothing_was_recorded(hint: str, kind: type) -> None:
    made = generated([], {"value": hint}, Likeness(), 60)
    assert made
    assert all(one.base is None and isinstance(one.values["value"], kind) for one in made)


@pytest.mark.parametrize("hint", ["", "Order", "Callable[[], int]", "list[Order]", "1 +"])
def test_a_hint_that_says_too_little_makes_none(hint: str) -> None:
    assert generated([], {"value": hint}, Likeness(), 60) == ()


def test_objects_are_made_of_hinted_fields() -> None:
    shapes = classes_of(
        "from dataclasses import dataclass\nfrom enum import Enum\nfrom other import Thing\n"
        "class Kind(Enum):\n    A = 1\n    B = 2\n"
        "@dataclass\nclass Item:\n    name: str\n    kind: Kind = Kind.A\n"
        "class Cart:\n    def __init__(self, items: list[Item], *, limit: int = 3): ...\n",
        lambda module, _: "class Thing:\n    pass\n" if module == "other" else None,
    )
    assert shapes["Kind"].members == ("A", "B")
    assert shapes["Cart"].fields == (("items", "list[Item]", True), ("limit", "int", False))
    assert shapes["Thing"] == ClassShape()
    made = generated([], {"cart": "Cart"}, Likeness(classes=shapes), 40)
    texts = [write(one.values["cart"]) for one in made]
    assert all(text.startswith("Cart(") for text in texts)
    assert any("kind=Kind.B" in text for text in texts)


def test_examples_of_a_docstring_are_calls() -> None:
    (node,) = ast.parse(
        'def f(a, b=2):\n    """Adds.\n\n    >>> f(1)\n    3\n    >>> print(f(2, b=[1]))\n    x\n'
        '    >>> f(x)\n    1\n    """\n'
    ).body
    assert isinstance(node, ast.FunctionDef)
    assert examples_of(node) == ({"a": 1}, {"a": 2, "b": [1]})


VALUES = st.dictionaries(
    st.sampled_from("ab"),
    st.integers(-50, 50) | st.text(max_size=6) | st.lists(st.integers(-9, 9), max_size=5),
    min_size=1,
)


@given(VALUES)
def test_what_is_smaller_is_smaller(values: dict[str, Literal]) -> None:
    one = Input(None, values)
    found = smaller(one, 30)
    assert all(less.size < one.size and less.values.keys() == values.keys() for less in found)
    assert [less.size for less in found] == sorted(less.size for less in found)


BEFORE = """
import os
LIMIT = 3
UNUSED = 1

def plain(a, b=1):
    '''Text.'''
    return a + b

class Cart:
    size = 2

    def total(self, rate):
        return self.size * rate

    @property
    def label(self):
        return 'x'

def uses():
    return LIMIT
"""


@pytest.mark.parametrize(
    ("old", "new", "found", "left"),
    [
        ("return a + b", "return b + a", ["plain"], ""),
        ("'''Text.'''", "'''Other text.'''", [], ""),
        ("self.size * rate", "rate * self.size", ["Cart.total"], ""),
        ("LIMIT = 3", "LIMIT = 4", ["uses"], ""),
        ("size = 2", "size = 3", ["Cart.total"], ""),
        ("UNUSED = 1", "UNUSED = 2", [], "no function here uses UNUSED"),
        ("UNUSED = 1\n", "", [], ""),
        ("import os\n", "", [], ""),
        ("import os\n", "import os\nprint(1)\n", [], "`print(1)` is outside of functions"),
        ("def plain(a, b=1)", "def plain(a, b=1, c=2)", ["plain"], ""),
        ("def plain(a, b=1)", "def plain(a, c=1)", [], "the parameters of plain change"),
        ("def plain(a, b=1)", "def plain(a, b=1, *, c)", [], "the parameters of plain change"),
        ("return 'x'", "return str('x')", ["Cart.label"], ""),
        ("import os\n", "import os\nfrom m import *\n",
         ["plain", "Cart.total", "Cart.label", "uses"], ""),
    ],
)  # fmt: skip
def test_targets(old: str, new: str, found: list[str], left: str) -> None:
    answer = targets("m.py", BEFORE, BEFORE.replace(old, new))
    assert ([item.qualname for item in answer.found], answer.left) == (found, left)
