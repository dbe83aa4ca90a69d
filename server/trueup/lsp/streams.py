"""The client's two pipes, each with a thread of its own.

A handler that takes long, or a client that does not read, must not keep the server from hearing
`exit`: so what comes is read, and what goes is written, beside the event loop. Knows messages as
`admission` decodes them, and no event loop.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from trueup.guards.redaction import RedactingFormatter
from trueup.lsp.admission import PARSE_ERROR, Call, Refusal, Reply, decoded
from trueup.lsp.framing import Frames, FramingLost

OUT_BYTES_MAX: Final = 64 * 1024 * 1024
"""What waits for a client that does not read."""
OUT_SECONDS: Final = 30.0
"""How long a client may take to read anything at all while something waits for it."""
LOG_BYTES_MAX: Final = 256 * 1024
"""What waits for whoever reads the log; more of it is dropped."""
IN_MESSAGES_MAX: Final = 1024
"""Messages that were read and not yet handled; the client waits when there are more."""
IN_BYTES_MAX: Final = 64 * 1024 * 1024
"""What they may hold together; one message alone may hold as much."""

# As much as a pipe takes without blocking once it says that it can be written to.
_CHUNK: Final = 4096


class End(NamedTuple):
    """Nothing more will be read. `answer` is the last thing to say to the client."""

    says: str
    answer: Refusal | None = None


Arrived = Call | Reply | Refusal | End


class Incoming:
    """Reads until there is nothing more, and hands on what was said."""

    def __init__(self, frames: Frames, deliver: Callable[[Arrived], None]) -> None:
        self._frames, self._deliver = frames, deliver
        self._sizes: deque[int] = deque()
        self._changed = threading.Condition()

    def start(self) -> None:
        threading.Thread(target=self._read, name="lsp-reader", daemon=True).start()

    def handled(self) -> None:
        """The first of the delivered messages takes no room any more."""
        with self._changed:
            if self._sizes:
                self._sizes.popleft()
            self._changed.notify()

    def _has_room(self, size: int) -> bool:
        few = len(self._sizes) < IN_MESSAGES_MAX
        return not self._sizes or (few and sum(self._sizes) + size <= IN_BYTES_MAX)

    def _read(self) -> None:
        ended = End("the client closed the connection")
        try:
            while (body := self._frames.next()) is not None:
                with self._changed:
                    self._changed.wait_for(partial(self._has_room, len(body)))
                    self._sizes.append(len(body))
                self._deliver(decoded(body))
        except FramingLost as lost:
            says = f"the messages cannot be told apart any more: {lost}"
            ended = End(says, Refusal(None, PARSE_ERROR, f"{says}; the server ends"))
        self._deliver(ended)


class Outgoing:
    """Writes in order, without making anyone wait; `lost` is told when the client does not read.

    One that `drops` throws away what has no room instead, and is never lost.
    """

    def __init__(
        self,
        sink: int,
        lost: Callable[[str], None],
        *,
        bytes_max: int = OUT_BYTES_MAX,
        seconds: float = OUT_SECONDS,
        drops: bool = False,
    ) -> None:
        self._sink, self._lost = sink, lost
        self._bytes_max, self._seconds, self._drops = bytes_max, seconds, drops
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._is_lost = False
        self._changed = threading.Condition()

    def start(self) -> None:
        threading.Thread(target=self._write, name="lsp-writer", daemon=True).start()

    def write(self, raw: bytes) -> None:
        with self._changed:
            room = self._bytes + len(raw) <= self._bytes_max
            if room and not self._is_lost:
                self._waiting.append(raw)
                self._bytes += len(raw)
                self._changed.notify_all()
        if not room and not self._drops:
            self._lose(f"{self._bytes_max} bytes wait for a client that does not read")

    def drain(self, seconds: float) -> None:
        """Wait until everything is written, or is not going to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes or self._is_lost, seconds)

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                raw = self._waiting.popleft()
            if not self._written(memoryview(raw)):
                return
            with self._changed:
                self._bytes -= len(raw)
                self._changed.notify_all()

    def _written(self, rest: memoryview) -> bool:
        seconds = None if self._drops else self._seconds
        while rest:
            try:
                if not select.select([], [self._sink], [], seconds)[1]:
                    self._lose(f"the client has not read anything for {self._seconds:g} s")
                    return False
                rest = rest[os.write(self._sink, rest[:_CHUNK]) :]
            except OSError:
                self._lose("the client is gone")
                return False
        return True

    def _lose(self, why: str) -> None:
        with self._changed:
            first, self._is_lost = not self._is_lost, True
            self._waiting.clear()
            self._changed.notify_all()
        if first:
            self._lost(why)


class LogToStream(logging.Handler):
    """The log, for an editor that shows it; one that does not read it must not stop the server."""

    def __init__(self, sink: int) -> None:
        super().__init__()
        self.setFormatter(RedactingFormatter("%(levelname)s %(name)s: %(message)s"))
        self._outgoing = Outgoing(sink, lambda _: None, bytes_max=LOG_BYTES_MAX, drops=True)
        self._outgoing.start()

    def emit(self, record: logging.LogRecord) -> None:
        self._outgoing.write(self.format(record).encode("utf-8", "backslashreplace") + b"\n")

    def drain(self, seconds: float) -> None:
        self._outgoing.drain(seconds)
