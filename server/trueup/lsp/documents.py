"""Open buffers, exactly as the editor holds them.

A line ends where LSP says, which is not where `str.splitlines` says: with that, a form feed would
shift every later edit by a line. The syntax tree of a buffer follows its edits, so that asking what
is under the cursor costs what was typed, not what was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
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
        old = self.document
        new = old.text[: span.start] + text + old.text[span.end :]
        self.document = Document(old.path, new, version, old.encoding)
        if self._outline is not None:
            self._outline = self._outline.edited(new, span, text)


class Buffers:
    """Every open buffer, by URI."""

    def __init__(self) -> None:
        self.codec = Codec("utf-16")
        self.folders: tuple[Path, ...] = ()
        self._buffers: dict[str, Buffer] = {}
        self._recent: dict[str, Buffer] = {}
        self._changed: asyncio.Event = asyncio.Event()

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
        buffer = self._buffers.get(uri)
        if buffer is None:
            return None
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                span = self.codec.span(buffer.document, change.range)
            else:
                span = Span(0, len(buffer.document.text))
            buffer.replace(span, change.text, version)
        self._changed.set()
        self._changed = asyncio.Event()
        return buffer

    def close(self, uri: str) -> Buffer | None:
        self._recent.pop(uri, None)
        return self._buffers.pop(uri, None)

    def get(self, uri: str) -> Buffer | None:
        """The buffer that the user is in; those left the longest ago lose their outlines."""
        buffer = self._buffers.get(uri)
        if buffer is not None:
            self._recent.pop(uri, None)
            self._recent[uri] = buffer
            if len(self._recent) > OUTLINES_MAX:
                self._recent.pop(next(iter(self._recent))).forget_outline()
        return buffer

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
        opened = self._recent or self._buffers
        return opened[next(reversed(opened))] if opened else None

    @property
    def roots(self) -> tuple[str, ...]:
        """The workspaces of what is open, each once."""
        return tuple(dict.fromkeys(buffer.root for buffer in self._buffers.values()))

    async def next_change(self) -> None:
        """Wait until some buffer changes."""
        await self._changed.wait()
