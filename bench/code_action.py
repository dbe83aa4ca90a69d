"""How long the light bulb takes in a file of 10,000 lines with 50 diagnostics.

A real server over pipes. The file is made of modules of the standard library; the editor sends all
of its 50 diagnostics with each request, spread over the file. Requests are for random places, some
with an empty range and some with a selection, and half of them come right behind a keystroke: both
messages leave in one write, so taking in the keystroke counts. The same again with one character
beyond ASCII in the file, where characters and bytes are not the same number. The value is the worse
p95 of the two, in seconds, over all requests.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from common import SERVERS, Json, Target, Wire, area, load, milliseconds, percentile, position

TARGET: Final = Target("code_action", "s", 0.020)
LINES: Final = 10_000
DIAGNOSTICS: Final = 50
REQUESTS: Final = 240
PEER_REQUESTS: Final = 40
SELECTED_LINES_MAX: Final = 12
MODULES: Final = ("_pydecimal.py", "turtle.py")
PEERS: Final = ("jedi-language-server",)


@dataclass
class Times:
    """Seconds of each request: with nothing typed before it, and right behind a keystroke."""

    resting: list[float] = field(default_factory=list)
    typing: list[float] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)

    @property
    def all(self) -> list[float]:
        return self.resting + self.typing


def big_source() -> str:
    """Exactly LINES lines of ASCII; with these modules it is Python down to the last class."""
    folder = Path(sysconfig.get_path("stdlib"))
    text = "\n".join((folder / name).read_text("utf-8") for name in MODULES)
    text = text.encode("ascii", "replace").decode()
    lines = text.splitlines()
    if len(lines) < LINES:
        raise SystemExit(f"{', '.join(MODULES)} have only {len(lines)} lines here")
    return "\n".join(lines[:LINES]) + "\n"


def diagnostics(lines: Sequence[str]) -> list[Json]:
    """One every so many lines, at the code of the line."""
    step = LINES // DIAGNOSTICS
    found: list[Json] = []
    for number in range(DIAGNOSTICS):
        line = next(n for n in range(number * step, LINES) if lines[n].strip())
        start = len(lines[line]) - len(lines[line].lstrip())
        found.append(
            {
                "range": area(position(line, start), position(line, len(lines[line]))),
                "severity": 2,
                "code": "F841",
                "source": "Ruff",
                "message": "Local variable `result` is assigned to but never used",
            }
        )
    return found


def measure(command: tuple[str, ...], source: str, count: int) -> Times:
    chance = random.Random(20261120)  # noqa: S311 - places, not secrets
    lines = source.splitlines()
    shown = diagnostics(lines)
    times = Times()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = folder / "big.py"
        path.write_text(source)
        with Wire(command, folder) as wire:
            wire.initialize(folder)
            wire.open(path.as_uri(), source)
            typist = Typist(path.as_uri(), lines, chance)
            for number in range(count + 1):
                typed = [typist.keystroke()] if number % 2 else []
                params = {
                    "textDocument": {"uri": path.as_uri()},
                    "range": place(chance, shown, lines),
                    "context": {"diagnostics": shown, "triggerKind": 1},
                }
                started = time.perf_counter()
                actions = wire.ask("textDocument/codeAction", params, after=typed)
                elapsed = time.perf_counter() - started
                # The very first request waits for the server to be loaded: see `initialize`.
                if number:
                    (times.typing if typed else times.resting).append(elapsed)
                    times.actions.append(len(actions) if isinstance(actions, list) else 0)
    return times


class Typist:
    """Types a letter behind some line and takes it back with the next keystroke, and so on.

    So at most one place is broken at a time, as where one person types.
    """

    def __init__(self, uri: str, lines: Sequence[str], chance: random.Random) -> None:
        self._uri, self._lines, self._chance = uri, lines, chance
        self._version = 1
        self._typed: Json | None = None

    def keystroke(self) -> Json:
        """The next `textDocument/didChange`."""
        self._version += 1
        if self._typed is None:
            line = self._chance.randrange(LINES)
            start = position(line, len(self._lines[line]))
            self._typed = area(start, position(line, len(self._lines[line]) + 1))
            change = {"range": area(start, start), "text": "x"}
        else:
            change, self._typed = {"range": self._typed, "text": ""}, None
        return {
            "jsonrpc": "2.0",
            "method": "textDocument/didChange",
            "params": {
                "textDocument": {"uri": self._uri, "version": self._version},
                "contentChanges": [change],
            },
        }


def place(chance: random.Random, shown: Sequence[Json], lines: Sequence[str]) -> Json:
    """In turn a cursor anywhere, a selection of some lines, a cursor at a diagnostic."""
    kind = chance.randrange(3)
    if kind == 2:
        return dict(chance.choice(shown)["range"])  # type: ignore[call-overload, no-any-return]
    line = chance.randrange(LINES - SELECTED_LINES_MAX)
    start = position(line, chance.randrange(len(lines[line]) + 1))
    if kind == 0:
        return area(start, start)
    last = line + chance.randrange(SELECTED_LINES_MAX)
    return area(start, position(last, max(len(lines[last]), 1)))


def show(name: str, times: Times, ours: Times) -> None:
    print(f"{name}  ({statistics.mean(times.actions):.1f} actions each)")
    for title, values, peer in (
        ("nothing typed", times.resting, ours.resting),
        ("right behind a keystroke", times.typing, ours.typing),
        ("all", times.all, ours.all),
    ):
        factor = statistics.median(values) / statistics.median(peer)
        print(
            f"  {title:26}{factor:6.1f}x"
            f"  p50 {milliseconds(statistics.median(values)):>9}"
            f"  p95 {milliseconds(percentile(values, 0.95)):>9}"
            f"  max {milliseconds(max(values)):>9}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    count = parser.parse_args().requests
    plain = big_source()
    print(
        f"code actions, {LINES} lines, {len(plain) // 1024} KB, {DIAGNOSTICS} diagnostics, {load()}"
    )
    ours = measure(SERVERS["trueup"], plain, count)
    show("trueup", ours, ours)
    accented = measure(SERVERS["trueup"], plain.replace("#", "# é", 1), count)
    show("trueup, not ASCII", accented, ours)
    for name in PEERS:
        show(name, measure(SERVERS[name], plain, min(count, PEER_REQUESTS)), ours)
    TARGET.report(max(percentile(times.all, 0.95) for times in (ours, accented)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
