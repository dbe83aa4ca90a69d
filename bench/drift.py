"""How often the watch on suggestions cries wolf, and how soon it notices.

For each expected rate one long stream is simulated. Its excursions from zero say which threshold is
reached once in RUN_LENGTH observations: the one that so many excursions reach. A second stream with
another seed measures the run length of the thresholds that are committed, and streams that fall to
three quarters of the rate say how soon that is noticed. The value is the worst rate of false alarms
in 10,000 observations. `--table` prints thresholds made anew.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from typing import Final

from common import Target
from trueup.operations.drift import LOWER, RUN_LENGTH, THRESHOLDS, Cusum

TARGET: Final = Target("drift", "false alarms in 10,000", 1.2)
RATES: Final = tuple(round(step / 20, 2) for step in range(2, 20))
OBSERVATIONS: Final = 2_000_000


def thresholds(observations: int, seed: int) -> dict[float, float]:
    """Simulated anew; rounded up, which makes a run longer."""
    return {rate: threshold(rate, observations, seed) for rate in RATES}


def threshold(rate: float, observations: int, seed: int) -> float:
    chance = random.Random(f"{seed} {rate}").random  # noqa: S311 - a simulation
    statistic = Cusum(rate)
    yes, no = statistic.yes, statistic.no
    highest: list[float] = []
    value = top = 0.0
    # The statistic itself, written out: a call for each of millions takes minutes.
    for _ in range(observations):
        value += yes if chance() < rate else no
        if value <= 0.0:
            if top > 2.0:
                highest.append(top)
            value = top = 0.0
        elif value > top:
            top = value
    highest.sort(reverse=True)
    return math.ceil(highest[observations // RUN_LENGTH - 1] * 10) / 10


def false_alarms(rate: float, limit: float, observations: int, seed: int) -> float:
    """In RUN_LENGTH observations of a rate that stays."""
    chance = random.Random(f"{seed} {rate}").random  # noqa: S311 - a simulation
    statistic = Cusum(rate)
    yes, no = statistic.yes, statistic.no
    value, alarms = 0.0, 0
    for _ in range(observations):
        value = max(0.0, value + (yes if chance() < rate else no))
        if value >= limit:
            alarms, value = alarms + 1, 0.0
    return alarms * RUN_LENGTH / observations


def delay(rate: float, limit: float, runs: int, seed: int) -> float:
    """The median number of observations until a fall to three quarters is noticed."""
    chance = random.Random(f"{seed} {rate} falls")  # noqa: S311 - a simulation
    taken = []
    for _ in range(runs):
        statistic, count = Cusum(rate), 1
        while statistic.add(chance.random() < rate * LOWER) < limit:
            count += 1
        taken.append(count)
    return statistics.median(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", action="store_true", help="print new thresholds, and stop")
    parser.add_argument("--observations", type=int, default=OBSERVATIONS)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.table:
        for rate, limit in thresholds(arguments.observations, arguments.seed).items():
            print(f"    {rate}: {limit},")
        return 0
    worst = 0.0
    for rate, limit in THRESHOLDS.items():
        alarms = false_alarms(rate, limit, arguments.observations, arguments.seed + 1)
        late = delay(rate, limit, 200, arguments.seed)
        worst = max(worst, alarms)
        print(
            f"rate {rate:.2f}, threshold {limit}: {alarms:.2f} false alarms in {RUN_LENGTH:,},"
            f" a fall to {rate * LOWER:.2f} is noticed after {late:.0f}"
        )
    TARGET.report(worst)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
