"""Edits at random against a reference that counts every column by itself.

The reference is a list of lines, each a list of characters with their widths; it shares no code
with the server, and does not know what an encoding in Python is.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lsprotocol import types

from trueup.lsp.convert import Codec
from trueup.lsp.documents import Buffers
from trueup.snapshot import Document

PIECES = (
    "a", "xyz", "def f():", "    ", "\n", "\n", "\r\n", "\r", "\r\n\r\n", "\x0c", "\x0b", "\x1c",
    "\u2028", "\x85", "é", "e\u0301", "漢字", "😀", "👩\u200d💻", "\ufeff", "\ud800", "\udc00", "",
)  # fmt: skip
ROUND_EDITS = 200
URI = "file:///nowhere/m.py"


def width(character: str, encoding: str) -> int:
    point = ord(character)
    if encoding == "utf-32":
        return 1
    if encoding == "utf-16":
        return 2 if point > 0xFFFF else 1
    return 1 + (point > 0x7F) + (point > 0x7FF) + (point > 0xFFFF)


def lines(text: str) -> list[str]:
    """The lines with their ends, found character by character."""
    found, line, at = [], "", 0
    while at < len(text):
        end = "\r\n" if text[at : at + 2] == "\r\n" else text[at]
        line, at = line + end, at + len(end)
        if end in {"\n", "\r", "\r\n"}:
            found.append(line)
            line = ""
    return [*found, line]


def offset(text: str, position: types.Position, encoding: str) -> int:
    known = lines(text)
    if position.line >= len(known):
        return len(text)
    start = sum(map(len, known[: position.line]))
    left = position.character
    for count, character in enumerate(known[position.line]):
        if character in {"\n", "\r"}:
            return start + count
        left -= width(character, encoding)
        if left < 0:
            return start + count
    return start + len(known[position.line])


def one_round(chance: random.Random, encoding: str, edits: int) -> None:
    buffers = Buffers()
    buffers.codec, buffers.folders = Codec(encoding), (Path("/nowhere"),)
    # Enough lines for several blocks of the index of lines, now and then.
    text = "".join(chance.choices(PIECES, k=chance.choice((0, 10, 40))))
    if chance.random() < 0.05:
        text += "".join(chance.choices(("x = 1\n", "\r\n", "y\r"), k=1500))
    buffers.open(types.TextDocumentItem(URI, "python", 1, text))
    for version in range(2, edits + 2):
        count = text.count("\n") + text.count("\r") + 2
        first, second = (
            types.Position(chance.randrange(count), chance.choice((0, 1, 2, 3, 7, 50)))
            for _ in range(2)
        )
        if chance.random() < 0.7:
            second = types.Position(first.line, first.character + chance.choice((0, 0, 1, 4)))
        start, end = sorted((first, second))
        new = "".join(chance.choices(PIECES, k=chance.choice((0, 1, 3))))
        change = types.TextDocumentContentChangePartial(types.Range(start, end), new)
        buffer = buffers.change(URI, version, [change])
        text = text[: offset(text, start, encoding)] + new + text[offset(text, end, encoding) :]
        assert buffer is not None
        assert buffer.document.text == text
    known = lines(text)
    document = buffer.document
    assert document.line_count == len(known)
    fresh = Document("m.py", text)
    for line in range(0, len(known), max(1, len(known) // 20)):
        assert document.line_span(line) == fresh.line_span(line)
        assert document.line_at(document.line_span(line).start) == line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("edits", [pytest.param(1_000, id="few"), pytest.param(100_000, id="many")])
def test_random_edits_end_in_the_same_text(encoding: str, edits: int) -> None:
    chance = random.Random(f"{encoding} {edits}")  # noqa: S311 - a choice, not a secret
    for _ in range(edits // ROUND_EDITS):
        one_round(chance, encoding, ROUND_EDITS)
