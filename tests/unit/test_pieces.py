"""What differs between two versions of a function, piece by piece."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.verify.alterations import alterations
from trueup.verify.pieces import Piece, Use, pieces

TABLE = [
    # What is there on each side alone, and what is the same at another place.
    ("return f(a, b=b)", "return f(a)", ["b alone"], []),
    ("return f(a)", "return f(a, b)", [], ["b alone"]),
    ("return f(a, 1)", "return f(a, 2)", ["1 fixed"], ["2 fixed"]),
    ("return a.x", "return a.y", ["a.x"], ["a.y"]),
    ("return f(a)", "return g(a)", ["f fixed"], ["g fixed"]),
    ("return a + b", "return a - b", ["a + b"], ["a - b"]),
    ("return a[1:]", "return a[b:]", ["1 fixed"], ["b"]),
    ("return a[1:]", "return a[:]", ["1 fixed alone"], []),
    ("x = a\nreturn x", "return a", ["a", "x"], ["a"]),
    ("x = a\nreturn b", "return b", [], []),
    ("return f('k')", "k = 'k'\nreturn f(k)", [], ["f(k)"]),
    # Conditions.
    ("return 1 if a and b else 2", "return 1 if a else 2", ["b? alone"], []),
    ("return 1 if a else 2", "return 1 if a or b else 2", [], ["b? alone"]),
    ("if a < b:\n    return 1", "if a <= b:\n    return 1", ["a < b?"], ["a <= b?"]),
    ("return [x for x in a if x]", "return [x for x in a]", ["x? alone"], []),
    ("return a and b", "return a", ["b alone"], []),
    ("if not a:\n    return 1", "if a:\n    return 1", ["not a?"], ["a?"]),
    # What stands for what cannot be altered by itself.
    ("return f'{a} and'", "return f'{b} and'", ["f'{a} and'"], ["f'{b} and'"]),
    ("yield a", "yield b", ["a"], ["b"]),
    ("f(a)", "pass", ["a"], []),
    ("x: int = a\nreturn x", "x: str = a\nreturn x", [], []),
    ("'''One.'''\nreturn a", "'''Two.'''\nreturn a", [], []),
    ("return f(*a)", "return f(*b)", ["a"], ["b"]),
]


def _function(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"LIMIT = 1\n\n\ndef made(a, b):\n{lines}"


def _words(text: str, found: tuple[Piece, ...]) -> list[str]:
    return [
        text.encode()[item.start : item.end].decode()
        + "?" * (item.use is Use.TRUTH)
        + " fixed" * (item.use is Use.VALUE and not item.varies)
        + " alone" * item.alone
        for item in found
    ]


@pytest.mark.parametrize(("old", "new", "gone", "come"), TABLE)
def test_pieces(old: str, new: str, gone: list[str], come: list[str]) -> None:
    before, after = _function(old), _function(new)
    was, now = pieces(before, after, "made")
    assert (_words(before, was), _words(after, now)) == (gone, come)


BODIES = sorted({body for old, new, _, _ in TABLE for body in (old, new)})


@given(st.sampled_from(BODIES), st.sampled_from(BODIES), st.booleans())
def test_every_alteration_is_python_and_keeps_the_lines(old: str, new: str, many: bool) -> None:
    before, after = _function(old), _function(new)
    for text, side in zip((before, after), pieces(before, after, "made"), strict=True):
        for item in alterations(text, side, many_calls=many):
            ast.parse(item.text)
            assert item.text.count("\n") == text.count("\n")
