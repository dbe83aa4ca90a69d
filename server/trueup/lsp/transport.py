"""The server that handlers are given: what they share, and how anything reaches the client.

How messages come and go is the business of `session` and `protocol`.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine

from attrs import evolve as replace
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from trueup.engine.client import Engine
from trueup.guards.plain import plain, visible
from trueup.lsp.changes import Changes
from trueup.lsp.clients import Client
from trueup.lsp.contracts import Contracts
from trueup.lsp.documents import Buffer, Buffers
from trueup.lsp.parent import watch
from trueup.lsp.protocol import Protocol
from trueup.lsp.ready import Ready
from trueup.lsp.reviews import Reviews
from trueup.lsp.searching import Searches
from trueup.lsp.status import Status
from trueup.operations.starts import Starts, safe_because
from trueup.settings import Limits

log = logging.getLogger("trueup.lsp")


class Server(LanguageServer):
    """The language server with what its handlers share."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name, version, protocol_cls=Protocol)
        self.buffers = Buffers()
        self.contracts = Contracts(self)
        self.reviews = Reviews(self)
        self.engine = Engine()
        self.searches = Searches(self._warn)
        self.changes = Changes(self)
        self.client_settings: dict[str, object] = {}
        self.status = Status(self)
        self.ready = Ready(self)
        self.trusted = True
        """False while the editor itself does not trust the workspace."""
        self.answer_seconds = Limits().answer_seconds
        self.can_ask = False
        self.client = Client()
        self.shows_evidence = False
        """Whether the client has a panel for pages; else they are documents and messages."""
        self.starts: Starts | None = None
        self.safe = ""
        """Why this start is a safe one, as the user is told; "" where it is a usual one."""
        self.background: set[asyncio.Task[None]] = set()
        self.buffers.lost = self._lost
        self.post: Callable[[bytes], None] = lambda _: None
        """Sends the body of a message; a session says how."""
        self.end: Callable[[str], None] = lambda _: None
        """Ends the process, with a reason for the log; a session says how."""

    def _warn(self, says: str) -> None:
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, says))

    def window_show_message(self, params: types.ShowMessageParams) -> None:
        """Show words: clients make links of some messages, and repositories write some of them."""
        super().window_show_message(replace(params, message=plain(params.message)))

    def window_log_message(self, params: types.LogMessageParams) -> None:
        super().window_log_message(replace(params, message=visible(params.message)))

    async def request(self, method: str, params: object) -> object:
        """What the client answers; None where it does not within `answer_seconds`.

        A question that nobody waits for any more is withdrawn.
        """
        assert isinstance(self.protocol, Protocol)  # noqa: S101 - see __init__
        identity = str(uuid.uuid4())
        if isinstance(params, types.ShowMessageRequestParams):
            params = replace(params, message=plain(params.message))
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
        self.ready.touched(buffer)
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

    def later(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Do it beside everything else, and keep hold of it until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task
