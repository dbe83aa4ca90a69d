"""The workspace as it was at one moment.

A Snapshot never changes. Whoever holds one can parse it, check it and test it without asking
whether the user has typed since.

Invariant: nothing here reads the disk (`workspace` does). Offsets count characters; LSP's columns
stop at `lsp.convert`. Lines are those of `lines`; a form feed or U+2028 is an ordinary character.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from trueup.lines import LINE_END, Lines


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of characters in one document."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}:{self.end}")

    def overlaps(self, other: Span) -> bool:
        """Whether both touch a common character; an insertion overlaps what it is strictly in."""
        if self.start == self.end or other.start == other.end:
            return self.start < other.end and other.start < self.end
        return max(self.start, other.start) < min(self.end, other.end)

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def shifted(self, by: int) -> Span:
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text in `span` of the document at `path` by `replacement`."""

    path: str
    span: Span
    replacement: str


def digest(text: str) -> str:
    """Hex SHA-256 of the text; the identity that tickets and caches use."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Document:
    """One file's text.

    `path` is relative to the workspace root, with forward slashes. `version` is the editor's, or
    None where the file is not open. `encoding` is how the text becomes bytes again ("utf-8-sig"
    keeps a byte order mark).
    """

    path: str
    text: str
    version: int | None = None
    encoding: str = "utf-8"
    _known: Lines | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def _lines(self) -> Lines:
        if self._known is None:
            # Found when somebody asks, which is not an edit of the value.
            object.__setattr__(self, "_known", Lines.of(self.text))
        assert self._known is not None  # noqa: S101 - set above
        return self._known

    def edited(self, span: Span, replacement: str, version: int | None) -> Document:
        """The document with `span` replaced; what is known of its lines is kept."""
        text = "".join((self.text[: span.start], replacement, self.text[span.end :]))
        made = Document(self.path, text, version, self.encoding)
        if self._known is not None:
            growth = len(text) - len(self.text)
            known = self._known.edited(text, span.start, span.end, growth)
            object.__setattr__(made, "_known", known)
        return made

    @property
    def digest(self) -> str:
        return digest(self.text)

    @property
    def newline(self) -> str:
        """The line end that this file uses; that of its first line, LF when it has none."""
        match = LINE_END.search(self.text)
        return match.group() if match else "\n"

    @property
    def line_count(self) -> int:
        return self._lines.count

    def line_at(self, offset: int) -> int:
        """The 0-based line that holds the character at `offset`."""
        return self._lines.at(offset)

    def line_span(self, line: int) -> Span:
        """The characters of a 0-based line without its line end; clamped to the document."""
        lines = self._lines
        line = max(0, min(line, lines.count - 1))
        start = lines.start(line)
        end = lines.start(line + 1) if line + 1 < lines.count else len(self.text)
        return Span(start, start + len(self.text[start:end].rstrip("\r\n")))

    def offset(self, line: int, column: int) -> int:
        """The offset of a 0-based line and a column in characters, clamped to that line."""
        if line >= self.line_count:
            return len(self.text)
        span = self.line_span(line)
        return min(span.start + max(0, column), span.end)

    def to_bytes(self) -> bytes:
        """The bytes on disk. Raises UnicodeEncodeError where its own encoding cannot hold them."""
        return self.text.encode(self.encoding)


def apply_edits(text: str, edits: Iterable[tuple[Span, str]]) -> str:
    """`text` with every span replaced. Raises ValueError when spans overlap or lie outside."""
    ordered = sorted(edits, key=lambda edit: edit[0])
    for (left, _), (right, _) in itertools.pairwise(ordered):
        if left.end > right.start or left == right:
            raise ValueError("edits overlap")
    if ordered and ordered[-1][0].end > len(text):
        raise ValueError("an edit lies outside the document")
    # Last edit first, so that earlier spans stay valid.
    for span, replacement in reversed(ordered):
        text = text[: span.start] + replacement + text[span.end :]
    return text


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Documents by path under one root (an absolute path). Holds what a job looked at, not the
    whole disk.
    """

    root: str
    documents: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, root: str, documents: Iterable[Document]) -> Snapshot:
        return cls(root, MappingProxyType({document.path: document for document in documents}))

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents.values())

    def get(self, path: str) -> Document | None:
        return self.documents.get(path)

    def having(self, *documents: Document) -> Snapshot:
        """This snapshot with `documents` added or replaced."""
        return Snapshot.of(self.root, (*self, *documents))

    def edited(self, edits: Iterable[Edit], deletes: Iterable[str] = ()) -> Snapshot:
        """The workspace after `edits`; an edit of an unknown path creates that file.

        Raises ValueError as `apply_edits` does.
        """
        by_path: dict[str, list[tuple[Span, str]]] = {}
        for edit in edits:
            by_path.setdefault(edit.path, []).append((edit.span, edit.replacement))
        after = dict(self.documents)
        for path, changes in by_path.items():
            base = after.get(path) or Document(path, "")
            after[path] = replace(base, text=apply_edits(base.text, changes))
        for path in deletes:
            after.pop(path, None)
        return Snapshot(self.root, MappingProxyType(after))
