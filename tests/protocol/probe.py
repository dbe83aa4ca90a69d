"""The server as it is, with a few methods more: what only a handler can make happen."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

from trueup import boot
from trueup.lsp.server import server

SECRET = "hunter2-" + "0" * 12


@server.feature("probe/echo")
def echo(params: Any) -> object:
    return params.v


@server.feature("probe/slow")
async def slow(params: Any) -> str:
    await asyncio.sleep(params.s)
    return "done"


@server.feature("probe/thread")
async def thread(params: Any) -> str:
    """Hold a thread that nothing can stop."""
    await asyncio.to_thread(threading.Event().wait, params.s)
    return "done"


@server.feature("probe/block")
def block(params: Any) -> str:
    """What no handler of ours does: block the event loop."""
    time.sleep(params.s)
    return "done"


@server.feature("probe/raise")
def fail(_: Any) -> None:
    raise ValueError(f"with {SECRET}")


@server.feature("probe/print")
def say(_: Any) -> str:
    print("to whom it may concern")  # noqa: T201 - what a handler must not be able to break
    sys.stdout.flush()
    return "done"


@server.feature("probe/unwritable")
def unwritable(_: Any) -> object:
    return {"v": object.__new__(object)}


@server.feature("probe/big")
def big(params: Any) -> str:
    return "x" * int(params.n)


@server.feature("probe/text")
def text(params: Any) -> object:
    buffer = server.buffers.get(params.uri)
    if buffer is None:
        return None
    return {"text": buffer.document.text, "version": buffer.document.version}


@server.feature("probe/ask")
async def ask(params: Any) -> object:
    """Ask the client, and hand back what it answers."""
    return await server.protocol.send_request_async("probe/question", {"v": params.v})


if __name__ == "__main__":
    boot.main()
