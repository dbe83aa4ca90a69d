"""Search in the editor on a real project: what it adds to the server's memory, and its time.

A server of ours on homeassistant with 200 decisions. The first search finds the index missing and
has it built by another process, while `hover` is asked again and again: the slowest of those says
whether the server stays responsive. Then QUESTIONS searches, each after a file was saved, as
somebody types them. Memory is the resident size of the server alone, before the first search and
after the last. The value is what was added, in MB of 10^6 bytes.
"""

from __future__ import annotations

import os
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from common import SERVERS, Target, Wire, load, milliseconds, percentile, position
from wheels import unpacked

TARGET: Final = Target("editor_search", "MB", 40.0)
PROJECT: Final = "homeassistant"
DECISIONS: Final = 200
QUESTIONS: Final = (
    "turn the light on", "forecast of the weather", "config entry setup", "unload platforms",
    "parse the response of the api", "media player volume", "async update coordinator",
    "register a webhook", "validate the schema", "state of the entity restored",
) * 5  # fmt: skip


def decide(root: Path) -> None:
    folder = root / "docs" / "decisions"
    folder.mkdir(parents=True)
    for number in range(1, DECISIONS + 1):
        title = f"{QUESTIONS[number % len(QUESTIONS)].capitalize()}, number {number}"
        (folder / f"{number:04}-x.md").write_text(
            f"---\nid: 01JD3Y6Q8T5V0W9X2Z4B6C{number:04}\ntitle: {title}\nstatus: accepted\n---\n"
            f"# {title}\n\nBecause it was so decided.\n"
        )


def resident(process: int) -> float:
    # psutil has no types.
    found: float = import_module("psutil").Process(process).memory_info().rss
    return found / 1e6


def timed(wire: Wire, method: str, params: object) -> tuple[float, object]:
    began = time.perf_counter()
    answer = wire.ask(method, params)
    return time.perf_counter() - began, answer


def main() -> int:
    with tempfile.TemporaryDirectory() as made:
        os.environ["XDG_CACHE_HOME"] = f"{made}/cache"
        root = unpacked(PROJECT, Path(made))
        decide(root)
        file = next(root.rglob("helpers/entity.py"))
        text = file.read_text("utf-8")
        with Wire(SERVERS["trueup"], root) as wire:
            wire.initialize(root)
            wire.open(file.as_uri(), text)
            hover = {"textDocument": {"uri": file.as_uri()}, "position": position(0, 0)}
            wire.ask("textDocument/diagnostic", {"textDocument": {"uri": file.as_uri()}})
            wire.ask("textDocument/hover", hover)
            before = resident(wire.process.pid)
            began = time.perf_counter()
            slowest, found = 0.0, None
            while not has_code(found):
                _, found = timed(wire, "trueup/search", {"query": QUESTIONS[0]})
                slowest = max(slowest, *(timed(wire, "textDocument/hover", hover)[0]
                                         for _ in range(20)))  # fmt: skip
            built = time.perf_counter() - began
            taken = []
            for number, question in enumerate(QUESTIONS):
                file.write_text(f"{text}\n\ndef saved_{number}() -> None:\n    pass\n", "utf-8")
                took, found = timed(wire, "trueup/search", {"query": question})
                taken.append(took)
                if not has_code(found):
                    raise SystemExit(f"nothing was found about {question}")
            after = resident(wire.process.pid)
    print(
        f"{PROJECT} with {DECISIONS} decisions: code is found after {built:.1f} s, until then"
        f" decisions, a hover takes at most {milliseconds(slowest)};"
        f" a search after a save {milliseconds(percentile(taken, 0.5))} p50,"
        f" {milliseconds(percentile(taken, 0.95))} p95; memory {before:.0f} MB before,"
        f" {after:.0f} MB after {len(QUESTIONS)} searches; {load()}"
    )
    TARGET.report(after - before)
    return 0


def has_code(found: object) -> bool:
    return isinstance(found, list) and any(item["kind"] == "symbol" for item in found)


if __name__ == "__main__":
    raise SystemExit(main())
