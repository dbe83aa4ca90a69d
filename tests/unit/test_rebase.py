"""A suggestion carried over typing: both orders give the same text, or it is refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trueup.rebase import rebased
from trueup.snapshot import Document, Edit, Snapshot, Span, apply_edits
from trueup.suggestion import Candidate
from trueup.symbols import Outline

BASE = "".join(f"def f{number}(x):\n    return x + {number}\n\n\n" for number in range(5))
TYPED = st.sampled_from(
    ["# note\n", "\n", "y = 1\n", "    return 2\n", "@cache\n", "é = '😀'\n", ""]
)


def of(text: str) -> Document:
    return Document("m.py", text)


def candidate(*edits: tuple[Span, str]) -> Candidate:
    return Candidate("change", tuple(Edit("m.py", *edit) for edit in edits), "test")


def applied(text: str, found: Candidate) -> str:
    return Snapshot.of("/", [of(text)]).edited(found.edits).documents["m.py"].text


@given(st.integers(0, 4), st.integers(0, 20), st.integers(0, 3), TYPED)
def test_disjoint_changes_commute_and_others_are_refused(
    touched: int, line: int, removed: int, typed: str
) -> None:
    """The user replaces whole lines; the candidate changes one function."""
    base = of(BASE)
    symbol = Outline(BASE).find(f"f{touched}")[0]
    place = BASE.index(f"x + {touched}")
    mine = (Span(place, place + len(f"x + {touched}")), f"{touched} + x")
    last = min(line + removed, base.line_count - 1)
    theirs = Span(base.offset(min(line, base.line_count - 1), 0), base.offset(last, 0))
    assume(BASE[theirs.start : theirs.end] != typed)
    current = apply_edits(BASE, [(theirs, typed)])
    found = rebased(candidate(mine), base, of(current))
    now = Outline(current).find(f"f{touched}")
    kept = (
        len(now) == 1
        and current[now[0].span.start : now[0].span.end]
        == (BASE[symbol.span.start : symbol.span.end])
    )
    if found is not None:
        assert kept
        assert applied(current, found) == apply_edits(BASE, [mine, (theirs, typed)])
    else:
        # Whole lines are compared, so a line that the function ends with may be one too many.
        assert not kept or theirs.overlaps(Span(symbol.span.start, symbol.span.end + 1))


@given(st.text(max_size=30))
def test_nothing_typed_is_nothing_moved(text: str) -> None:
    whole = candidate((Span(0, len(text)), "x = 1\n"))
    assert rebased(whole, of(text), of(text)) == whole


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f():\n    return 1\n", "@cache\ndef f():\n    return 1\n"),
        ("def f():\n    return 1\n", "def f():\n    return 1\n    return 2\n"),
        ("def f():\n    return 1\n", "def f():\n    return 3\n"),
        ("def f():\n    return 1\n", "class A:\n    def f():\n        return 1\n"),
        ("def f():\n    return 1\n", ""),
        ("x = 1\nreturn 1\n", "x = 1\nreturn 2\n"),
    ],
    ids=["decorated", "continued", "changed", "moved into a class", "gone", "module level"],
)
def test_a_change_of_the_touched_symbol_is_refused(before: str, after: str) -> None:
    place = before.index("return 1")
    mine = candidate((Span(place, place + len("return 1")), "return 0"))
    assert rebased(mine, of(before), of(after)) is None


@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        (
            "def f():\n    return 1\n",
            "import os\n\n\ndef f():\n    return 1\n\n\nx = 1\n",
            "import os\n\n\ndef f():\n    return 0\n\n\nx = 1\n",
        ),
        (
            "x = 1\nreturn 1\ny = 2\n",
            "x = 2\nreturn 1\ny = 3\n",
            "x = 2\nreturn 0\ny = 3\n",
        ),
        (
            "a\x0cb\u2028c\r\ndef f():\r\n    return 1\r\n",
            "def f():\r\n    return 1\r\n",
            "def f():\r\n    return 0\r\n",
        ),
    ],
    ids=["around a function", "around a line", "line ends"],
)
def test_a_change_elsewhere_moves_it(before: str, after: str, result: str) -> None:
    place = before.index("return 1")
    mine = candidate((Span(place, place + len("return 1")), "return 0"))
    found = rebased(mine, of(before), of(after))
    assert found is not None
    assert applied(after, found) == result


def test_edits_of_other_files_stay() -> None:
    other = Edit("other.py", Span(0, 1), "x")
    mine = Candidate("change", (other, Edit("m.py", Span(0, 5), "y = 2")), "test")
    found = rebased(mine, of("x = 1\n"), of("import os\nx = 1\n"))
    assert found is not None
    assert found.edits == (other, Edit("m.py", Span(10, 15), "y = 2"))
