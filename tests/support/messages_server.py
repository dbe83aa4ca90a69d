"""A loopback server that speaks as much of the Messages API as our tests need.

One thread per connection, so that faults (a reset, half a chunk, a tidy end too early) are made on
the real socket and share no event loop with the code under test. Requests are checked as the API
checks them; a script that has run out answers 500, so no test passes on a reply it did not plan.

    with MessagesServer(edits_reply("Double it", [...])) as server:
        settings = Settings(model=ModelSettings(base_url=server.url))
"""

from __future__ import annotations

import json
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

API_VERSION = "2026-10-21"
CHUNK_CHARACTERS = 16
MESSAGES = "/v1/messages"

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """A streamed answer, or the beginning of one.

    `cut_after` events the stream ends in the way of `cut`: "reset", "half" a chunk, or "tidy", as
    if it were complete. `error_after` events an `error` event of `error` comes. `hold_after`
    events nothing more comes until the client hangs up. `inject` are raw bytes before an event.
    """

    text: str = ""
    stop_reason: str = "end_turn"
    model: str | None = None
    thinking: str = ""
    input_tokens: int = 100
    output_tokens: int = 10
    cut_after: int | None = None
    cut: str = "tidy"
    error_after: int | None = None
    error: str = "overloaded_error"
    hold_after: int | None = None
    inject: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """An HTTP error, or none at all where `reset`."""

    status: int = 500
    type: str = ""
    message: str = "planned"
    headers: Mapping[str, str] = field(default_factory=dict)
    error_code: str = ""
    body: bytes | None = None
    reset: bool = False

    TYPES: ClassVar[Mapping[int, str]] = {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }


@dataclass
class Request:
    """One request as it came; `gone` is set when the client hangs up during a hold."""

    path: str
    headers: Mapping[str, str]
    body: Json
    raw: bytes = b""
    held: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)


Item = Reply | Fault | Callable[[Request], "Reply | Fault"]


def edits_reply(title: str, edits: Sequence[Mapping[str, object]], **options: Any) -> Reply:
    """A reply in the form that our prompt asks for. An edit needs `path` and `after`."""
    full = [{"symbol": None, "before": None, **edit} for edit in edits]
    answer = {"title": title, "explanation": "Because the test says so.", "edits": full}
    return Reply(json.dumps(answer), **options)


def complaint_about(body: Json) -> str | None:
    """What the API would say against this request, or None."""
    for key in ("model", "max_tokens", "messages"):
        if key not in body:
            return f"{key}: Field required"
    for key in ("temperature", "top_p", "top_k"):
        if key in body:
            return f"{key}: this parameter was removed in API version {API_VERSION}"
    messages = body["messages"]
    if not messages or messages[0].get("role") != "user" or messages[-1].get("role") != "user":
        return "messages: the conversation must begin and end with the user"
    for number, message in enumerate(messages):
        content = message.get("content")
        texts = (
            [content]
            if isinstance(content, str)
            else [block.get("text") for block in content or ()]
        )
        if not texts or not all(text and text.strip() for text in texts):
            return f"messages.{number}: text content blocks must be non-empty"
        if number and message["role"] == messages[number - 1]["role"]:
            return f"messages.{number}: roles must alternate"
    schema = (body.get("output_config") or {}).get("format")
    if schema is not None and schema.get("type") != "json_schema":
        return "output_config.format.type: Input should be 'json_schema'"
    return None


def events_of(body: Json, reply: Reply) -> Iterator[tuple[str, Json]]:
    """The server-sent events of a whole answer, each with its name."""
    message: Json = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": reply.model or body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": 1},
    }
    yield "message_start", {"message": message}
    blocks = [("text", reply.text)] if reply.text else []
    if reply.thinking:
        blocks.insert(0, ("thinking", reply.thinking))
    for index, (kind, text) in enumerate(blocks):
        empty = {"type": kind, kind: ""}
        if kind == "thinking":
            empty["signature"] = ""
        yield "content_block_start", {"index": index, "content_block": empty}
        for start in range(0, len(text), CHUNK_CHARACTERS):
            delta = {"type": f"{kind}_delta", kind: text[start : start + CHUNK_CHARACTERS]}
            yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    stop = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    usage = {"output_tokens": reply.output_tokens}
    yield "message_delta", {"delta": stop, "usage": usage}
    yield "message_stop", {}


