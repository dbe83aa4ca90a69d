"""What an editor can show at the cursor: laws, and the cases that taught them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.lsp.inline import Ghost, ghost
from trueup.snapshot import Document, Edit, Span, apply_edits

PATH = "a.py"


def edit(start: int, end: int, text: str) -> Edit:
    return Edit(PATH, Span(start, end), text)


@pytest.mark.parametrize(
    ("text", "edits", "cursor", "expected"),
    [
        # An insertion, at the cursor and further on in its line.
        ("x = 1", (edit(5, 5, "\n"),), 5, Ghost(Span(5, 5), "\n")),
        ("zip(a, b)", (edit(8, 8, ", strict=False"),), 4, Ghost(Span(4, 8), "a, b, strict=False")),
        # Two insertions are one text.
        ("f(a)", (edit(0, 0, "await "), edit(4, 4, "  # ok")), 0,
         Ghost(Span(0, 4), "await f(a)  # ok")),
        # A replacement that contains what it replaces.
        ("a = b", (edit(4, 5, "(b)"),), 4, Ghost(Span(4, 5), "(b)")),
        # Something is taken away, or stands before the cursor, or on another line.
        ("import os", (edit(0, 9, ""),), 0, None),
        ("a == None", (edit(2, 4, "is"),), 2, None),
        ("x = 1", (edit(0, 0, "y = "),), 5, None),
        ("x\ny", (edit(3, 3, "z"),), 0, None),
        ("x", (Edit("b.py", Span(1, 1), "y"),), 1, None),
        ("x", (), 1, None),
    ],
)  # fmt: skip
def test_what_fits_at_the_cursor(
    text: str, edits: tuple[Edit, ...], cursor: int, expected: Ghost | None
) -> None:
    assert ghost(Document(PATH, text), edits, cursor) == expected


@given(st.data())
def test_what_is_shown_is_the_change_and_only_adds(data: st.DataObject) -> None:
    text = data.draw(st.text("ab\n", max_size=12))
    ends = data.draw(st.lists(st.integers(0, len(text)), max_size=4).map(sorted))
    pairs = zip(ends[::2], ends[1::2], strict=False)
    edits = tuple(edit(start, end, data.draw(st.text("abc", max_size=3))) for start, end in pairs)
    cursor = data.draw(st.integers(0, len(text)))
    try:
        whole = apply_edits(text, [(item.span, item.replacement) for item in edits])
    except ValueError:
        return
    made = ghost(Document(PATH, text), edits, cursor)
    if made is None:
        return
    assert apply_edits(text, [(made.span, made.text)]) == whole
    old = text[made.span.start : made.span.end]
    assert "\n" not in old
    assert made.span.start <= cursor <= made.span.end
    assert made.text.startswith(text[made.span.start : cursor])
    assert len(made.text) > len(old)
