"""How long from starting the server to its answer to `initialize`, and to the first code actions.

Each round starts every server once, one after the other, so that all see the same load: spawn, the
captured-and-shortened parameters of a modern editor, the answer. Then a small file is opened and
code actions are asked for; that is the first moment at which the server has to be all there. The
value is the median of `initialize` in seconds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from common import SERVERS, Target, Wire, area, load, milliseconds, percentile, position

TARGET: Final = Target("initialize", "s", 0.150)
ROUNDS: Final = 15

SOURCE: Final = "def total(prices):\n    result = 0\n    for p in prices:\n        result += p\n"


@dataclass
class Times:
    """Seconds since the start of the process, one of each a round."""

    initialized: list[float] = field(default_factory=list)
    offered: list[float] = field(default_factory=list)
    actions: int = 0


def one_round(command: tuple[str, ...], folder: Path, times: Times) -> None:
    path = folder / "shop.py"
    here = position(2, 8)
    with Wire(command, folder) as wire:
        wire.initialize(folder)
        times.initialized.append(time.perf_counter() - wire.started)
        wire.open(path.as_uri(), SOURCE)
        actions = wire.ask(
            "textDocument/codeAction",
            {
                "textDocument": {"uri": path.as_uri()},
                "range": area(here, here),
                "context": {"diagnostics": [], "triggerKind": 1},
            },
        )
        times.offered.append(time.perf_counter() - wire.started)
        times.actions = len(actions) if isinstance(actions, list) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    measured = {name: Times() for name in SERVERS}
    order = random.Random(0)  # noqa: S311 - an order, not a secret
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "shop.py").write_text(SOURCE)
        print(f"spawn to answer, {rounds} interleaved rounds and one to warm up; {load()}")
        for number in range(rounds + 1):
            names = list(SERVERS)
            order.shuffle(names)
            for name in names:
                # The first round fills the caches of bytecode and of the disk.
                one_round(SERVERS[name], folder, measured[name] if number else Times())
    ours = measured["trueup"]
    print(f"{'':22}{'initialize':>32}   {'first code actions':>28}")
    for name, times in measured.items():
        print(
            f"{name:22}"
            f"{ratio(times.initialized, ours.initialized):>8}"
            f"  p50 {milliseconds(statistics.median(times.initialized)):>9}"
            f"  p95 {milliseconds(percentile(times.initialized, 0.95)):>9}"
            f"   {ratio(times.offered, ours.offered):>6}"
            f"  p50 {milliseconds(statistics.median(times.offered)):>9}"
            f"  ({times.actions} actions)"
        )
    TARGET.report(statistics.median(ours.initialized))
    return 0


def ratio(theirs: list[float], ours: list[float]) -> str:
    return f"{statistics.median(theirs) / statistics.median(ours):.1f}x"


if __name__ == "__main__":
    raise SystemExit(main())