class MessagesServer:
    """Answers each request with the next item of its script. Use as a context manager."""

    def __init__(
        self, *script: Item, structured: bool = True, caching: bool = True, path: str = MESSAGES
    ) -> None:
        self.structured, self.caching, self.path = structured, caching, path
        self.frames: Callable[[Json, Reply], Iterator[bytes]] | None = None
        """How an answer is framed where it is not by server-sent events."""
        self.requests: list[Request] = []
        self.arrived: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._script: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._always: Item | None = None
        self.enqueue(*script)
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def enqueue(self, *items: Item) -> None:
        for item in items:
            self._script.put(item)

    def always(self, item: Item) -> None:
        """Answer so once the script has run out."""
        self._always = item

    def next_item(self, request: Request) -> Reply | Fault:
        try:
            item = self._script.get_nowait()
        except queue.Empty:
            item = self._always or Fault(
                500, "script_exhausted", "no reply left", {"x-should-retry": "false"}
            )
        return item if isinstance(item, Reply | Fault) else item(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    # A connection that is held must not hold up the end of the test.
    block_on_close = False
    owner: MessagesServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for a delayed ACK
    server: _Http

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def do_POST(self) -> None:
        owner = self.server.owner
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, json.loads(raw), raw)
        owner.requests.append(request)
        owner.arrived.put(request)
        if owner.path != MESSAGES:
            # A cloud has the model's name in the address.
            request.body.setdefault("model", "claude-x")
        said = complaint_about(request.body)
        if self.path.partition("?")[0] != owner.path:
            self._fail(Fault(404, body=b"no such route"))
        elif said:
            self._fail(Fault(400, message=said))
        elif not owner.structured and "output_config" in request.body:
            self._fail(Fault(400, message="output_config: Extra inputs are not permitted"))
        elif not owner.caching and "cache_control" in request.body:
            self._fail(Fault(400, message="cache_control: Extra inputs are not permitted"))
        else:
            item = owner.next_item(request)
            if isinstance(item, Fault):
                self._fail(item)
            else:
                self._stream(request, item)

    def _fail(self, fault: Fault) -> None:
        if fault.reset:
            self._reset()
            return
        kind = fault.type or Fault.TYPES.get(fault.status, "api_error")
        error: Json = {"type": kind, "message": fault.message}
        if fault.error_code:
            error["details"] = {"error_code": fault.error_code}
        body = fault.body
        if body is None:
            body = json.dumps({"type": "error", "error": error}).encode()
        self.send_response(fault.status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, request: Request, reply: Reply) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if self.server.owner.frames is not None:
            for frame in self.server.owner.frames(request.body, reply):
                self._chunk(frame)
            self.wfile.write(b"0\r\n\r\n")
            return
        for number, (name, content) in enumerate(events_of(request.body, reply)):
            if number in reply.inject:
                self._chunk(reply.inject[number])
            if number == reply.hold_after:
                self._hold(request)
                return
            if number == reply.error_after:
                error = {"type": reply.error, "message": "planned"}
                self._event("error", {"error": error})
                break
            if number == reply.cut_after:
                self._cut(reply.cut)
                return
            self._event(name, content)
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, name: str, content: Json) -> None:
        self._chunk(f"event: {name}\ndata: {json.dumps({'type': name, **content})}\n\n".encode())

    def _chunk(self, raw: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        self.wfile.flush()

    def _hold(self, request: Request) -> None:
        request.held.set()
        self.close_connection = True
        try:
            while self.connection.recv(1024):
                pass
        except OSError:
            pass
        request.gone.set()

    def _cut(self, how: str) -> None:
        if how == "reset":
            self._reset()
        elif how == "half":
            self.wfile.write(b"40\r\nevent: content_block_delta\ndata: ")
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        """End the connection with RST."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Closes the file that was made of the socket too: the base class flushes it at the end.
        self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()
