"""From two texts to the edits between them.

Proposers often end up with a whole new text. What is applied is the lines that differ, so that
comments, cursors and other people's edits elsewhere in the file stay where they are.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Sequence
from typing import Final

from trueup.lines import line_starts
from trueup.snapshot import Edit, Span

HUNK_LINES_MAX: Final = 4_000
"""Longest stretch between the first and the last difference that is compared line by line."""

_LINE_END: Final = re.compile(r"\r\n|\r")


def lines_of(text: str) -> list[str]:
    """The lines of `text` with their ends; `"".join` gives the text back.

    Not `str.splitlines`, which also splits at form feeds and at U+2028.
    """
    bounds = (*line_starts(text), len(text))
    return [text[start:end] for start, end in itertools.pairwise(bounds) if start < end]


def minimal_edits(path: str, before: str, after: str) -> tuple[Edit, ...]:
    """The edits of whole lines that turn `before` into `after`; none where both are the same."""
    old, new = lines_of(before), lines_of(after)
    offsets = list(itertools.accumulate(map(len, old), initial=0))
    edits = []
    for first, last, new_first, new_last in _hunks(old, new):
        span = Span(offsets[first], offsets[last])
        edits.append(Edit(path, span, "".join(new[new_first:new_last])))
    return tuple(edits)


def _hunks(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Where both differ, as (first, last, new first, new last) of half-open ranges of lines."""
    head = _common(old, new)
    shortest = min(len(old), len(new)) - head
    tail = min(_common(old[::-1], new[::-1]), shortest)
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if not old_middle and not new_middle:
        return []
    if max(len(old_middle), len(new_middle)) > HUNK_LINES_MAX:
        return [(head, len(old) - tail, head, len(new) - tail)]
    matcher = difflib.SequenceMatcher(None, old_middle, new_middle, autojunk=False)
    return [
        (head + first, head + last, head + new_first, head + new_last)
        for tag, first, last, new_first, new_last in matcher.get_opcodes()
        if tag != "equal"
    ]


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """How many items both begin with."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def with_line_feeds(text: str) -> str:
    """`text` with LF as its only line end: what models and rope work on."""
    return _LINE_END.sub("\n", text) if "\r" in text else text


def with_line_ends_of(before: str, after: str, newline: str) -> str:
    """`after` (LF only) with the line ends of `before`, and `newline` on the lines that are new."""
    if "\r" not in before:
        return after
    old, new = lines_of(before), lines_of(after)
    ends = [newline if line.endswith("\n") else "" for line in new]
    bare_old, bare_new = [line.rstrip("\r\n") for line in old], [line.rstrip("\n") for line in new]
    moved: list[tuple[int, int]] = []
    position = new_position = 0
    for first, last, new_first, new_last in _hunks(bare_old, bare_new):
        moved.extend(zip(range(position, first), range(new_position, new_first), strict=True))
        position, new_position = last, new_last
    moved.extend(zip(range(position, len(old)), range(new_position, len(new)), strict=True))
    for line, new_line in moved:
        end = old[line][len(bare_old[line]) :]
        # The last line may have gained or lost its end: then the new text decides.
        if end and ends[new_line]:
            ends[new_line] = end
    return "".join(line + end for line, end in zip(bare_new, ends, strict=True))
