"""Looking around the rarest word finds what looking everywhere finds, and no pattern is lost when
many are looked for at once.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json.decoder
import textwrap
import typing
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.memory.code import Code
from trueup.memory.patterns import in_order, pattern_problem, rule_of, span_of
from trueup.memory.rules import Pattern

MODULES: Final = (json.decoder, textwrap, argparse, inspect, typing)
PATTERNS: Final = tuple(
    Pattern(text)
    for text in (
        "isinstance($A, $B)", "$A.append($X)", "$X = None", "$A == $B", "return $X", "raise $E",
        "raise ValueError($$$A)", "def $F($$$A): $$$B", "class $C($$$B): $$$D", "self.$A = $B",
        "if $A: $$$B", "for $A in $B: $$$C", "$F($$$A, **$K)", "lambda $$$A: $B", "''.join($A)",
        "import re", "from $A import $B", "len($A)", "getattr($A, $B, $C)", "not $A in $B",
        "$A if $B else $C", "assert $A", "print($$$A)", "a.b.c.d($A)", "class Action: $$$A",
        "super().__init__($$$A)", "def __init__(self, $$$A): $$$B", "'%s'", "$A is None", "self",
        "class ArgumentParser($$$A): $$$B", "def get_type_hints($$$A): $$$B", "x0F", "yield $A",
    )
)  # fmt: skip
OTHERS: Final = (
    Pattern("", kind="class_definition"),
    Pattern("", kind="comment"),
    Pattern("try:\n    pass\nexcept: $$$A", selector="except_clause"),
    Pattern("@$A\ndef f(): ...", selector="decorator"),
)


def everywhere(code: Code, pattern: Pattern) -> tuple[object, ...]:
    asked: typing.Any = {"rule": rule_of(pattern)}
    return in_order(span_of(node) for node in code.root.find_all(asked))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_nothing_is_missed(module: ModuleType) -> None:
    assert module.__file__ is not None
    text = Path(module.__file__).read_text("utf-8")
    assert not any(map(pattern_problem, (*PATTERNS, *OTHERS)))
    one, all_at_once = Code("a.py", text), Code("a.py", text)
    all_at_once.look_for((*PATTERNS, *OTHERS))
    for pattern in (*PATTERNS, *OTHERS):
        expected = everywhere(one, pattern)
        assert one.spans(pattern) == expected, pattern
        assert all_at_once.spans(pattern) == expected, pattern


CALLS: Final = ("f({})", "g({}, {})", "f({}).h", "{} + {}", "[{}]", "self.f({})", "(not {})")


@given(st.recursive(st.sampled_from(["a", "b", "1", "é", "'f'", "self"]),
                    lambda inner: st.builds(
                        lambda shape, parts: shape.format(*parts),
                        st.sampled_from(CALLS), st.tuples(inner, inner),
                    ), max_leaves=40), st.integers(0, 40))  # fmt: skip
def test_nothing_is_missed_in_small_regions(expression: str, limit: int) -> None:
    text = f"class A:\n    def m(self):\n        x = {expression}\n        f(a)\n\n\n"
    text += f"y = {expression}\n"
    ast.parse(text)
    patterns = [Pattern(text) for text in ("f($A)", "g(a, $B)", "$A + b", "self.f($X)", "f(1)")]
    code, plain = Code("a.py", text, region_characters=limit, rare=1000), Code("a.py", text)
    code.look_for(patterns)
    for pattern in patterns:
        assert code.spans(pattern) == everywhere(plain, pattern)
