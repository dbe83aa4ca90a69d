"""The watch on suggestions: rarely wrong, soon right, and it names what changed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from support import traces
from trueup.operations import drift
from trueup.operations.drift import (
    BASELINE,
    LOWER,
    RUN_LENGTH,
    THRESHOLDS,
    Cusum,
    Key,
    Observation,
    expected_rate,
    observation,
    watch,
)

KEY = Key("suggest@v1", "sonnet", "simplify")
OBSERVATIONS = 300_000


def stream(
    *parts: tuple[int, float], key: Key = KEY, seed: int = 7, start: int = 0, **values: object
) -> list[Observation]:
    """So many observations of such a rate, one after the other."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    found: list[Observation] = []
    for count, rate in parts:
        for _ in range(count):
            at = f"{start + len(found):08}"
            found.append(Observation(at, key, chance.random() < rate, served="sonnet-1"))
    return [replace(item, **values) for item in found]  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0.3, 0.6, 0.9])
def test_false_alarms_are_as_rare_as_is_said(rate: float) -> None:
    chance = random.Random(f"a seed {rate}")  # noqa: S311 - a simulation
    statistic, alarms = Cusum(rate), 0
    for _ in range(OBSERVATIONS):
        if statistic.add(chance.random() < rate) >= THRESHOLDS[rate]:
            alarms, statistic = alarms + 1, Cusum(rate)
    # About 30 are expected; twice that has a chance of less than one in a million.
    assert alarms <= 2 * OBSERVATIONS / RUN_LENGTH


@pytest.mark.parametrize("rate", [0.3, 0.6, 0.9])
def test_a_fall_is_noticed_soon(rate: float) -> None:
    delays = []
    for seed in range(40):
        chance = random.Random(f"{seed} {rate}")  # noqa: S311 - a simulation
        statistic, count = Cusum(rate), 1
        while statistic.add(chance.random() < rate * LOWER) < THRESHOLDS[rate]:
            count += 1
        delays.append(count)
    assert sorted(delays)[20] < {0.3: 400, 0.6: 150, 0.9: 50}[rate]


def test_thresholds_rise_with_the_rate_and_cover_it() -> None:
    assert list(THRESHOLDS) == sorted(THRESHOLDS)
    assert list(THRESHOLDS.values()) == sorted(THRESHOLDS.values())
    assert (min(THRESHOLDS), max(THRESHOLDS)) == (0.1, 0.95)


@pytest.mark.parametrize(
    ("yes", "total", "expected"),
    [(0, 100, None), (5, 100, None), (60, 100, 0.55), (100, 100, 0.95), (600, 1_000, 0.55)],
)
def test_what_is_expected_is_rather_low(yes: int, total: int, expected: float | None) -> None:
    assert expected_rate(yes, total) == expected


def test_a_rate_that_stays_raises_no_alarm() -> None:
    assert watch(stream((1_000, 0.7))) == ()


def test_a_fall_is_an_alarm_that_says_since_when() -> None:
    (alarm, *_) = watch(stream((400, 0.8), (150, 0.4)))
    assert (alarm.key, alarm.rate, alarm.before) == (KEY, "verified", "")
    assert 380 <= int(alarm.since) <= 420
    assert alarm.seen < alarm.expected * 0.8
    assert alarm.sentence.startswith(
        "fewer suggestions of simplify are verified with suggest@v1 and sonnet: "
    )
    assert "\n" not in alarm.sentence


def test_too_few_observations_are_not_judged() -> None:
    assert watch(stream((BASELINE, 0.9))) == ()
    assert watch(stream((BASELINE - 1, 0.9), (1, 0.0))) == ()
    assert watch([]) == ()


def test_a_prompt_that_is_worse_from_its_first_day_is_noticed() -> None:
    second = replace(KEY, prompt="suggest@v2")
    found = stream((200, 0.8)) + stream((120, 0.4), key=second, start=200)
    alarm = watch(found)[0]
    assert (alarm.key, alarm.before) == (second, "suggest@v1")
    assert alarm.changed == ("the prompt is suggest@v2 in 56 of 56, before 2 of 102",)
    assert alarm.sentence.endswith("the version before is suggest@v1")


def test_the_alarm_names_the_model_that_answers_since() -> None:
    later = stream((150, 0.4), start=400, served="sonnet-2", fell=("tests",))
    alarm = watch(stream((400, 0.8)) + later)[0]
    assert alarm.changed == (
        "sonnet-2 answers 45 of 45, before 2 of 402",
        "tests fails in 45 of 45, before 2 of 402",
    )


def test_streams_are_watched_apart() -> None:
    other = replace(KEY, kind="annotate")
    found = stream((600, 0.8)) + stream((400, 0.8), (150, 0.3), key=other)
    assert {alarm.key for alarm in watch(found)} == {other}


def test_answers_are_a_rate_of_their_own() -> None:
    found = [replace(item, verified=True, accepted=True) for item in stream((300, 1))]
    worse = [replace(item, verified=True, accepted=False) for item in stream((60, 1), start=300)]
    unanswered = [replace(item, verified=True) for item in stream((90, 1), start=360)]
    alarms = watch(found + worse + unanswered)
    assert {alarm.rate for alarm in alarms} == {"accepted"}


def test_what_a_trace_says() -> None:
    trace, _ = traces.full()
    found = observation(trace)
    assert found == Observation(
        trace.began,
        Key("suggest@v1", "claude-sonnet-5-5", "fix-diagnostic"),
        verified=False,
        accepted=False,
        served="claude-sonnet-5-5-20260901",
        fell=("tests",),
        goal="fix",
    )
    assert observation(traces.numbered(1)[0]) is None
    assert drift.LOWER == 0.75
