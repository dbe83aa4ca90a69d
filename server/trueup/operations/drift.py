"""Whether suggestions are getting worse, and since when.

Two rates are watched for each version of the prompt, model and kind of goal: how many jobs end
verified, and how many of the suggestions that were answered are accepted. Each is a stream of
yes and no, watched by a one-sided CUSUM for a Bernoulli rate (Page 1954, doi:10.2307/2333009, as
in Reynolds and Stoumbos 1999, doi:10.1080/00224065.1999.11979900):

    S := max(0, S + log-likelihood ratio of the lower rate to the expected one)

and an alarm when S reaches a threshold. The lower rate is three quarters of the expected one. The
thresholds are simulated (`bench/drift.py`) so that a rate that stays as expected raises an alarm
once in RUN_LENGTH observations.

What is expected comes from the prompt's previous version where that was seen often enough, so that
a version that is worse from its first day is noticed; else from the stream's own beginning. It is
the lower end of an interval, rounded down: a rate above it raises fewer alarms, never more.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from trueup.operations.trace import ANSWERED, Trace
from trueup.suggestion import Recipe

RUN_LENGTH: Final = 10_000
"""Observations between two false alarms of one stream, on average."""
BASELINE: Final = 100
"""Observations from which an expectation is made."""
LOWER: Final = 0.75
"""The share of the expected rate that is looked for."""
ACCEPTED: Final = frozenset({"applied", "kept"})
REJECTED: Final = frozenset({"rejected", "undone"})

THRESHOLDS: Final = {
    0.1: 3.7,
    0.15: 4.1,
    0.2: 4.4,
    0.25: 4.7,
    0.3: 5.0,
    0.35: 5.1,
    0.4: 5.3,
    0.45: 5.5,
    0.5: 5.6,
    0.55: 5.7,
    0.6: 5.9,
    0.65: 6.0,
    0.7: 6.2,
    0.75: 6.3,
    0.8: 6.5,
    0.85: 6.6,
    0.9: 6.7,
    0.95: 6.9,
}
"""The threshold for each expected rate; printed by `bench/drift.py`."""

MOST: Final = 0.5
"""By how much a share must have risen to be called the change. The moment of a change is a guess,
so a few observations stand on the wrong side of it.
"""

REVIEW: Final = "review"
NOTHING: Final = "nothing-to-do"
"""The outcome of a review that found nothing."""

Rate = Literal["verified", "accepted"]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What is watched by itself: "suggest@v1", the model asked, and the recipe of the goal."""

    prompt: str
    model: str
    kind: str


