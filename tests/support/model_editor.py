"""Editors as they are, in a few words each: good ones, hasty ones, and ones that lie.

It is a client of the real `Server`, in this process: requests reach it as JSON and are answered as
JSON, and what it holds is told to the server's buffers. Files that are not open it opens hidden,
edits and saves, as editors do that are to change a file.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lsprotocol import types

from trueup.lsp.admission import Call, Reply
from trueup.lsp.clients import Client
from trueup.lsp.convert import path_of, uri_of
from trueup.lsp.documents import Buffers
from trueup.lsp.protocol import Protocol
from trueup.lsp.transport import Server
from trueup.snapshot import Document, apply_edits


class Kind(StrEnum):
    GOOD = "good"
    RACY = "racy"
    """The user types after it has looked at versions and before it edits."""
    NEOVIM = "neovim"
    """Skips a stale first document and says that it applied it; edits stale ones behind that."""
    HALF = "half"
    """Applies the first document of an edit, and says that it applied all."""
    LIAR = "liar"
    """Says that it applied what it did not."""
    MUTE = "mute"
    """Never answers."""


@dataclass
class ModelEditor:
    """Its open buffers; every text that anybody but Trueup put somewhere is in `own`."""

    root: Path
    kind: Kind
    server: Server
    choice: str = ""
    """What it answers to a question that offers it."""
    open: dict[str, Document] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    typing: Callable[[str], str] = lambda text: f"# typed\n{text}"
    said: list[str] = field(default_factory=list)

    @property
    def protocol(self) -> Protocol:
        assert isinstance(self.server.protocol, Protocol)
        return self.server.protocol

    def connect(self) -> None:
        """Be the client of the server, which knows nothing yet."""
        self.server.buffers = Buffers()
        self.server.background.clear()
        each = self.kind is Kind.NEOVIM
        self.server.client = Client(versions=True, one_document_each=each)
        loop = asyncio.get_running_loop()
        self.server.post = lambda body: loop.call_soon(self._receive, json.loads(body)) and None
        params = {"processId": None, "rootUri": None, "capabilities": {}}
        fields = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        self.protocol.take(Call(1, "initialize", fields))
        self.server.buffers.folders = (self.root,)
        for path, document in self.open.items():
            self._told_open(path, document)

    # What the user does.

    def open_file(self, path: str) -> None:
        if path not in self.open and (self.root / path).is_file():
            text = (self.root / path).read_bytes().decode()
            self.open[path] = Document(path, text, 1)
            self._told_open(path, self.open[path])

    def type_in(self, path: str) -> None:
        """Type, in the buffer where there is one, else with another program on disk."""
        if path in self.open:
            self._hold(path, self.typing(self.open[path].text))
            self.own.add(self.open[path].text)
        elif (self.root / path).is_file():
            text = self.typing((self.root / path).read_bytes().decode())
            self.own.add(text)
            (self.root / path).write_bytes(text.encode())

    def close_file(self, path: str, *, saving: bool) -> None:
        document = self.open.pop(path, None)
        if document is not None:
            if saving:
                (self.root / path).write_bytes(document.to_bytes())
            self.server.buffers.close(uri_of(self.root / path))

    def text(self, path: str) -> str | None:
        """What the user sees."""
        if path in self.open:
            return self.open[path].text
        file = self.root / path
        return file.read_bytes().decode() if file.is_file() else None

    # What the server wants.

    def _receive(self, message: dict[str, Any]) -> None:
        method, identity = message.get("method"), message.get("id")
        if method == "window/showMessage":
            self.said.append(message["params"]["message"])
        if identity is None or method is None or self.kind is Kind.MUTE:
            return
        result: object = None
        if method == "workspace/applyEdit":
            result = {"applied": self._applied(message["params"]["edit"]["documentChanges"])}
        elif method == "window/showMessageRequest":
            offered = message["params"]["actions"]
            result = next((item for item in offered if item["title"] == self.choice), None)
        fields = {"jsonrpc": "2.0", "id": identity, "result": result}
        self.protocol.take(Reply(identity, fields))

    def _applied(self, changes: list[dict[str, Any]]) -> bool:
        if self.kind is Kind.LIAR:
            return True
        stale = [change for change in changes if not self._is_current(change["textDocument"])]
        if self.kind in {Kind.GOOD, Kind.RACY} and stale:
            return False
        if self.kind is Kind.RACY:
            self.type_in(self._path(changes[0]))
        for number, change in enumerate(changes):
            if self.kind is Kind.HALF and number:
                break
            if self.kind is Kind.NEOVIM and not number and change in stale:
                continue
            self._edit(change)
        return True

    def _is_current(self, item: dict[str, Any]) -> bool:
        document = self.open.get(self._inside(item["uri"]))
        return document is None or item["version"] in {None, document.version}

    def _edit(self, change: dict[str, Any]) -> None:
        path = self._path(change)
        hidden = path not in self.open
        held = self.text(path)
        if held is None:
            return
        document = Document(path, held)
        codec = self.server.buffers.codec
        edits = [
            (
                codec.span(
                    document,
                    types.Range(
                        types.Position(**item["range"]["start"]),
                        types.Position(**item["range"]["end"]),
                    ),
                ),
                item["newText"],
            )
            for item in change["edits"]
        ]
        text = apply_edits(held, edits)
        if hidden:
            (self.root / path).write_bytes(text.encode())
        else:
            self._hold(path, text)

    def _path(self, change: dict[str, Any]) -> str:
        return self._inside(change["textDocument"]["uri"])

    def _inside(self, uri: str) -> str:
        file = path_of(uri)
        assert file is not None
        return file.relative_to(self.root).as_posix()

    def _hold(self, path: str, text: str) -> None:
        version = (self.open[path].version or 0) + 1
        self.open[path] = Document(path, text, version)
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.server.buffers.change(uri_of(self.root / path), version, [whole])

    def _told_open(self, path: str, document: Document) -> None:
        uri, version = uri_of(self.root / path), document.version or 1
        item = types.TextDocumentItem(uri, "python", version, document.text)
        self.server.buffers.open(item)
