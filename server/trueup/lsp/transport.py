"""The server that handlers are given: what they share, and how anything reaches the client.

How messages come and go is the business of `session` and `protocol`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from trueup.engine.client import Engine
from trueup.lsp.changes import Changes
from trueup.lsp.contracts import Contracts
from trueup.lsp.documents import Buffer, Buffers
from trueup.lsp.parent import watch
from trueup.lsp.protocol import Protocol
from trueup.operations.starts import Starts, safe_because

log = logging.getLogger("trueup.lsp")


class Server(LanguageServer):
    """The language server with what its handlers share."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name, version, protocol_cls=Protocol)
        self.buffers = Buffers()
        self.contracts = Contracts(self)
        self.engine = Engine()
        self.changes = Changes(self)
        self.client_settings: dict[str, object] = {}
        self.can_ask = False
        self.one_document_each = False
        self.watches = False
        """Whether the client says when files change on disk."""
        self.starts: Starts | None = None
        self.safe = ""
        """Why this start is a safe one, as the user is told; "" where it is a usual one."""
        self.background: set[asyncio.Task[None]] = set()
        self.buffers.lost = self._lost
        self.post: Callable[[bytes], None] = lambda _: None
        """Sends the body of a message; a session says how."""
        self.end: Callable[[str], None] = lambda _: None
        """Ends the process, with a reason for the log; a session says how."""

    @property
    def can_create(self) -> bool:
        """Whether the client creates files as part of an edit."""
        folder = self.client_capabilities.workspace
        edit = folder.workspace_edit if folder is not None else None
        kinds = edit.resource_operations if edit is not None else None
        return types.ResourceOperationKind.Create in (kinds or ())

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics; else it is told."""
        asks = self.client_capabilities.text_document
        return asks is not None and asks.diagnostic is not None

    @property
    def repulls(self) -> bool:
        """Whether the client can be told to ask for diagnostics again."""
        folder = self.client_capabilities.workspace
        asks = folder.diagnostics if folder is not None else None
        return asks is not None and bool(asks.refresh_support)

    async def begin(self) -> None:
        """Note the start; one that comes after crashes does less, and says so."""
        self.starts = Starts(str(next(iter(self.buffers.folders), "")))
        self.safe = safe_because(await asyncio.to_thread(self.starts.begin))
        if self.safe:
            said = types.ShowMessageParams(types.MessageType.Warning, f"{self.safe}.")
            self.window_show_message(said)

    def _lost(self, buffer: Buffer) -> None:
        """The protocol knows no way to ask for a text, so the user is asked for a save, which
        brings it.
        """
        says = (
            f"The changes of {buffer.document.path} that the editor sent do not follow each other;"
            " Trueup leaves the file alone until it is saved or opened again."
        )
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, says))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what pygls could not handle; a popup for each would help nobody."""
        log.error("%s: %s", getattr(source, "__name__", source), error)

    def watch(self, parent: object) -> None:
        """End this process when the process that started it is gone."""
        watch(parent, lambda: self.end("the editor is gone"))
