"""A server on this machine that speaks as much of the Messages API as a replay needs.

Each case has an address of its own below the server's, and a script: what the model answered, in
order. A call for which nothing is left is answered with an error, so that no case passes on an
answer that was never given.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from trueup.evals.cases import Reply

CHARACTERS_PER_TOKEN: Final = 3
"""How tokens are counted for those who are told what a call took."""

Json = dict[str, Any]


class Speaker:
    """Answers with the replies of `script`. Use as a context manager."""

    def __init__(self) -> None:
        self._scripts: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.speaker = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def address(self, name: str, replies: tuple[Reply, ...]) -> str:
        """The base URL at which these are said."""
        with self._lock:
            self._scripts[name] = list(replies)
        return f"http://127.0.0.1:{self._http.server_address[1]}/{name}"

    def left(self, name: str) -> int:
        """How many replies nobody asked for."""
        with self._lock:
            return len(self._scripts[name])

    def next(self, name: str) -> Reply | None:
        with self._lock:
            script = self._scripts.get(name)
            return script.pop(0) if script else None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    speaker: Speaker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else every answer waits for a delayed acknowledgement.
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        name, _, route = self.path.strip("/").partition("/")
        if route.partition("?")[0] != "v1/messages":
            self._send(404, "application/json", b"{}")
            return
        reply = self.server.speaker.next(name)
        if reply is None:
            error = {"type": "invalid_request_error", "message": "no such call was recorded"}
            self._send(
                400, "application/json", json.dumps({"type": "error", "error": error}).encode()
            )
            return
        self._send(
            200, "text/event-stream; charset=utf-8", b"".join(_events(json.loads(raw), reply))
        )

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _events(body: Json, reply: Reply) -> Iterator[bytes]:
    """The server-sent events of a whole answer."""
    sent = len(json.dumps([body.get("system"), body["messages"]]))
    usage = {"input_tokens": sent // CHARACTERS_PER_TOKEN, "output_tokens": 1}
    message = {
        "id": "msg_replayed",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    yield _event("message_start", message=message)
    if reply.text:
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        delta = {"type": "text_delta", "text": reply.text}
        yield _event("content_block_delta", index=0, delta=delta)
        yield _event("content_block_stop", index=0)
    stop = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    written = {"output_tokens": max(1, len(reply.text) // CHARACTERS_PER_TOKEN)}
    yield _event("message_delta", delta=stop, usage=written)
    yield _event("message_stop")


def _event(name: str, **content: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **content})}\n\n".encode()
