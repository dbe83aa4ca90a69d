"""Our values and the protocol's: positions, ranges, edits, paths.

A position of LSP is a line and a column in units of the negotiated encoding; ours is an offset in
characters. A column past the end of a line, or inside of a character, falls back to the nearest
place before it, as the protocol demands.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from lsprotocol import types

from trueup.snapshot import Document, Edit, Span

_WIDTH: Final = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_STRIDES: Final = (4096, 64, 1)
_UNIT: Final = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


class Codec:
    """Positions in one encoding ("utf-8", "utf-16" or "utf-32")."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding if encoding in _WIDTH else "utf-16"

    def units(self, text: str) -> int:
        """The length of `text` in columns of this encoding."""
        if text.isascii():
            return len(text)
        raw = text.encode(_WIDTH[self.encoding], "surrogatepass")
        return len(raw) // _UNIT[self.encoding]

    def offset(self, document: Document, position: types.Position) -> int:
        if position.line >= document.line_count:
            return len(document.text)
        span = document.line_span(position.line)
        line = document.text[span.start : span.end]
        if line.isascii() or self.encoding == "utf-32":
            return span.start + min(position.character, len(line))
        left, at = position.character, 0
        # In strides first: a line may be as long as a file.
        for stride in _STRIDES:
            while at < len(line) and (width := self.units(line[at : at + stride])) <= left:
                left, at = left - width, at + stride
        return span.start + min(at, len(line))

    def position(self, document: Document, offset: int) -> types.Position:
        line = document.line_at(offset)
        start = document.line_span(line).start
        return types.Position(line, self.units(document.text[start:offset]))

    def span(self, document: Document, area: types.Range) -> Span:
        start, end = self.offset(document, area.start), self.offset(document, area.end)
        return Span(min(start, end), max(start, end))

    def range(self, document: Document, span: Span) -> types.Range:
        return types.Range(self.position(document, span.start), self.position(document, span.end))

    def text_edits(self, document: Document, edits: tuple[Edit, ...]) -> list[types.TextEdit]:
        """The edits of this document, in the order of its text."""
        mine = sorted((edit for edit in edits if edit.path == document.path), key=_start)
        return [types.TextEdit(self.range(document, edit.span), edit.replacement) for edit in mine]


def _start(edit: Edit) -> Span:
    return edit.span


def path_of(uri: str) -> Path | None:
    """The file that a URI names, None where it does not name one on this machine."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    # A name on disk is bytes; those that are no UTF-8 come back as they were.
    path = unquote(parts.path, errors="surrogateescape")
    return Path(path) if path.startswith("/") and "\0" not in path else None


def uri_of(path: Path) -> str:
    return "file://" + quote(os.fsencode(path))


def plain(value: object) -> object:
    """What a message of ours holds, as JSON has it; pygls makes tuples with names of objects."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
