"""Clocks that tests turn, and prices that are easy to reckon with."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

from trueup.operations import prices
from trueup.operations.clock import Moment

NOON: Final = datetime.datetime(2026, 5, 20, 12).timestamp()


@dataclass
class Clock:
    """Two clocks of one boot; `pass_by` moves both, `jump` the wall alone."""

    wall: float = NOON
    ticks: float = 1_000.0
    boot: str = "a boot"

    def __call__(self) -> Moment:
        return Moment(self.wall, self.ticks, self.boot)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds

    def jump(self, seconds: float) -> None:
        self.wall += seconds

    def reboot(self) -> None:
        self.boot, self.ticks = f"{self.boot}, again", 5.0


ONE: Final = prices.read(
    'version = "v1"\n[[price]]\nmodel = "one"\n'
    "input = 1.0\ncached = 0.1\ncache_write = 1.25\noutput = 2.0\n"
)
"""A dollar for a million tokens of "one", two of its answers, and nothing known of others."""
