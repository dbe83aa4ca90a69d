"""What we do differently from pygls at the wire: documents, commands, the end of the process.

pygls splits lines as Python strings do and not as LSP does, so buffers are ours. It runs a command
where cancelling the request does not reach it, so commands are ours. And a server must not outlive
its editor, whether that says `exit` or is killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import uuid
from collections.abc import Coroutine
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from trueup.engine.client import Engine
from trueup.lsp.clients import Client
from trueup.lsp.contracts import Contracts
from trueup.lsp.documents import Buffers
from trueup.lsp.searching import Searches
from trueup.lsp.status import Status
from trueup.settings import Limits

PARENT_SECONDS: Final = 2.0
"""How often it is looked whether the editor still lives."""

log = logging.getLogger("trueup.lsp")


class Server(LanguageServer):
    """The language server with what its handlers share."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name, version, protocol_cls=Protocol)
        self.buffers = Buffers()
        self.contracts = Contracts(self)
        self.engine = Engine()
        self.searches = Searches(self._warn)
        self.client_settings: dict[str, object] = {}
        self.status = Status(self)
        self.trusted = True
        """False while the editor itself does not trust the workspace."""
        self.answer_seconds = Limits().answer_seconds
        self.can_ask = False
        self.client = Client()
        self.shows_evidence = False
        """Whether the client has a panel for pages; else they are documents and messages."""
        self.background: set[asyncio.Task[None]] = set()

    def _warn(self, says: str) -> None:
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, says))

    async def request(self, method: str, params: object) -> object:
        """What the client answers; None where it does not within `answer_seconds`.

        A question that nobody waits for any more is withdrawn.
        """
        assert isinstance(self.protocol, Protocol)  # noqa: S101 - see __init__
        identity = str(uuid.uuid4())
        try:
            async with asyncio.timeout(self.answer_seconds):
                answer: object = await self.protocol.send_request_async(method, params, identity)
                return answer
        except TimeoutError:
            self.protocol.withdraw(identity)
            return None
        except asyncio.CancelledError:
            self.protocol.withdraw(identity)
            raise

    @property
    def ended_properly(self) -> bool:
        """Whether `shutdown` came before the end, which decides the exit code."""
        return isinstance(self.protocol, Protocol) and self.protocol.ended_properly

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what pygls could not handle; a popup for each would help nobody."""
        log.error("%s: %s", getattr(source, "__name__", source), error)

    def watch(self, parent: int | None) -> None:
        """End this process when the process that started it is gone."""
        if parent is not None:
            self.later(_end_without(parent))

    def later(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Do it beside everything else, and keep hold of it until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task


class Protocol(LanguageServerProtocol):
    """Document synchronisation and commands, in place of those of pygls."""

    _server: Server

    @property
    def ended_properly(self) -> bool:
        """Whether `shutdown` came before the end, which decides the exit code."""
        return self._shutdown

    def withdraw(self, identity: str) -> None:
        """Tell the client that a request needs no answer any more; a late one is ignored."""
        self._request_futures.pop(identity, None)
        self._result_types.pop(identity, None)
        self.notify(types.CANCEL_REQUEST, types.CancelParams(identity))

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        buffer = self._server.buffers.open(params.text_document)
        if buffer is not None:
            self._server.contracts.opened(buffer)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        buffer = self._server.buffers.change(document.uri, document.version, params.content_changes)
        if buffer is not None:
            self._server.contracts.changed(buffer)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        buffer = self._server.buffers.close(params.text_document.uri)
        if buffer is not None:
            self._server.contracts.closed(buffer)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override] # a task can be cancelled
        self, params: types.ExecuteCommandParams
    ) -> object:
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"there is no command called {params.command}")
        return await command(*(params.arguments or ()))


async def _end_without(parent: int) -> None:
    while _alive(parent):  # noqa: ASYNC110 - the kernel raises no event for a parent that died
        await asyncio.sleep(PARENT_SECONDS)
    log.warning("the editor is gone")
    os.kill(os.getpid(), signal.SIGTERM)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
