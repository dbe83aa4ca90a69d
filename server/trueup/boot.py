"""Answers `initialize` before anything heavy is imported.

The protocol's types alone take a quarter of a second to import. So the first message is read and
answered with the standard library only, from capabilities that are always the same; then the server
is imported and handed that message, and its own answer to it is dropped. A test compares the two
answers.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Mapping
from typing import Final

from trueup import __version__
from trueup.lsp.admission import (
    INVALID_PARAMS,
    PARSE_ERROR,
    Call,
    Ended,
    Lifecycle,
    Refusal,
    decoded,
)
from trueup.lsp.framing import Frames, FramingLost, framed

ENCODINGS: Final = ("utf-8", "utf-16", "utf-32")

CAPABILITIES: Final[dict[str, object]] = {
    "textDocumentSync": {"openClose": True, "change": 2, "save": {"includeText": True}},
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
            "source.review.trueup",
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
        "commands": [
            "trueup.run",
            "trueup.contract",
            "trueup.decision",
            "trueup.verify",
            "trueup.ready",
            "trueup.review",
            "trueup.showPrompt",
            "trueup.undo",
        ]
    },
    "workspace": {
        "workspaceFolders": {"supported": True, "changeNotifications": True},
        "fileOperations": {},
    },
}


def capabilities(
    encoding: str, *, prepares_rename: bool, completes_inline: bool = False
) -> dict[str, object]:
    """What the server can do, for a client whose positions count in `encoding`.

    Only a client that `prepares_rename` may be told that it can ask whether there is a name, and
    only one that `completes_inline` is told of that.
    """
    rename = {"prepareProvider": True} if prepares_rename else True
    made = {"positionEncoding": encoding, "renameProvider": rename, **CAPABILITIES}
    return made | ({"inlineCompletionProvider": {}} if completes_inline else {})


def serve() -> int:
    """Run the server on stdin and stdout; the exit code of a session that did not begin.

    One that begins ends the process itself.
    """
    source, sink = _private_streams()
    frames, lifecycle = Frames(source), Lifecycle()
    first = _welcomed(frames, sink, lifecycle)
    if isinstance(first, int):
        return first
    # Collecting garbage while modules are imported is a tenth of the time and finds none.
    gc.disable()
    from trueup.lsp.server import server  # noqa: PLC0415
    from trueup.lsp.session import serve as talk  # noqa: PLC0415

    gc.enable()
    gc.freeze()
    return talk(server, frames, sink, lifecycle, first)


def _private_streams() -> tuple[int, int]:
    """The client's pipes, for the protocol alone: what prints, prints to stderr."""
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return source, sink


def _welcomed(frames: Frames, sink: int, lifecycle: Lifecycle) -> Call | int:
    """Talk until `initialize` is answered; it, or the exit code where it never comes."""
    try:
        while (body := frames.next()) is not None:
            message = decoded(body)
            if isinstance(message, Refusal):
                _write(sink, message.message())
            elif isinstance(message, Call):
                if _wants_in(message) and not _is_understood(message):
                    says = "these are not the parameters of initialize"
                    _write(sink, Refusal(message.identity, INVALID_PARAMS, says).message())
                    continue
                verdict = lifecycle.admits(message)
                if isinstance(verdict, Refusal):
                    _write(sink, verdict.message())
                elif isinstance(verdict, Ended):
                    return verdict.code
                elif verdict is None:
                    answer = {"jsonrpc": "2.0", "id": message.identity, "result": _result(message)}
                    _write(sink, answer)
                    return message
    except FramingLost as lost:
        _write(sink, Refusal(None, PARSE_ERROR, f"{lost}; the server ends").message())
    except BrokenPipeError:
        # The client is gone before it was welcome.
        return 1
    return 1


def _wants_in(message: Call) -> bool:
    return message.method == "initialize" and message.identity is not None


def _is_understood(message: Call) -> bool:
    return isinstance(_at(message.fields, "params", "capabilities"), dict)


def _result(message: Call) -> dict[str, object]:
    client = _at(message.fields, "params", "capabilities")
    inline = isinstance(_at(client, "textDocument", "inlineCompletion"), dict)
    prepares = _at(client, "textDocument", "rename", "prepareSupport") is True
    return {
        "capabilities": capabilities(
            _encoding(client), prepares_rename=prepares, completes_inline=inline
        ),
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


def _write(sink: int, message: Mapping[str, object]) -> None:
    raw = framed(json.dumps(message).encode())
    while raw:
        raw = raw[os.write(sink, raw) :]


def main() -> None:
    sys.exit(serve())
