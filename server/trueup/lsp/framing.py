"""Bytes to messages and back: the headers of the protocol, and nothing of what they carry.

Headers say where a message ends. Once they cannot be believed there is no telling where the next
one begins, so nothing here guesses: FramingLost is the end of the stream. `boot` reads the first
message with this, so only the standard library is imported.
"""

from __future__ import annotations

import os
import re
import select
from typing import Final

HEADER_BYTES_MAX: Final = 8 * 1024
"""All headers of one message, with their ends."""
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
"""One message; the text of a file and what JSON makes of it must fit."""
FRAME_SECONDS: Final = 30.0
"""How long a message may stand still in its middle."""
READ_BYTES: Final = 1 << 18

_BLANK: Final = re.compile(rb"\n\r?\n")
_START: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,63}(?::|\Z)")
_NAME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]*")


class FramingLost(Exception):  # noqa: N818 - it is what happened, not what somebody did wrong
    """Where the next message begins is not known any more; `str` says why."""


class Frames:
    """The bodies of the messages that come from a file descriptor; one reader at a time."""

    def __init__(self, source: int, *, seconds: float = FRAME_SECONDS) -> None:
        self._source, self._seconds = source, seconds
        self._bytes = bytearray()

    def next(self) -> bytes | None:
        """The next body, once all of it is there; None at the end of the stream.

        Raises FramingLost. A stream that ends inside a message has ended.
        """
        while (ends := _BLANK.search(self._bytes, 0, HEADER_BYTES_MAX)) is None:
            if len(self._bytes) >= HEADER_BYTES_MAX:
                raise FramingLost(f"a header is longer than {HEADER_BYTES_MAX} bytes")
            if self._bytes and not _START.match(self._bytes):
                raise FramingLost(f"{bytes(self._bytes[:40])!r} is no header")
            if not self._more():
                return None
        wanted = ends.end() + content_length(bytes(self._bytes[: ends.start()]))
        while len(self._bytes) < wanted:
            if not self._more():
                return None
        body = bytes(self._bytes[ends.end() : wanted])
        del self._bytes[:wanted]
        return body

    def _more(self) -> bool:
        """Whether something came. Waits for ever between messages, and not inside of one."""
        if self._bytes and not select.select([self._source], [], [], self._seconds)[0]:
            raise FramingLost(f"a message stood still for {self._seconds:g} s before its end")
        try:
            raw = os.read(self._source, READ_BYTES)
        except OSError:
            return False
        self._bytes += raw
        return bool(raw)


def content_length(head: bytes) -> int:
    """The length that a block of header lines names. Raises FramingLost.

    Names are compared without case, and lines may end as they like: both occur, neither is unclear.
    """
    found = set()
    for line in head.splitlines():
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise FramingLost(f"{line[:40]!r} is no header")
        if name.lower() == b"content-length":
            digits = value.strip()
            if not re.fullmatch(rb"[0-9]{1,12}", digits):
                raise FramingLost(f"{digits[:40]!r} is no length")
            found.add(int(digits))
    if len(found) != 1:
        raise FramingLost("a message has no length" if not found else "a message has two lengths")
    length = found.pop()
    if length > FRAME_BYTES_MAX:
        raise FramingLost(f"a message of {length} bytes is over the limit of {FRAME_BYTES_MAX}")
    return length


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body
