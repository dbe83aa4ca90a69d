"""Carrying a suggestion over text that the user typed elsewhere in the meantime.

Pure: it maps spans from the base text to the current one and refuses where the two changes meet.
What it returns is a new candidate, to be verified from the beginning on the new bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from difflib import SequenceMatcher

from trueup.lines import line_starts
from trueup.snapshot import Document, Edit, Span
from trueup.suggestion import Candidate
from trueup.symbols import Outline, Symbol


def rebased(candidate: Candidate, base: Document, current: Document) -> Candidate | None:
    """`candidate` with its edits of `base` moved to where they belong in `current`.

    None where the user changed a symbol that the candidate touches (or, at module level, a line).
    """
    changes = tuple(_changes(base.text, current.text))
    mine = [edit for edit in candidate.edits if edit.path == base.path]
    outline, outline_now = Outline(base.text), Outline(current.text)
    guarded = [_guarded(outline, base, edit.span) for edit in mine]
    if any(_meets(span, change) for span in guarded for change, _ in changes):
        return None
    moved = {id(edit): _moved(edit, changes) for edit in mine}
    for edit in mine:
        was = outline.enclosing(edit.span)
        now = outline_now.enclosing(moved[id(edit)].span)
        # A line typed right above or below may have become a part of it: a decorator, an `else`.
        if _said(was, base) != _said(now, current):
            return None
    return replace(candidate, edits=tuple(moved.get(id(edit), edit) for edit in candidate.edits))


def _changes(base: str, current: str) -> Iterable[tuple[Span, int]]:
    """Spans of `base` that the user replaced, with the growth of each in characters."""
    old, new = _lines(base), _lines(current)
    # autojunk would treat a line that occurs often as noise and move spans past it.
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    old_at, new_at = _offsets(old), _offsets(new)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            span = Span(old_at[i1], old_at[i2])
            yield span, (new_at[j2] - new_at[j1]) - (span.end - span.start)


def _lines(text: str) -> list[str]:
    starts = (*line_starts(text), len(text))
    return [text[start:end] for start, end in itertools.pairwise(starts)]


def _offsets(lines: list[str]) -> list[int]:
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    return offsets


def _guarded(outline: Outline, base: Document, span: Span) -> Span:
    symbol = outline.enclosing(span)
    if symbol is not None:
        return Span(min(symbol.span.start, span.start), max(symbol.span.end, span.end))
    last = max(span.start, span.end - 1)
    first, end = base.line_span(base.line_at(span.start)), base.line_span(base.line_at(last))
    return Span(min(first.start, span.start), max(end.end, span.end))


def _meets(guarded: Span, change: Span) -> bool:
    """Whether the user's change lies in the guarded text; typing right above or below does not."""
    if change.start == change.end:
        return guarded.start < change.start < guarded.end
    return change.start < guarded.end and guarded.start < change.end


def _said(symbol: Symbol | None, document: Document) -> str | None:
    return document.text[symbol.span.start : symbol.span.end] if symbol is not None else None


def _moved(edit: Edit, changes: tuple[tuple[Span, int], ...]) -> Edit:
    shift = sum(growth for change, growth in changes if change.end <= edit.span.start)
    return replace(edit, span=edit.span.shifted(shift))
