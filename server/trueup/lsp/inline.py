"""A change as something that an editor can show at the cursor, before it is made.

Editors show text that is added, on the cursor's line. So a change fits where all of it is within
that line, and the old text is what is left of the new one when the additions are taken out.
Pure: texts and offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

from trueup.snapshot import Document, Edit, Span, apply_edits


@dataclass(frozen=True, slots=True)
class Ghost:
    """Replace `span`, which lies on one line and holds the cursor, by `text`."""

    span: Span
    text: str


def ghost(document: Document, edits: tuple[Edit, ...], cursor: int) -> Ghost | None:
    """`edits` as what would be shown at `cursor`, None where that cannot be shown."""
    if not edits or any(edit.path != document.path for edit in edits):
        return None
    start = min(cursor, *(edit.span.start for edit in edits))
    end = max(cursor, *(edit.span.end for edit in edits))
    if document.line_at(start) != document.line_at(end):
        return None
    old = document.text[start:end]
    new = apply_edits(old, [(edit.span.shifted(-start), edit.replacement) for edit in edits])
    # What stands before the cursor stays: the editor compares it with what was typed.
    if not new.startswith(old[: cursor - start]) or not _only_adds(old, new):
        return None
    return Ghost(Span(start, end), new)


def _only_adds(old: str, new: str) -> bool:
    left = iter(new)
    return len(new) > len(old) and all(character in left for character in old)
