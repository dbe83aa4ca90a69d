"""Whether the editor is answered while the engine streams, parses and verifies.

One editor asks for hovers, one after the other, as a moving mouse does, while job after job runs in
the engine: a long answer is streamed, and its candidate is tried by the tests. The model is a
process of its own, so that it takes no turn of the client's. The value is the 99th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import multiprocessing
import statistics
import threading
import time
from multiprocessing.queues import Queue
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from common import Target, load, milliseconds, percentile
from sessions import picked, session
from support.messages_server import MessagesServer, edits_reply
from support.sessions import SOURCE
from trueup.editor import Editor
from trueup.lsp.convert import uri_of

TARGET: Final = Target("front_busy", "ms", 50)
SECONDS: Final = 20.0
BETWEEN_SECONDS: Final = 0.01
THOUGHT_CHARACTERS: Final = 60_000
SIMPLER: Final = (
    'def total(prices, discount=0):\n    """The sum of `prices`, less a discount."""\n'
    "    return sum(prices) - discount\n"
)


def serve(addresses: Queue[str]) -> None:
    """A model that thinks at length and then answers rightly, until it is ended."""
    reply = edits_reply(
        "Use sum",
        [{"path": SOURCE, "symbol": "total", "after": SIMPLER}],
        thinking="Let me see. " * (THOUGHT_CHARACTERS // 12),
    )
    with MessagesServer() as server:
        server.always(reply)
        addresses.put(server.url)
        threading.Event().wait()


async def working(editor: Editor, done: list[int], stop: asyncio.Event) -> None:
    """Job after job, each discarded at its end, until somebody says so."""
    for number in itertools.count():
        if stop.is_set():
            return
        answer = await picked(editor, f"job-{number}")
        with contextlib.suppress(JsonRpcException):
            await answer  # type: ignore[misc]
        done.append(number)


async def hovers(editor: Editor, seconds: float) -> list[float]:
    document = types.TextDocumentIdentifier(uri_of(editor.root / SOURCE))
    found, until = [], time.perf_counter() + seconds
    for line in itertools.cycle(range(20)):
        began = time.perf_counter()
        if began > until:
            break
        await editor.client.text_document_hover_async(
            types.HoverParams(document, types.Position(line, 5))
        )
        found.append(time.perf_counter() - began)
        await asyncio.sleep(BETWEEN_SECONDS)
    return found


async def measure(seconds: float, url: str) -> float:
    async with session(url) as (_, editor):
        editor.open(SOURCE)
        await hovers(editor, 1.0)
        resting = await hovers(editor, seconds / 4)
        done: list[int] = []
        stop = asyncio.Event()
        work = asyncio.create_task(working(editor, done, stop))
        while not done:  # noqa: ASYNC110 - the first job starts the engine and the agent
            await asyncio.sleep(0.1)
        before = len(done)
        busy = await hovers(editor, seconds)
        stop.set()
        await work
    for title, values in (("at rest", resting), ("while the engine works", busy)):
        print(
            f"{title:24} {len(values):5} hovers  p50 {milliseconds(statistics.median(values)):>8}"
            f"  p99 {milliseconds(percentile(values, 0.99)):>8}  max {milliseconds(max(values))}"
        )
    print(f"{len(done) - before} jobs ended meanwhile; {load()}")
    return percentile(busy, 0.99) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    seconds = parser.parse_args().seconds
    context = multiprocessing.get_context("spawn")
    addresses: Queue[str] = context.Queue()
    model = context.Process(target=serve, args=(addresses,), daemon=True)
    model.start()
    try:
        TARGET.report(asyncio.run(measure(seconds, addresses.get(timeout=60))))
    finally:
        model.kill()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
