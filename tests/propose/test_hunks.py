"""Minimal edits: they give the new text, and touch no more lines than differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.propose import hunks
from trueup.propose.hunks import (
    lines_of,
    minimal_edits,
    with_line_ends_of,
    with_line_feeds,
)
from trueup.snapshot import apply_edits

# Few distinct lines, so that texts have lines in common; every kind of line end, and characters
# that only other tools take for one.
LINES = st.lists(st.sampled_from(["a", "b", "", "\n", "\r\n", "\r", "\x0c", "\u2028", "é😀", " x"]))
TEXTS = LINES.map("".join)


def after_edits(before: str, after: str) -> str:
    edits = minimal_edits("m.py", before, after)
    return apply_edits(before, [(edit.span, edit.replacement) for edit in edits])


@given(TEXTS, TEXTS)
def test_edits_give_the_new_text(before: str, after: str) -> None:
    assert after_edits(before, after) == after


@given(TEXTS)
def test_no_difference_is_no_edit(text: str) -> None:
    assert minimal_edits("m.py", text, text) == ()
    assert "".join(lines_of(text)) == text


@given(TEXTS)
def test_line_ends_come_back(text: str) -> None:
    newline = "\r\n"
    assert with_line_ends_of(text, with_line_feeds(text), newline) == text


def test_only_the_changed_lines_are_touched() -> None:
    before = "a\nb\nc\nd\ne\n"
    edits = minimal_edits("m.py", before, "a\nB\nc\nd\nE\nf\n")
    assert [(before[e.span.start : e.span.end], e.replacement) for e in edits] == [
        ("b\n", "B\n"),
        ("e\n", "E\nf\n"),
    ]


def test_new_lines_take_the_line_end_and_old_ones_keep_theirs() -> None:
    before = "a\r\nb\nc\r\n"
    assert with_line_ends_of(before, "a\nnew\nb\nc\nd", "\r\n") == "a\r\nnew\r\nb\nc\r\nd"


def test_huge_differences_become_one_hunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunks, "HUNK_LINES_MAX", 2)
    before, after = "head\n1\nx\n2\ntail\n", "head\n3\nx\n4\ntail\n"
    (edit,) = minimal_edits("m.py", before, after)
    assert before[edit.span.start : edit.span.end] == "1\nx\n2\n"
    assert after_edits(before, after) == after