@dataclass(frozen=True, slots=True)
class Observation:
    """One job of a model. `accepted` is None where the user gave no answer; `fell` are the checks
    that rejected its candidates, or the failure in place of one; `goal` is whose prompt it is:
    "fix", "refactor" or "review".
    """

    at: str
    key: Key
    verified: bool
    accepted: bool | None = None
    served: str = ""
    fell: tuple[str, ...] = ()
    goal: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rate has fallen: from `expected` to `seen` over the last `count` observations, the first of
    them at `since`, the last at `raised`. `changed` names what else is different from then on;
    `before` is the previous version of the prompt, "" for none; `goal` as in Observation.
    """

    key: Key
    rate: Rate
    expected: float
    seen: float
    since: str
    count: int
    changed: tuple[str, ...] = ()
    before: str = ""
    raised: str = ""
    goal: str = ""

    @property
    def sentence(self) -> str:
        said = (
            f"fewer suggestions of {self.key.kind} are {self.rate} with {self.key.prompt} and"
            f" {self.key.model}: {self.seen:.0%} of the last {self.count}, where"
            f" {self.expected:.0%} or more were expected"
        )
        parts = [said, *self.changed]
        if self.before:
            parts.append(f"the version before is {self.before}")
        return "; ".join(parts)


class Cusum:
    """The statistic of one stream that is expected to be yes at the rate `expected`."""

    def __init__(self, expected: float) -> None:
        lower = expected * LOWER
        self.yes = math.log(lower / expected)
        self.no = math.log((1 - lower) / (1 - expected))
        self.value = 0.0
        self.since = 0
        """How many observations ago the statistic left zero: the best guess at the change."""

    def add(self, yes: bool) -> float:
        self.value = max(0.0, self.value + (self.yes if yes else self.no))
        self.since = self.since + 1 if self.value else 0
        return self.value


def expected_rate(yes: int, total: int) -> float | None:
    """The rate of the table that surely was reached; None where it is too low to watch.

    The lower end of Wilson's interval at one standard deviation (1927, doi:10.1080/
    01621459.1927.10502953), rounded down to the table.
    """
    share = yes / total
    lower = (share + 0.5 / total - math.sqrt(share * (1 - share) / total + 0.25 / total**2)) / (
        1 + 1 / total
    )
    return max((rate for rate in THRESHOLDS if rate <= lower), default=None)


def observation(trace: Trace) -> Observation | None:
    """What a trace says of its prompt and model; None where no model answered, and for a review
    that found nothing: that says nothing about it.
    """
    if trace.goal.recipe is Recipe.REVIEW and trace.outcome == NOTHING:
        return None
    answered = [call for call in trace.calls if call.ending == ANSWERED]
    if not answered:
        return None
    last = answered[-1]
    fell = tuple(
        found.check
        for tried in trace.tried
        for found in tried.evidence
        if found.outcome.value == "failed"
    ) or tuple(tried.outcome for tried in trace.tried if tried.sentence)
    said = [answer.said for answer in trace.answers if answer.said in ACCEPTED | REJECTED]
    return Observation(
        trace.began,
        Key(last.prompt, last.asked, trace.goal.recipe.value),
        trace.outcome == "verified",
        said[-1] in ACCEPTED if said else None,
        last.served,
        fell,
        REVIEW if trace.goal.recipe is Recipe.REVIEW else trace.goal.kind.value,
    )


def watch(observations: Iterable[Observation]) -> tuple[Alarm, ...]:
    """Every alarm, in the order of their streams; a stream starts anew after each."""
    streams: dict[Key, list[Observation]] = {}
    for item in sorted(observations, key=lambda item: item.at):
        streams.setdefault(item.key, []).append(item)
    alarms: list[Alarm] = []
    for key, stream in streams.items():
        before = _before(key, streams)
        for rate in ("verified", "accepted"):
            alarms += _alarms(key, rate, stream, streams[before] if before else (), before)
    return tuple(alarms)


def _before(key: Key, streams: dict[Key, list[Observation]]) -> Key | None:
    """The same model and kind with the prompt that was used until this one came."""
    own = streams[key][0].at
    others = [
        (found[0].at, other)
        for other, found in streams.items()
        if (other.model, other.kind) == (key.model, key.kind) and found[0].at < own
    ]
    return max(others)[1] if others else None


def _alarms(
    key: Key, rate: Rate, stream: Sequence[Observation], before: Sequence[Observation],
    version_before: Key | None,
) -> list[Alarm]:  # fmt: skip
    watched = _answered(rate, stream)
    learned = _answered(rate, before)[-BASELINE:]
    own = len(learned) < BASELINE
    if own:
        learned, watched = watched[:BASELINE], watched[BASELINE:]
    if len(learned) < BASELINE or not watched:
        return []
    expected = expected_rate(sum(yes for _, yes in learned), len(learned))
    if expected is None:
        return []
    statistic, alarms = Cusum(expected), []
    for place, (_, yes) in enumerate(watched):
        if statistic.add(yes) < THRESHOLDS[expected]:
            continue
        recent = watched[place + 1 - statistic.since : place + 1]
        earlier = [item for item, _ in (*learned, *watched[: place + 1 - statistic.since])]
        alarms.append(
            Alarm(
                key,
                rate,
                expected,
                sum(yes for _, yes in recent) / len(recent),
                recent[0][0].at,
                len(recent),
                _changed([item for item, _ in recent], earlier),
                version_before.prompt if version_before else "",
                recent[-1][0].at,
                recent[-1][0].goal,
            )
        )
        statistic = Cusum(expected)
    return alarms


def _answered(rate: Rate, stream: Iterable[Observation]) -> list[tuple[Observation, bool]]:
    if rate == "verified":
        return [(item, item.verified) for item in stream]
    return [(item, item.accepted) for item in stream if item.accepted is not None]


def _changed(recent: Sequence[Observation], earlier: Sequence[Observation]) -> tuple[str, ...]:
    """What is different since the rate fell, in words."""
    said = (
        _risen("{} answers {}", *([(item.served,) for item in part] for part in (recent, earlier))),
        _risen(
            "the prompt is {} in {}",
            *([(item.key.prompt,) for item in part] for part in (recent, earlier)),
        ),
        _risen(
            "{} fails in {}", *([item.fell for item in part] for part in (recent, earlier)), least=0
        ),
    )
    return tuple(sentence for sentence in said if sentence)


def _risen(
    words: str,
    recent: Sequence[Sequence[str]],
    earlier: Sequence[Sequence[str]],
    *,
    least: float = MOST,
) -> str:
    """The name of which the share has risen most, if by more than `least`; "" for none."""
    now, then = (Counter(name for names in part for name in names) for part in (recent, earlier))
    rises = {name: now[name] / len(recent) - then[name] / len(earlier) for name in now if name}
    name = max(rises, key=lambda name: (rises[name], name), default="")
    if not name or rises[name] <= least:
        return ""
    said = words.format(name, now[name])
    return f"{said} of {len(recent)}, before {then[name]} of {len(earlier)}"
