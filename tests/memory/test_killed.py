"""Two servers and a command line are killed while they decide: what was said to be done is done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from trueup.memory import journal
from trueup.memory.decisions import Status
from trueup.memory.places import load

DECIDER: Final = Path(__file__).parents[1] / "support" / "indexers.py"
ENVIRONMENT: Final = os.environ | {"PYTHONPATH": str(DECIDER.parents[1])}
AT_ONCE: Final = 3


def started(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(DECIDER), "decide", str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


@pytest.mark.parametrize("kills", [pytest.param(3, id="few"), pytest.param(500, id="many")])
def test_no_decision_and_no_event_is_lost(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)  # noqa: S311 - when to kill
    (tmp_path / "docs/decisions").mkdir(parents=True)
    done: list[tuple[str, str]] = []
    for _ in range(0, kills, AT_ONCE):
        deciders = [started(tmp_path) for _ in range(AT_ONCE)]
        said = [""] * AT_ONCE
        for number, decider in enumerate(deciders):
            assert decider.stdout is not None
            said[number] = "".join(decider.stdout.readline() for _ in range(chance.randrange(1, 9)))
        for decider in deciders:
            decider.send_signal(signal.SIGKILL)
        for number, decider in enumerate(deciders):
            said[number] += decider.communicate()[0]
        # A line that was cut off is not said.
        lines = [line for text in said for line in text.splitlines(keepends=True)]
        done += [(what, which.rstrip()) for what, _, which in
                 (line.partition(" ") for line in lines if line.endswith("\n"))]  # fmt: skip
    known = load(str(tmp_path))
    assert not known.problems
    by_path = {item.path: item for item in known}
    kept = journal.read(str(tmp_path))
    events = {event.id for event in kept.events}
    assert {what for what, _ in done} == {"recorded", "accepted", "rejected"}
    for what, which in done:
        if what == "rejected":
            assert which in events
        elif what == "accepted":
            assert by_path[which].status is Status.ACCEPTED
        else:
            assert which in by_path
    assert len({item.id for item in known}) == len(known)
    # Each was killed in the middle of at most one line.
    assert len(kept.problems) <= kills
