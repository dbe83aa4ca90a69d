"""A client that can say anything at all to a server process, well formed or not."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SERVE = (sys.executable, "-m", "trueup", "serve")
PROBE = (sys.executable, str(Path(__file__).parents[1] / "protocol" / "probe.py"))
"""The server with some methods more, for what only a handler can show."""

ANSWER_SECONDS = 30.0


class RawClient:
    """One server process. What it sent is kept until somebody waits for it."""

    def __init__(
        self, command: Sequence[str] = PROBE, *, environment: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment,
        )
        self.garbage = b""
        """What came between messages."""
        self.came: list[dict[str, Any]] = []
        self._bytes = b""
        self._last = 900_000

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def raw(self, raw: bytes) -> bool:
        """Whether the server takes it."""
        assert self.process.stdin is not None
        rest = memoryview(raw)
        try:
            while rest:
                rest = rest[os.write(self.process.stdin.fileno(), rest) :]
        except BrokenPipeError:
            return False
        return True

    def frame(self, body: bytes) -> bool:
        return self.raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def send(self, **fields: object) -> bool:
        return self.frame(json.dumps({"jsonrpc": "2.0", **fields}).encode())

    def tell(self, method: str, params: object) -> None:
        self.send(method=method, params=params)

    def ask(self, method: str, params: object = None) -> dict[str, Any]:
        self._last += 1
        self.send(id=self._last, method=method, params=params)
        return self.answer(self._last)

    def initialize(self, **params: object) -> dict[str, Any]:
        given = {"processId": None, "rootUri": None, "capabilities": {}, **params}
        answer = self.ask("initialize", given)
        self.tell("initialized", {})
        return answer

    def answer(self, identity: object, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """The answer to a request. Raises TimeoutError and EOFError."""
        until = time.monotonic() + seconds
        while True:
            for message in self.came:
                if "method" not in message and message.get("id") == identity:
                    self.came.remove(message)
                    return message
            self.came.append(self.message(until))

    def next_answer(self) -> dict[str, Any]:
        """The next message that answers something; those that tell something are kept."""
        until = time.monotonic() + ANSWER_SECONDS
        while "method" in (message := self.message(until)):
            self.came.append(message)
        return message

    def message(self, until: float) -> dict[str, Any]:
        """The next message. Raises TimeoutError and EOFError."""
        while True:
            head, found, rest = self._bytes.partition(b"\r\n\r\n")
            place = head.rfind(b"Content-Length: ")
            if found and place >= 0:
                length = int(head[place + 16 :])
                if len(rest) >= length:
                    self.garbage += head[:place]
                    self._bytes = rest[length:]
                    made: dict[str, Any] = json.loads(rest[:length])
                    return made
            self._bytes += self._more(until)

    def _more(self, until: float) -> bytes:
        assert self.process.stdout is not None
        left = max(0.0, until - time.monotonic())
        if not select.select([self.process.stdout], [], [], left)[0]:
            raise TimeoutError("the server did not answer")
        if more := os.read(self.process.stdout.fileno(), 1 << 20):
            return more
        raise EOFError("the server ended")

    def rest(self) -> list[dict[str, Any]]:
        """What came and nobody waited for, up to the end of the stream."""
        until = time.monotonic() + ANSWER_SECONDS
        try:
            while True:
                self.came.append(self.message(until))
        except EOFError:
            came, self.came = self.came, []
            return came

    def ping(self) -> None:
        """Raises where the server does not answer."""
        answer = self.ask("probe/echo", {"v": 1})
        assert answer["result"] == 1

    def memory(self) -> int:
        """The resident memory of the server, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
