"""What background work may take: power, load and CPU time as the kernel tells them, and windows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.lsp import spare
from trueup.lsp.spare import HOUR, MINUTE, Allowance


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"AC/online": "1", "BAT0/status": "Charging"}, False),
        ({"AC/online": "0", "BAT0/status": "Discharging"}, True),
        ({"BAT0/status": "Full", "BAT1/status": "Discharging\n"}, True),
    ],
)
def test_a_battery_that_is_emptied_is_noticed(
    supplies: dict[str, str], expected: bool, tmp_path: Path
) -> None:
    for name, said in supplies.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(said)
    assert spare.on_battery(tmp_path) is expected


def test_cpu_time_counts_everything_below_a_process(tmp_path: Path) -> None:
    def process(number: int, parent: int, ticks: str, name: str = "python") -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        before = f"{number} ({name}) S {parent} " + "0 " * 9
        (folder / "stat").write_text(f"{before}{ticks} 20 0 1 0 100\n")

    process(10, 1, "1 2 3 4")
    process(11, 10, "100 0 0 0", name="a) S 1 (b")
    process(12, 11, "0 1000 0 0")
    process(13, 1, "9 9 9 9")
    (tmp_path / "14").mkdir()
    ticks = os.sysconf("SC_CLK_TCK")
    assert spare.cpu_seconds(10, tmp_path) == 1110 / ticks
    assert spare.cpu_seconds(99, tmp_path) == 0.0


def test_cpu_time_of_this_process_is_what_it_says_itself() -> None:
    before = sum(os.times()[:4])
    assert spare.cpu_seconds(os.getpid()) >= before - 0.1
    assert spare.load_per_processor() >= 0


@given(
    per_minute=st.integers(1, 5),
    steps=st.lists(st.integers(0, 90), max_size=40),
)
def test_no_minute_holds_more_beginnings_than_it_may(per_minute: int, steps: list[int]) -> None:
    allowance, now, begun = Allowance(per_minute, 1), 0.0, []
    for step in steps:
        now += step
        now += allowance.wait(now)
        assert allowance.wait(now) == 0.0
        allowance.began(now)
        begun.append(now)
    for first, last in zip(begun, begun[per_minute:], strict=False):
        assert last - first >= MINUTE


@given(steps=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 30)), max_size=40))
def test_no_hour_begins_work_that_it_has_no_cpu_time_for(steps: list[tuple[int, int]]) -> None:
    allowance, now = Allowance(1_000_000, 50), 0.0
    taken: list[tuple[float, float]] = []
    for step, cost in steps:
        now += step
        # The oldest of several may not be enough to wait for, so it is asked until there is room.
        while wait := allowance.wait(now):
            now += wait
        assert sum(cpu for when, cpu in taken if when > now - HOUR) < 50
        allowance.took(now, cost)
        taken.append((now, cost))


@pytest.mark.parametrize("allowance", [Allowance(0, 10), Allowance(10, 0)])
def test_where_there_is_no_room_at_all_one_waits_a_window(allowance: Allowance) -> None:
    assert allowance.wait(5.0) in {MINUTE, HOUR}
