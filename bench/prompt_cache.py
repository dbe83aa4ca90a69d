"""How much of the second round's prompt is the beginning of the first round's: what a cache reads.

A job over a loopback model whose first answer is wrong. Of the two requests, as they came, the
common beginning is counted in the order in which an endpoint reads a prompt: system, then the
messages. The value is the smallest share over the kinds of second turn and a few real files of
this project, in characters; tokens hold nearly the same number of them throughout.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from common import Target, load

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import jobs
from support.messages_server import MessagesServer, edits_reply

TARGET: Final = Target("prompt_cache", "share of the second prompt", 0.8, at_least=True)
ROOT: Final = Path(__file__).parents[1]
PLACES: Final = (
    ("server/trueup/rebase.py", "rebased"),
    ("server/trueup/files.py", "replace_unchanged"),
    ("server/trueup/snapshot.py", "apply_edits"),
    ("server/trueup/runner/affected.py", "importers_of"),
)


def parts(body: dict[str, Any]) -> Iterator[str]:
    """What is read, in its order: who speaks, and what."""
    yield body["system"]
    for message in body["messages"]:
        yield message["role"]
        content = message["content"]
        yield from [content] if isinstance(content, str) else [part["text"] for part in content]


def share(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Of the second prompt, what is the same in both from its beginning on."""
    one, two = list(parts(first)), list(parts(second))
    same = 0
    for before, after in zip(one, two, strict=False):
        if before != after:
            break
        same += len(after)
    return same / sum(map(len, two))


async def shares(root: Path, path: str, symbol: str) -> list[float]:
    with MessagesServer() as server:
        server.always(
            edits_reply(
                "T", [{"path": path, "symbol": symbol, "after": "def other():\n    pass\n"}]
            )
        )
        await jobs.run(root, jobs.about(root, path, symbol), server.url)
        first, *second = [request.body for request in server.requests]
    return [share(first, body) for body in second]


async def measure() -> float:
    worst = 1.0
    with tempfile.TemporaryDirectory() as made:
        for kind in ("STATE", "CACHE", "CONFIG"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(made, kind))
        root = Path(made, "project")
        for folder in ("server", "docs"):
            shutil.copytree(ROOT / folder, root / folder)
        shutil.copy(ROOT / "pyproject.toml", root)
        for path, symbol in PLACES:
            found = await shares(root, path, symbol)
            worst = min(worst, *found)
            said = ", ".join(f"{value:.1%}" for value in sorted(found))
            print(f"{path}::{symbol:20} {said}")
    return worst


def main() -> int:
    print(f"one wrong answer each; {load()}")
    TARGET.report(asyncio.run(measure()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
