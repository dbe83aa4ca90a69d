"""Open buffers, exactly as the editor holds them.

A line ends where LSP says, which is not where `str.splitlines` says: with that, a form feed would
shift every later edit by a line. The syntax tree of a buffer follows its edits, so that asking what
is under the cursor costs what was typed, not what was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lsprotocol import types

from trueup import workspace
from trueup.lsp.convert import Codec, path_of
from trueup.snapshot import Document, Span
from trueup.symbols import Outline

OUTLINES_MAX: Final = 8
"""Buffers whose syntax trees are kept: a tree takes twenty times the memory of its text."""


@dataclass
class Buffer:
    """An open document: its URI, the workspace it belongs to, its text and its outline."""

    uri: str
    root: str
    document: Document
    _outline: Outline | None = None

    @property
    def outline(self) -> Outline:
        if self._outline is None:
            self._outline = Outline(self.document.text)
        return self._outline

    def forget_outline(self) -> None:
        """Free its memory; who asks again waits for the whole text to be parsed."""
        self._outline = None

    def replace(self, span: Span, text: str, version: int | None) -> None:
        self.document = self.document.edited(span, text, version)
        if self._outline is not None:
            self._outline = self._outline.edited(self.document.text, span, text)


class Buffers:
    """Every open buffer, by URI."""

    def __init__(self) -> None:
        self.codec = Codec("utf-16")
        self.folders: tuple[Path, ...] = ()
        self._buffers: dict[str, Buffer] = {}
        self._recent: dict[str, Buffer] = {}
        self._last = ""
        self._changed: asyncio.Event = asyncio.Event()
        self._lost: set[str] = set()
        """Documents of which it is not known what the editor holds."""
        self.lost: Callable[[Buffer], None] = lambda _: None
        """Told once of each of them."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders of the workspace and of what else is open."""
        opened = (buffer.root for buffer in self._buffers.values())
        return tuple(dict.fromkeys([*map(str, self.folders), *opened]))

    def open(self, item: types.TextDocumentItem) -> Buffer | None:
        """Hold a document; one that is not a Python file of this machine is of no interest."""
        path = path_of(item.uri)
        if path is None or not (item.language_id == "python" or path.suffix in {".py", ".pyi"}):
            return None
        root = self._root(path)
        inside = workspace.relative(str(root), path)
        if inside is None:
            return None
        document = Document(inside, item.text, item.version)
        self._recent.pop(item.uri, None)
        self._last = item.uri
        self._lost.discard(item.uri)
        buffer = self._buffers[item.uri] = Buffer(item.uri, str(root), document)
        return buffer

    def _root(self, path: Path) -> Path:
        """The workspace folder that holds `path`, the innermost of several; else its project."""
        holding = [folder for folder in self.folders if path.is_relative_to(folder)]
        if holding:
            return max(holding, key=lambda folder: len(folder.parts))
        return workspace.root_of(path)

    def change(
        self, uri: str, version: int, changes: Sequence[types.TextDocumentContentChangeEvent]
    ) -> Buffer | None:
        """Follow an edit; None where there is nothing to follow it with.

        Versions may skip numbers, but neither stand still nor go back, and a range does not end
        before it begins: where they do, some change was lost or came twice, and what the editor
        holds is not known until it sends a whole text.
        """
        buffer = self._buffers.get(uri)
        if buffer is None:
            return None
        self._last = uri
        if isinstance(old := buffer.document.version, int) and version <= old:
            self._lose(buffer)
        for change in changes:
            if not isinstance(change, types.TextDocumentContentChangePartial):
                buffer.replace(Span(0, len(buffer.document.text)), change.text, version)
                self._lost.discard(uri)
            elif _ends_before_it_begins(change.range):
                self._lose(buffer)
            elif uri not in self._lost:
                span = self.codec.span(buffer.document, change.range)
                buffer.replace(span, change.text, version)
        self._wake()
        return None if uri in self._lost else buffer

    def saved(self, uri: str, text: str | None) -> Buffer | None:
        """Take the text that an editor saved: it is what the editor holds."""
        buffer = self._buffers.get(uri)
        if buffer is None:
            return None
        if text is not None and text != buffer.document.text:
            version = buffer.document.version
            buffer.replace(Span(0, len(buffer.document.text)), text, version)
            self._lost.discard(uri)
            self._wake()
        elif text is not None:
            self._lost.discard(uri)
        return None if uri in self._lost else buffer

    def _lose(self, buffer: Buffer) -> None:
        if buffer.uri not in self._lost:
            self._lost.add(buffer.uri)
            self.lost(buffer)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self, uri: str) -> Buffer | None:
        self._recent.pop(uri, None)
        self._lost.discard(uri)
        return self._buffers.pop(uri, None)

    def get(self, uri: str) -> Buffer | None:
        """The buffer that the user is in, None where its text is not known; those left the longest
        ago lose their outlines.
        """
        buffer = self._buffers.get(uri)
        if buffer is None or uri in self._lost:
            return None
        self._recent.pop(uri, None)
        self._recent[uri] = buffer
        self._last = uri
        if len(self._recent) > OUTLINES_MAX:
            self._recent.pop(next(iter(self._recent))).forget_outline()
        return buffer

    def knows(self, buffer: Buffer) -> bool:
        """Whether its text is what the editor holds."""
        return buffer.uri not in self._lost

    def at(self, root: str, path: str) -> Buffer | None:
        for buffer in self._buffers.values():
            if buffer.root == root and buffer.document.path == path:
                return buffer
        return None

    def under(self, root: str) -> Iterator[Buffer]:
        return (buffer for buffer in self._buffers.values() if buffer.root == root)

    @property
    def latest(self) -> Buffer | None:
        """The buffer that the user was in last, None where none is open."""
        last = self._buffers.get(self._last)
        return last or next(reversed(self._buffers.values()), None)

    async def next_change(self) -> None:
        """Wait until some buffer changes."""
        await self._changed.wait()


def _ends_before_it_begins(area: types.Range) -> bool:
    start, end = area.start, area.end
    return (end.line, end.character) < (start.line, start.character)
