"""What one keystroke in a file of a megabyte costs the server.

A file of 100,000 lines is opened; then batches of edits of one character are sent, at the
beginning, the middle and the end of it, each batch with a request behind it that costs nothing by
itself. The value is the median over the batches of the time until that answer, less what the
request alone takes, per edit in milliseconds: reading, parsing the message, the text, the index of
its lines and what the contracts note of it. The processor time of the server is printed too, as it
says more on a busy machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from common import SERVERS, Json, Target, Wire, area, load, milliseconds, position

TARGET: Final = Target("edits", "ms", 5.0)
LINES: Final = 100_000
LINE: Final = "x = 12345\n"
BATCH: Final = 100
BATCHES: Final = 12


def change(uri: str, version: int, line: int) -> Json:
    here = position(line, 0)
    return {
        "jsonrpc": "2.0",
        "method": "textDocument/didChange",
        "params": {
            "textDocument": {"uri": uri, "version": version},
            "contentChanges": [{"range": area(here, here), "text": "y"}],
        },
    }


def processor_seconds(process: int) -> float:
    # psutil has no types.
    user, system, *_ = import_module("psutil").Process(process).cpu_times()
    return float(user + system)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=BATCHES)
    batches = parser.parse_args().batches
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        uri, other = (folder / "large.py").as_uri(), (folder / "none.py").as_uri()
        nothing = {"textDocument": {"uri": other}}
        with Wire(SERVERS["trueup"], folder) as wire:
            wire.initialize(folder)
            wire.open(uri, LINE * LINES)
            wire.ask("textDocument/codeLens", nothing)
            empty = []
            for _ in range(batches):
                started = time.perf_counter()
                wire.ask("textDocument/codeLens", nothing)
                empty.append(time.perf_counter() - started)
            alone = statistics.median(empty)
            times, version = [], 1
            before = processor_seconds(wire.process.pid)
            for number in range(batches):
                line = (0, LINES // 2, LINES - 1)[number % 3]
                edits = [change(uri, version + 1 + each, line) for each in range(BATCH)]
                version += BATCH
                started = time.perf_counter()
                wire.ask("textDocument/codeLens", nothing, after=edits)
                times.append((time.perf_counter() - started - alone) / BATCH)
            busy = (processor_seconds(wire.process.pid) - before) / (batches * BATCH)
    print(f"{LINES} lines, {len(LINE) * LINES} bytes, {batches} batches of {BATCH}; {load()}")
    print(f"an edit: median {milliseconds(statistics.median(times))},"
          f" fastest batch {milliseconds(min(times))}, slowest {milliseconds(max(times))};"
          f" processor time {milliseconds(busy)}")  # fmt: skip
    TARGET.report(statistics.median(times) * 1000)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
