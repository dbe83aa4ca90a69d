"""Outlines of broken and whole texts; a followed outline is the same as a fresh one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.snapshot import Span
from trueup.symbols import Outline

LINES = st.lists(
    st.sampled_from(
        [
            "class A:", "    def f(self):", "        return 1", "def g(é, x=1):", "    return '😀'",
            "@d", "    @d", "async def h():", '    """Doc."""', "'''", "(", ")", "    pass", "",
            "# comment", "if x:", "    def inner():", "else:", "x = 1 \\", "lambda: 1",
        ]
    ),
    max_size=10,
)  # fmt: skip
TEXTS = st.builds(lambda lines, end: end.join(lines), LINES, st.sampled_from(["\n", "\r\n"]))


@st.composite
def typing(draw: st.DrawFn) -> tuple[str, list[tuple[Span, str]]]:
    """A text and the edits that follow on each other."""
    text = start = draw(TEXTS)
    edits = []
    for _ in range(draw(st.integers(1, 4))):
        places = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        span, replacement = Span(*places), draw(TEXTS)
        edits.append((span, replacement))
        text = text[: span.start] + replacement + text[span.end :]
    return start, edits


@given(typing(), st.booleans())
def test_a_followed_outline_is_a_fresh_one(
    case: tuple[str, list[tuple[Span, str]]], looks: bool
) -> None:
    text, edits = case
    outline = Outline(text)
    assert tuple(outline) == tuple(Outline(text))
    for span, replacement in edits:
        text = text[: span.start] + replacement + text[span.end :]
        outline = outline.edited(text, span, replacement)
        if looks:
            assert tuple(outline) == tuple(Outline(text))
    assert tuple(outline) == tuple(Outline(text))


@given(TEXTS, st.data())
def test_everything_can_be_asked_anywhere(text: str, data: st.DataObject) -> None:
    outline = Outline(text)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    around = outline.enclosing(Span(start, end))
    assert around is None or around in outline.find(around.qualified)
    node = outline.node_span(Span(start, start))
    assert node == Span(start, start) or node.contains(Span(start, start))
    name = outline.identifier_at(start)
    assert name is None or text[name.start : name.end].isidentifier()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("def f(x):", ["f"]),
        ("class C:", ["C"]),
        ("class C:\n    def f(self):\n        return (\n\ndef g():\n    pass\n", ["C", "C.f"]),
        ("def f():\n    pass\n\ndef (:\n\ndef g():\n    pass\n", ["f", "g"]),
        ("@cache\ndef f():\n    def inner(): ...\n", ["f", "f.inner"]),
        ("if x:\n    def f(): ...\nelse:\n    def f(): ...\n", ["f", "f"]),
        ("def é():\n    pass\n", ["é"]),
    ],
)
def test_names_are_found_in_code_that_is_being_typed(text: str, names: list[str]) -> None:
    assert [symbol.qualified for symbol in Outline(text)][: len(names)] == names


def test_a_symbol_has_its_decorators_and_says_whether_it_is_documented() -> None:
    text = '# 😀\n@cache\ndef f(x):\n    """Doc."""\n    return x\n\n\ndef g(): ...\n'
    first, second = Outline(text)
    assert text[first.span.start : first.span.end].startswith("@cache\ndef f")
    assert text[first.name.start : first.name.end] == "f"
    assert text[first.body.start : first.body.end].startswith('"""Doc."""')
    assert (first.kind, first.documented) == ("function", True)
    assert (second.kind, second.documented) == ("function", False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class A:\n    def f(self):\n        $0return 1\n", "A.f"),
        ("class A:\n    x = $01\n\n    def f(self): ...\n", "A"),
        ("$0@cache\ndef f(): ...\n", "f"),
        ("x = $01\n", None),
        ("def f():\n    return 1$0\n", "f"),
        ("def f():\n    return '😀'$0", "f"),
        ("class A:\n    def f(self):\n        return 1$0\r\n\r\n    def g(self): ...\n", "A.f"),
        ("def f():\n    return 1\n$0", None),
        ("x = 1$0\n", None),
        ("def f():\n    return 1\n\n$0\ndef g(): ...\n", None),
    ],
)
def test_what_is_around_the_cursor(text: str, name: str | None) -> None:
    place = text.index("$0")
    found = Outline(text.replace("$0", "")).enclosing(Span(place, place))
    assert (found.qualified if found else None) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pri$0ce = 1", "price"),
        ("price$0 = 1", "price"),
        ("$0price = 1", "price"),
        ("price = $01", None),
        ("é = '😀'; pri$0ce", "price"),
        ("$0", None),
    ],
)
def test_the_identifier_at_the_cursor(text: str, expected: str | None) -> None:
    place, bare = text.index("$0"), text.replace("$0", "")
    found = Outline(bare).identifier_at(place)
    assert (bare[found.start : found.end] if found else None) == expected
