"""What the benchmarks of language servers share: servers, a wire to one, the last line.

The wire is the least that a client can be, so that what is measured is the server: framed JSON over
pipes, read where it is waited for. It answers what servers ask of a client with nothing.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

ANSWER_SECONDS: Final = 60.0
"""How long any server may take for one answer."""

_SCRIPTS: Final = Path(sys.executable).parent

SERVERS: Final[dict[str, tuple[str, ...]]] = {
    "trueup": (str(_SCRIPTS / "trueup"), "serve"),
    "jedi-language-server": (str(_SCRIPTS / "jedi-language-server"),),
    "pylsp": (sys.executable, "-m", "pylsp"),
}
"""As an editor starts them, ours first. All three run under the interpreter of this script."""

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Target:
    """What is claimed: at most `value` of `unit`, or at least. A benchmark reports; it does not
    fail.
    """

    name: str
    unit: str
    value: float | None
    at_least: bool = False

    def report(self, measured: float) -> None:
        """The last line of every benchmark."""
        ok = self.value is None or (
            measured >= self.value if self.at_least else measured <= self.value
        )
        line = {
            "name": self.name,
            "value": round(measured, 4),
            "unit": self.unit,
            "target": self.value,
            "ok": ok,
        }
        print(json.dumps(line))


class Wire:
    """One server's process, from its start to its end; use it as a context."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            bufsize=0,
        )
        self._buffer = b""
        self._last = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.ask("shutdown", None)
                self.send(_notification("exit", None))
                self.process.wait(10)
        except (TimeoutError, OSError, EOFError, subprocess.TimeoutExpired):
            pass
        finally:
            self.process.kill()
            self.process.wait()
            self._complaints.close()

    def send(self, *messages: Json) -> None:
        """All of `messages` in one write."""
        if self.process.stdin is None:
            raise OSError("the server has no standard input")
        self.process.stdin.write(b"".join(_framed(message) for message in messages))

    def tell(self, method: str, params: object) -> None:
        self.send(_notification(method, params))

    def ask(self, method: str, params: object, *, after: Sequence[Json] = ()) -> object:
        """The result of a request, sent right behind the notifications `after`."""
        self._last += 1
        request = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        self.send(*after, request)
        return self.answer(self._last)

    def answer(self, identity: int) -> object:
        """The result with this id; what else comes is answered with null or dropped."""
        until = time.perf_counter() + ANSWER_SECONDS
        while True:
            message = self._message(until)
            if message.get("id") == identity and "method" not in message:
                if "error" in message:
                    raise OSError(f"the server answered with an error: {message['error']}")
                return message.get("result")
            if "id" in message and "method" in message:
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": _said_to(message)})

    def diagnostics(self, uri: str, version: int | None = None) -> list[object]:
        """What is published next about a document, of `version` where that is given."""
        until = time.perf_counter() + ANSWER_SECONDS
        while True:
            message = self._message(until)
            params = message.get("params")
            if message.get("method") == "textDocument/publishDiagnostics" and isinstance(
                params, dict
            ):
                if params["uri"] == uri and version in {None, params.get("version")}:
                    return list(params["diagnostics"])
            elif "id" in message and "method" in message:
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": _said_to(message)})

    def _message(self, until: float) -> Json:
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if found:
                length = _length(head)
                if len(rest) >= length:
                    self._buffer = rest[length:]
                    return cast("Json", json.loads(rest[:length]))
            self._buffer += self._more(until)

    def _more(self, until: float) -> bytes:
        if self.process.stdout is None:
            raise OSError("the server has no standard output")
        ready, _, _ = select.select([self.process.stdout], [], [], until - time.perf_counter())
        if not ready:
            raise TimeoutError("the server did not answer")
        if more := os.read(self.process.stdout.fileno(), 1 << 20):
            return more
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").strip().splitlines()
        raise EOFError(f"the server ended: {said[-1] if said else 'it did not say why'}")

    def initialize(self, folder: Path, *, pulls: bool = True) -> object:
        """The server's answer to `initialize`; `initialized` follows at once."""
        result = self.ask("initialize", initialize_params(folder, pulls=pulls))
        self.tell("initialized", {})
        return result

    def open(self, uri: str, text: str) -> None:
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})


