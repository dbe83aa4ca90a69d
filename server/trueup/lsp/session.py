"""One session with a client, from its first message to the end of the process.

Messages are handled in the order in which they came, one a turn of the event loop, so that neither
a flood of them nor a slow answer starves what is under way; only a cancellation overtakes what has
not begun. However a session ends, the process is gone within EXIT_SECONDS: a thread that hangs, or
an event loop that is blocked, does not keep it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
from collections import deque
from typing import Final, NoReturn

from trueup.guards.redaction import log_to_stderr
from trueup.lsp.admission import (
    REQUEST_CANCELLED,
    Call,
    Dropped,
    Ended,
    Identity,
    Lifecycle,
    Refusal,
    Reply,
)
from trueup.lsp.framing import Frames, framed
from trueup.lsp.protocol import Protocol
from trueup.lsp.streams import Arrived, End, Incoming, LogToStream, Outgoing
from trueup.lsp.transport import Server
from trueup.operations.pulse import Pulse

EXIT_SECONDS: Final = 1.8
"""From the moment at which a session is over to the end of the process, whatever hangs."""
ENGINE_SECONDS: Final = 1.0
"""Of these, what the engine has to stop its jobs."""
DRAIN_SECONDS: Final = 0.3
"""Of these, what the client has to read the last answers."""
CANCEL: Final = "$/cancelRequest"
CANCELLED: Final = "cancelled"

log = logging.getLogger("trueup.lsp")


class Session:
    """What was said and not handled yet, and whether it is over."""

    def __init__(
        self, server: Server, frames: Frames, sink: int, lifecycle: Lifecycle, first: Call | None
    ) -> None:
        assert isinstance(server.protocol, Protocol)  # noqa: S101 - Server makes it so
        self._server, self._protocol, self._lifecycle = server, server.protocol, lifecycle
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[int] = self._loop.create_future()
        self._out = Outgoing(sink, lambda why: self._from_thread(End(why)))
        self._in = Incoming(frames, self._from_thread)
        self._waiting: deque[Arrived] = deque()
        self._queued: dict[Identity, bool] = {}
        """Requests that wait, and whether they were cancelled while they did."""
        self._silent = asyncio.Event()
        self._first = first

    async def run(self) -> int:
        """Talk until it is over; the exit code."""
        self._server.post = lambda body: self._out.write(framed(body))
        self._server.end = lambda says: self._from_thread(End(says))
        self._protocol.answered = self._answered
        self._out.start()
        if self._first is not None:
            self._protocol.answered_early = self._first.identity
            self._protocol.take(self._first)
        self._in.start()
        return await self._over

    def _from_thread(self, arrived: Arrived) -> None:
        """Hand on what came. Also where the loop is blocked, the end is the end."""
        if _is_last(arrived):
            threading.Thread(target=_exit_late, args=(self._lifecycle,), daemon=True).start()
        with contextlib.suppress(RuntimeError):
            # The loop is closed already: then the process is about to end.
            self._loop.call_soon_threadsafe(self._arrived, arrived)

    def _arrived(self, arrived: Arrived) -> None:
        if isinstance(arrived, Call):
            if arrived.identity is not None:
                self._queued[arrived.identity] = False
            elif arrived.method == CANCEL:
                self._withdraw(arrived)
        self._waiting.append(arrived)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._handle_next)

    def _withdraw(self, cancel: Call) -> None:
        params = cancel.fields.get("params")
        identity = params.get("id") if isinstance(params, dict) else None
        if isinstance(identity, int | str) and identity in self._queued:
            self._queued[identity] = True

    def _handle_next(self) -> None:
        try:
            self._handle(self._waiting.popleft())
        finally:
            self._in.handled()
            if self._waiting:
                self._loop.call_soon(self._handle_next)

    def _handle(self, message: Arrived) -> None:
        match message:
            case Refusal():
                self._protocol.refuse(message)
            case Reply():
                self._protocol.take(message)
            case Call():
                self._admit(message)
            case End(says, answer):
                log.warning("the session is over: %s", says)
                if answer is not None:
                    self._protocol.refuse(answer)
                self._end(self._lifecycle.exit_code)

    def _admit(self, call: Call) -> None:
        if call.identity is not None and self._queued.pop(call.identity, False):
            self._refuse(Refusal(call.identity, REQUEST_CANCELLED, CANCELLED))
            return
        match self._lifecycle.admits(call):
            case None:
                self._protocol.take(call)
            case Refusal() as refusal:
                self._refuse(refusal)
            case Dropped(says):
                log.info("dropped: %s", says)
            case Ended(code):
                self._end(code)

    def _refuse(self, refusal: Refusal) -> None:
        """Not as the protocol does: the id may be that of another request, which goes on."""
        self._server.post(json.dumps(refusal.message()).encode())

    def _end(self, code: int) -> None:
        if not self._over.done():
            self._over.set_result(code)

    def _answered(self, identity: Identity) -> None:
        self._lifecycle.answered(identity)
        if self._lifecycle.all_answered:
            self._silent.set()

    async def settle(self) -> None:
        """Wait for the answer to a `shutdown` that was followed by `exit` at once."""
        if self._lifecycle.ending and not self._lifecycle.all_answered:
            await self._silent.wait()

    def drain(self) -> None:
        self._out.drain(DRAIN_SECONDS)


def _is_last(arrived: Arrived) -> bool:
    is_exit = isinstance(arrived, Call) and arrived.method == "exit" and arrived.identity is None
    return is_exit or isinstance(arrived, End)


def _exit_late(lifecycle: Lifecycle) -> None:
    threading.Event().wait(EXIT_SECONDS)
    os._exit(lifecycle.exit_code)


def serve(
    server: Server, frames: Frames, sink: int, lifecycle: Lifecycle, first: Call | None
) -> NoReturn:
    """Talk to the client until it is done, and end the process.

    `first` is the `initialize` that was let in and answered already, None where it is yet to come.
    """
    told = LogToStream(2)
    log_to_stderr(handler=told)
    # pygls logs the texts of files with what it cannot handle; what matters of it is logged here.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    asyncio.run(_served(server, frames, sink, lifecycle, first, told))
    raise AssertionError("a session ends the process")


async def _served(
    server: Server,
    frames: Frames,
    sink: int,
    lifecycle: Lifecycle,
    first: Call | None,
    told: LogToStream,
) -> None:
    session = Session(server, frames, sink, lifecycle, first)
    pulse = Pulse()
    code = await session.run()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENGINE_SECONDS):
            await session.settle()
            await server.ready.close()
            await server.engine.close()
            if server.starts is not None:
                await asyncio.to_thread(server.starts.end)
    pulse.stop()
    session.drain()
    told.drain(DRAIN_SECONDS)
    sys.stderr.flush()
    # Threads of handlers do not keep the process; what they write, they write atomically.
    os._exit(code)
