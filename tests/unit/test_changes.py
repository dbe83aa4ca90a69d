"""Changed statements and mutants, on programs that are put together from a grammar."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.verify.changes import changed_statements, same_code
from trueup.verify.mutants import mutants_of

SIMPLE = st.sampled_from(
    [
        "x = 1", "x = 'é😀' + y", "x += 2", "return x", "f(x, 1.5)", "raise ValueError(x)", "pass",
        "x = not y", "x = a and b", "x = a < b", "global z", "'a string'", "x: int",
        "x = [i for i in y if i > 0]", "x = f'{a + 1}'", "x = 'a' % b", "import os", "del x",
        "x = (1,\n     2)", "assert x == 3, 'no'", "x = lambda: 1", "x = -1", "x = a if b else c",
        "return", "return None", "x = y = 5", "x = 'a' 'b'", "x = b'\\x00'", "x = 1e999",
    ]
)  # fmt: skip
ONE_PLACE = (
    ast.expr, ast.operator, ast.cmpop, ast.boolop, ast.Return, ast.Expr, ast.Assign, ast.AugAssign,
    ast.Raise,
)  # fmt: skip
HEADERS = st.sampled_from(
    [
        ("if a > 1:",), ("if a:", "else:"), ("for i in y:",), ("while a:", "else:"),
        ("with a as b:",), ("try:", "except ValueError:", "finally:"), ("def g(x, y=2):",),
        ("class C:",), ("async def h():",), ("@d\n@e(1)\ndef k():",),
        ("if a:", "elif b is None:", "else:"),
    ]
)  # fmt: skip


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(inner, min_size=1, max_size=3).map("\n".join)
    return HEADERS.flatmap(
        lambda headers: st.tuples(*[block] * len(headers)).map(
            lambda blocks: "\n".join(
                f"{header}\n{textwrap.indent(body, '    ')}"
                for header, body in zip(headers, blocks, strict=True)
            )
        )
    )


STATEMENTS = st.recursive(SIMPLE, nested, max_leaves=6)
PROGRAMS = st.lists(STATEMENTS, max_size=3).map(
    lambda parts: (
        "def f(a, b, c, y):\n    '''Doc.'''\n"
        + textwrap.indent("\n".join(["a = b", *parts]), "    ")
        + "\n"
    )
)


@given(PROGRAMS, PROGRAMS)
def test_no_statement_changed_means_the_same_code(before: str, after: str) -> None:
    found = changed_statements(before, after)
    assert bool(found) == (not same_code(before, after))
    assert list(found) == sorted(found, key=lambda item: (item.first, item.last))
    assert all(item.runs for item in found)
    count = after.count("\n")
    assert all(1 <= item.first <= item.last <= count for item in found)


@given(PROGRAMS)
def test_formatting_comments_and_docstrings_are_no_change(program: str) -> None:
    other = program.replace("'''Doc.'''", "'''Something else.'''  # noted") + "\n# the end\n"
    assert same_code(program, other)
    assert changed_statements(program, other) == ()
    assert same_code(program, ast.unparse(ast.parse(program)).replace("'a' 'b'", "'ab'"))


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a()\nb()\n", "a()\nc()\n", [2]),
        ("a()\nb()\nc()\n", "a()\nc()\n", [2]),
        ("a()\nb()\n", "a()\n", [1]),
        ("if x:\n    a()\nb()\n", "a()\nb()\n", [1]),
        ("a()\n", "if x:\n    a()\n", [1]),
        ("if x:\n    a()\n    b()\nelse:\n    c()\n",
         "if x:\n    a()\nelse:\n    b()\n    c()\n", [4]),
        ("for x in y:\n    a()\n    b()\n", "for x in y:\n    a()\nb()\n", [3]),
        ("def f():\n    a()\n    b()\n\n\ndef g(): ...\n",
         "def f():\n    a()\n\n\ndef g(): ...\n", [2]),
        ("def f():\n    a()\n", "def f():\n    global z\n    a()\n", [3]),
        ("def f():\n    x: int\n", "def f():\n    x: str\n", [1]),
        ("try:\n    a()\nfinally:\n    b()\n",
         "try:\n    a()\n    b()\nfinally:\n    b()\n", [3, 5]),
        ("@a\ndef f():\n    pass\n", "@b\ndef f():\n    pass\n", [1]),
        ("match x:\n    case 1:\n        a()\n", "match x:\n    case 2:\n        a()\n", [2]),
        ("a()\n", "", []),
        ('"""Doc."""\n', "", []),
        ('def f():\n    """Doc."""\n', "def f(): ...\n", []),
    ],
)  # fmt: skip
def test_the_first_lines_of_what_changed(before: str, after: str, lines: list[int]) -> None:
    assert [item.first for item in changed_statements(before, after)] == lines


def test_what_does_not_parse_is_not_the_same() -> None:
    assert not same_code("x = (", "x = (")
    with pytest.raises(SyntaxError):
        changed_statements("x = 1\n", "x = (\n")


@given(PROGRAMS, st.integers(1, 20))
def test_mutants_parse_and_differ_in_one_place(program: str, most: int) -> None:
    statements = changed_statements("", program)
    made = mutants_of(program, statements, most)
    assert len(made) <= most
    assert made == mutants_of(program, statements, most)
    assert len({item.text for item in made}) == len(made)
    for item in made:
        assert item.text != program
        assert 1 <= item.line <= program.count("\n")
        assert isinstance(changed_node(ast.parse(program), ast.parse(item.text)), ONE_PLACE)


def changed_node(one: ast.AST, other: ast.AST) -> ast.AST:
    """The smallest node of `one` that holds everything in which the two trees differ."""
    ours, theirs = list(ast.iter_child_nodes(one)), list(ast.iter_child_nodes(other))
    if type(one) is type(other) and len(ours) == len(theirs):
        pairs = zip(ours, theirs, strict=True)
        differing = [pair for pair in pairs if ast.dump(pair[0]) != ast.dump(pair[1])]
        if len(differing) == 1:
            return changed_node(*differing[0])
    return one


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("return a < b", ["`return a < b` -> `return None`", "`a < b` -> `(a >= b)`"]),
        ("return None", []),
        ("x = 'é'", ["`x = 'é'` -> `x = None`", "`'é'` -> `('é?')`"]),
        ("f(a)", ["`f(a)` -> `pass`"]),
        ("x: int = 3", ["`3` -> `(4)`"]),
        ("'text'", []),
    ],
)
def test_what_mutants_there_are(line: str, says: list[str]) -> None:
    program = f"def f(a, b):\n    {line}\n"
    made = mutants_of(program, changed_statements("def f(a, b):\n    yield\n", program), 12)
    assert [item.says for item in made] == says


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_mutants_find_their_place_whatever_ends_a_line(end: str) -> None:
    program = end.join(["# é\x0c", "def f(a):", "    b = '😀\x0c'", "    return a + 1", ""])
    made = mutants_of(program, changed_statements("", program), 20)
    assert any(f"return (a - 1){end}" in item.text for item in made)