def _framed(message: Json) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def _notification(method: str, params: object) -> Json:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise OSError(f"the server wrote no message: {head[:80]!r}")


def _said_to(message: Json) -> object:
    """What a client without settings answers."""
    params = message.get("params")
    if message["method"] == "workspace/configuration" and isinstance(params, dict):
        return [None] * len(params.get("items", ()))
    return None


def position(line: int, character: int) -> Json:
    return {"line": line, "character": character}


def area(first: Json, last: Json) -> Json:
    return {"start": first, "end": last}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of `values` do not exceed (nearest rank)."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def load() -> str:
    """How busy the machine is, for the head of a table: numbers of a busy one say little."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def initialize_params(folder: Path, *, pulls: bool = True) -> Json:
    """What a modern editor sends: the capabilities of one such as Neovim or VS Code, shortened
    where servers of Python do not look. One that does not pull diagnostics is told of them.
    """
    made = _modern(folder)
    if not pulls:
        del made["capabilities"]["textDocument"]["diagnostic"]  # type: ignore[index]
    return made


def _modern(folder: Path) -> Json:
    return {
        "processId": os.getpid(),
        "clientInfo": {"name": "bench", "version": "1.0"},
        "locale": "en",
        "rootPath": str(folder),
        "rootUri": folder.as_uri(),
        "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
        "trace": "off",
        "capabilities": {
            "general": {
                "positionEncodings": ["utf-16", "utf-8"],
                "staleRequestSupport": {"cancel": True, "retryOnContentModified": []},
                "regularExpressions": {"engine": "ECMAScript", "version": "ES2020"},
            },
            "workspace": {
                "applyEdit": True,
                "workspaceEdit": {
                    "documentChanges": True,
                    "resourceOperations": ["create", "rename", "delete"],
                    "failureHandling": "textOnlyTransactional",
                    "normalizesLineEndings": True,
                },
                "didChangeConfiguration": {"dynamicRegistration": False},
                "configuration": True,
                "workspaceFolders": True,
                "executeCommand": {"dynamicRegistration": True},
                "symbol": {"symbolKind": {"valueSet": list(range(1, 27))}},
                "codeLens": {"refreshSupport": True},
                "diagnostics": {"refreshSupport": True},
            },
            "window": {
                "workDoneProgress": True,
                "showMessage": {"messageActionItem": {"additionalPropertiesSupport": True}},
                "showDocument": {"support": True},
            },
            "textDocument": {
                "synchronization": {
                    "dynamicRegistration": True,
                    "willSave": True,
                    "willSaveWaitUntil": True,
                    "didSave": True,
                },
                "completion": {
                    "contextSupport": True,
                    "completionItem": {
                        "snippetSupport": True,
                        "documentationFormat": ["markdown", "plaintext"],
                        "resolveSupport": {"properties": ["documentation", "detail"]},
                    },
                    "completionItemKind": {"valueSet": list(range(1, 26))},
                },
                "hover": {"contentFormat": ["markdown", "plaintext"]},
                "signatureHelp": {
                    "signatureInformation": {"documentationFormat": ["markdown", "plaintext"]}
                },
                "definition": {"linkSupport": True},
                "references": {"dynamicRegistration": False},
                "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
                "codeAction": {
                    "dynamicRegistration": True,
                    "isPreferredSupport": True,
                    "dataSupport": True,
                    "disabledSupport": True,
                    "resolveSupport": {"properties": ["edit", "command"]},
                    "codeActionLiteralSupport": {
                        "codeActionKind": {
                            "valueSet": [
                                "",
                                "quickfix",
                                "refactor",
                                "refactor.extract",
                                "refactor.inline",
                                "refactor.rewrite",
                                "source",
                                "source.organizeImports",
                            ]
                        }
                    },
                },
                "rename": {"dynamicRegistration": True, "prepareSupport": True},
                "publishDiagnostics": {
                    "relatedInformation": True,
                    "tagSupport": {"valueSet": [1, 2]},
                    "versionSupport": True,
                },
                "diagnostic": {"dynamicRegistration": True, "relatedDocumentSupport": True},
            },
        },
    }
