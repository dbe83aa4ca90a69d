"""Lines and columns against a second implementation, and edits against a client that has its own.

The reference knows what LSP says of lines (LF, CRLF and CR end one) and encodes line by line; it
shares no code with what it judges.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from trueup.lsp.convert import Codec, path_of, uri_of
from trueup.lsp.documents import Buffers
from trueup.snapshot import Document, Span, apply_edits
from trueup.symbols import Outline

ENCODINGS = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
PIECES = (
    "a", "def f(x):", "    return x", "class C:", "# é", "\t", " ", "", "\n", "\r\n", "\r", "\x0c",
    "\u2028", "\x85", "\x1c", "é", "e\u0301", "漢", "😀", "👩\u200d💻", "'''", "\ufeff",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
CODECS = st.sampled_from(sorted(ENCODINGS))


def encoded(text: str, encoding: str) -> bytes:
    return codecs.encode(text, "utf-8" if encoding == "utf-8" else f"{encoding}-le")


def reference_lines(text: str) -> list[str]:
    """The lines without their ends; a text that ends with a line end has an empty last line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@dataclass
class Client:
    """An editor's model: a list of lines with their ends, each edit done on encoded columns."""

    text: str
    encoding: str

    def lines(self) -> list[str]:
        lines, rest = [], self.text
        for bare in reference_lines(self.text):
            end = "\r\n" if rest.startswith("\r\n", len(bare)) else rest[len(bare) : len(bare) + 1]
            lines.append(bare + end)
            rest = rest[len(bare) + len(end) :]
        return lines

    def offset(self, line: int, column: int) -> int:
        lines = self.lines()
        if line >= len(lines):
            return len(self.text)
        bare = lines[line].rstrip("\r\n")
        raw = encoded(bare, self.encoding)[: column * ENCODINGS[self.encoding]]
        name = "utf-8" if self.encoding == "utf-8" else f"{self.encoding}-le"
        # Half a character falls back to its beginning.
        return sum(map(len, lines[:line])) + len(raw.decode(name, "ignore"))

    def replace(self, area: types.Range, text: str) -> None:
        start = self.offset(area.start.line, area.start.character)
        end = self.offset(area.end.line, area.end.character)
        self.text = self.text[: min(start, end)] + text + self.text[max(start, end) :]


@given(TEXTS)
def test_lines_are_those_of_the_protocol(text: str) -> None:
    document, lines = Document("m.py", text), reference_lines(text)
    assert document.line_count == len(lines)
    spans = [document.line_span(number) for number in range(len(lines))]
    assert [text[span.start : span.end] for span in spans] == lines
    for number, span in enumerate(spans):
        for offset in (span.start, span.end):
            assert document.line_at(offset) == number
            assert document.offset(number, offset - span.start) == offset
        assert document.offset(number, 10_000) == span.end
    assert document.offset(len(lines), 0) == len(text)
    assert document.newline in {"\n", "\r\n", "\r"}


@given(TEXTS, CODECS, st.data())
def test_positions_agree_with_the_reference(text: str, encoding: str, data: st.DataObject) -> None:
    document, client, codec = Document("m.py", text), Client(text, encoding), Codec(encoding)
    line = data.draw(st.integers(0, document.line_count + 1))
    column = data.draw(st.integers(0, 40))
    assert codec.offset(document, types.Position(line, column)) == client.offset(line, column)


@given(TEXTS, CODECS)
def test_positions_come_back(text: str, encoding: str) -> None:
    document, codec = Document("m.py", text), Codec(encoding)
    for number in range(document.line_count):
        span = document.line_span(number)
        for offset in range(span.start, span.end + 1):
            position = codec.position(document, offset)
            assert position.line == number
            before = encoded(text[span.start : offset], encoding)
            assert position.character == len(before) // ENCODINGS[encoding]
            assert codec.offset(document, position) == offset


POSITIONS = st.builds(types.Position, st.integers(0, 14), st.integers(0, 12))
RANGES = st.lists(POSITIONS, min_size=2, max_size=2).map(lambda two: types.Range(*sorted(two)))
CHANGES = st.one_of(
    st.builds(types.TextDocumentContentChangePartial, RANGES, TEXTS),
    st.builds(types.TextDocumentContentChangeWholeDocument, TEXTS),
)


