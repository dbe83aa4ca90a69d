"""Two states of a workspace as a unified diff, for people and for tools that read patches."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from trueup.snapshot import Document, Snapshot
from trueup.workspace import BYTES


def unified(before: Snapshot, after: Snapshot, paths: Iterable[str]) -> str:
    """The diff of those files, without a line end at its end; "" where nothing differs.

    A file that is in one of the snapshots alone is created or deleted. One that is no text is
    named, as `diff` does.
    """
    lines: list[str] = []
    for path in paths:
        old, new = before.get(path), after.get(path)
        if any(item is not None and item.encoding == BYTES for item in (old, new)):
            lines.append(f"Binary file {path} differs")
            continue
        lines += difflib.unified_diff(
            _lines(old),
            _lines(new),
            f"a/{path}" if old else "/dev/null",
            f"b/{path}" if new else "/dev/null",
            lineterm="",
        )
    return "\n".join(lines)


def _lines(document: Document | None) -> list[str]:
    return document.text.splitlines() if document else []
