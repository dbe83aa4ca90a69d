"""Answers `initialize` before anything heavy is imported.

The protocol's types alone take a quarter of a second to import. So the first message is read and
answered with the standard library only, from capabilities that are always the same; then the server
is imported, and handed that message again, and its own answer to it is dropped. A test compares
the two answers.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import BinaryIO, Final

from trueup import __version__

ENCODINGS: Final = ("utf-8", "utf-16", "utf-32")
HEADER_BYTES_MAX: Final = 8 * 1024
FIRST_MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024

CAPABILITIES: Final[dict[str, object]] = {
    "textDocumentSync": {"openClose": True, "change": 2, "save": True},
    "codeActionProvider": {
        "codeActionKinds": [
            "quickfix",
            "refactor.extract",
            "refactor.inline",
            "refactor.move",
            "refactor.rewrite",
            "source.fixAll.trueup",
            "source.unsafeFixes.trueup",
            "source.decision.trueup",
        ],
        "resolveProvider": False,
    },
    "hoverProvider": True,
    "codeLensProvider": {"resolveProvider": False},
    "workspaceSymbolProvider": {"resolveProvider": False},
    "diagnosticProvider": {
        "identifier": "trueup",
        "interFileDependencies": True,
        "workspaceDiagnostics": False,
    },
    "executeCommandProvider": {
        "commands": ["trueup.run", "trueup.contract", "trueup.decision", "trueup.verify"]
    },
    "workspace": {
        "workspaceFolders": {"supported": True, "changeNotifications": True},
        "fileOperations": {},
    },
}


def capabilities(encoding: str, *, prepares_rename: bool) -> dict[str, object]:
    """What the server can do, for a client whose positions count in `encoding`.

    Only a client that `prepares_rename` may be told that it can ask whether there is a name.
    """
    rename = {"prepareProvider": True} if prepares_rename else True
    return {"positionEncoding": encoding, "renameProvider": rename, **CAPABILITIES}


def serve() -> int:
    """Run the server on stdin and stdout until the client is done; the exit code."""
    source, sink = _private_streams()
    first = _read_message(source)
    if first is None:
        return 1
    head, message = first
    if message.get("method") == "initialize" and "id" in message:
        _write(sink, {"jsonrpc": "2.0", "id": message["id"], "result": _result(message)})
        out: BinaryIO = _WithoutAnswer(sink, message["id"])  # type: ignore[assignment]
    else:
        # Not what a client starts with; the server itself says so.
        out = sink
    # Collecting garbage while modules are imported is a tenth of the time and finds none.
    gc.disable()
    from trueup.lsp.server import server  # noqa: PLC0415

    gc.enable()
    gc.freeze()
    server.start_io(_Replayed(head, source), out)  # type: ignore[arg-type]
    return 0 if server.ended_properly else 1


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The client's pipes, for the protocol alone: what prints, prints to stderr."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return source, sink


def _read_message(source: BinaryIO) -> tuple[bytes, dict[str, object]] | None:
    """The bytes of one message and the message; None where it is not one."""
    raw, length = b"", 0
    while (line := source.readline(HEADER_BYTES_MAX)).strip():
        raw += line
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
    if not 0 < length <= FIRST_MESSAGE_BYTES_MAX:
        return None
    body = source.read(length)
    try:
        message = json.loads(body)
    except ValueError:
        return None
    framed = b"Content-Length: %d\r\n\r\n" % length + body
    return (framed, message) if isinstance(message, dict) else None


def _result(message: dict[str, object]) -> dict[str, object]:
    client = _at(message, "params", "capabilities")
    prepares = _at(client, "textDocument", "rename", "prepareSupport") is True
    return {
        "capabilities": capabilities(_encoding(client), prepares_rename=prepares),
        "serverInfo": {"name": "trueup", "version": __version__},
    }


def _encoding(client: object) -> str:
    """The first of the client's encodings that is one, UTF-16 where it names none."""
    offered = _at(client, "general", "positionEncodings")
    names = offered if isinstance(offered, list) else []
    return next((item for item in names if item in ENCODINGS), "utf-16")


def _at(value: object, *keys: str) -> object:
    """What nested objects hold under `keys`, None where they do not."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _write(sink: BinaryIO, message: dict[str, object]) -> None:
    body = json.dumps(message).encode()
    sink.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sink.flush()


class _Replayed:
    """The first message again, then the rest of the stream."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def readline(self, limit: int = -1) -> bytes:
        if not self._first:
            return self._rest.readline(limit)
        line, found, self._first = self._first.partition(b"\n")
        return line + found

    def read(self, count: int) -> bytes:
        if not self._first:
            return self._rest.read(count)
        part, self._first = self._first[:count], self._first[count:]
        return part


class _WithoutAnswer:
    """The client's stream without the answer that it has had already."""

    def __init__(self, sink: BinaryIO, identity: object) -> None:
        self._sink, self._identity, self._dropped = sink, identity, False

    def write(self, raw: bytes) -> int:
        if not self._dropped and self._is_answer(raw):
            self._dropped = True
            return len(raw)
        return self._sink.write(raw)

    def _is_answer(self, raw: bytes) -> bool:
        message = json.loads(raw.partition(b"\r\n\r\n")[2])
        return message.get("id") == self._identity and "result" in message

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        self._sink.close()


def main() -> None:
    sys.exit(serve())