@given(TEXTS, CODECS, st.lists(st.lists(CHANGES, min_size=1, max_size=3), max_size=5))
def test_buffers_hold_what_the_editor_holds(
    text: str, encoding: str, batches: list[list[types.TextDocumentContentChangeEvent]]
) -> None:
    buffers, client, uri = Buffers(), Client(text, encoding), "file:///nowhere/m.py"
    buffers.codec = Codec(encoding)
    buffers.folders = (Path("/nowhere"),)
    buffers.open(types.TextDocumentItem(uri, "python", 1, text))
    for version, batch in enumerate(batches, 2):
        buffer = buffers.get(uri)
        assert buffer is not None
        # The tree is asked for in between, so that the next edit has one to follow.
        assert tuple(buffer.outline) is not None
        buffers.change(uri, version, batch)
        for change in batch:
            if isinstance(change, types.TextDocumentContentChangePartial):
                client.replace(change.range, change.text)
            else:
                client.text = change.text
        assert buffer.document.text == client.text
        assert buffer.document.version == version
        assert tuple(buffer.outline) == tuple(Outline(client.text))
    buffers.close(uri)
    assert buffers.get(uri) is None


@st.composite
def edits_of(draw: st.DrawFn, text: str) -> list[tuple[Span, str]]:
    """Spans that do not overlap, in any order; at most one insertion at a place."""
    marks = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = {Span(start, end) for start, end in zip(marks[::2], marks[1::2], strict=False)}
    return draw(st.permutations([(span, draw(st.sampled_from(PIECES))) for span in sorted(spans)]))


@given(TEXTS.flatmap(lambda text: st.tuples(st.just(text), edits_of(text))))
def test_edits_are_applied_as_one(case: tuple[str, list[tuple[Span, str]]]) -> None:
    text, edits = case
    result = apply_edits(text, edits)
    pieces, at = [], 0
    for span, replacement in sorted(edits):
        pieces += [text[at : span.start], replacement]
        at = span.end
    assert result == "".join([*pieces, text[at:]])
    assert apply_edits(text, reversed(edits)) == result
    assert apply_edits(text, []) == text


@pytest.mark.parametrize(
    "edits",
    [
        [(Span(0, 2), "x"), (Span(1, 3), "y")],
        [(Span(1, 1), "x"), (Span(1, 1), "y")],
        [(Span(0, 3), "x"), (Span(1, 1), "y")],
        [(Span(4, 5), "x")],
    ],
)
def test_edits_that_meet_or_lie_outside_are_refused(edits: list[tuple[Span, str]]) -> None:
    with pytest.raises(ValueError, match="edit"):
        apply_edits("abc", edits)


def test_neighbours_do_not_meet() -> None:
    assert apply_edits("abcd", [(Span(2, 3), ""), (Span(0, 2), "x"), (Span(2, 2), "-")]) == "x-d"


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (2, 1)])
def test_a_span_is_an_ordered_pair_of_offsets(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not a span"):
        Span(start, end)


SPANS = st.builds(lambda a, b: Span(min(a, b), max(a, b)), st.integers(0, 9), st.integers(0, 9))


@given(SPANS, SPANS)
def test_overlap_is_a_common_character(one: Span, other: Span) -> None:
    common = set(range(one.start, one.end)) & set(range(other.start, other.end))
    if one.start != one.end and other.start != other.end:
        assert one.overlaps(other) == bool(common)
    assert one.overlaps(other) == other.overlaps(one)


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "git:/a/b.py",
        "file://server/share/a.py",
        "file:///a%00b.py",
        "file://[a/b.py",
        "file:relative.py",
        "",
    ],
)
def test_a_uri_that_names_no_file_of_this_machine(uri: str) -> None:
    assert path_of(uri) is None


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw and b"/" not in raw))
def test_uris_come_back_whatever_a_file_is_called(raw: bytes) -> None:
    path = Path("/a", raw.decode("utf-8", "surrogateescape"))
    assert path_of(uri_of(path)) == path
