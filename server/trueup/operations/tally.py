"""What many traces say together, for each version of a prompt.

Rates are of jobs that a model answered or failed to answer; a job of a deterministic proposer has
no prompt and is counted by itself. What a suggestion costs that somebody took is the cost of all
jobs of that version by the number taken: what was paid for the others was paid for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from trueup.operations.drift import ACCEPTED, REJECTED
from trueup.operations.prices import NANO
from trueup.operations.trace import Trace
from trueup.suggestion import Outcome, Ruling

NO_PROMPT: Final = "none"
"""What stands in place of a version for jobs that asked no model."""
REFUSED: Final = "refused"
NAMES: Final = "names"
"""The check that finds names, imports and attributes that do not exist."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of jobs; `other` ended without a candidate and without a refusal. `invented` are those
    in which a candidate used a name that does not exist. Money is in nano-dollars.
    """

    jobs: int = 0
    verified: int = 0
    unproven: int = 0
    rejected: int = 0
    refused: int = 0
    other: int = 0
    invented: int = 0
    answered: int = 0
    accepted: int = 0
    tokens: int = 0
    unpriced_tokens: int = 0
    cost_nano: int = 0

    @property
    def cost_per_accepted_usd(self) -> float | None:
        """None where nothing was accepted, or where the price of some call is not known."""
        if not self.accepted or self.unpriced_tokens:
            return None
        return self.cost_nano / NANO / self.accepted

    def share(self, count: int) -> float | None:
        return count / self.jobs if self.jobs else None

    def to_json(self) -> dict[str, object]:
        """Counts, and rates as fractions of the jobs; of acceptance, of those answered."""
        return {
            "jobs": self.jobs,
            "rates": {
                "verified": self.share(self.verified),
                "unproven": self.share(self.unproven),
                "rejected": self.share(self.rejected),
                "refused": self.share(self.refused),
                "other": self.share(self.other),
                "invented_names": self.share(self.invented),
                "accepted": self.accepted / self.answered if self.answered else None,
            },
            "answered": self.answered,
            "tokens": self.tokens,
            "unpriced_tokens": self.unpriced_tokens,
            "cost_usd": self.cost_nano / NANO,
            "cost_per_accepted_usd": self.cost_per_accepted_usd,
        }


def tallies(traces: Iterable[Trace]) -> dict[str, Tally]:
    """The tally of each version of a prompt, by its reference, such as "suggest@v1"."""
    found: dict[str, Tally] = {}
    for trace in traces:
        name = trace.calls[-1].prompt if trace.calls else NO_PROMPT
        found[name] = _with(found.get(name, Tally()), trace)
    return dict(sorted(found.items()))


def _with(tally: Tally, trace: Trace) -> Tally:
    outcome = trace.outcome
    judged = {item.value for item in Ruling}
    said = [answer.said for answer in trace.answers if answer.said in ACCEPTED | REJECTED]
    return replace(
        tally,
        jobs=tally.jobs + 1,
        verified=tally.verified + (outcome == Ruling.VERIFIED),
        unproven=tally.unproven + (outcome == Ruling.UNPROVEN),
        rejected=tally.rejected + (outcome == Ruling.REJECTED),
        refused=tally.refused + (outcome == REFUSED),
        other=tally.other + (outcome not in {*judged, REFUSED}),
        invented=tally.invented + _invents(trace),
        answered=tally.answered + bool(said),
        accepted=tally.accepted + bool(said and said[-1] in ACCEPTED),
        tokens=tally.tokens + trace.usage.total,
        unpriced_tokens=tally.unpriced_tokens + trace.unpriced,
        cost_nano=tally.cost_nano + trace.cost_nano,
    )


def _invents(trace: Trace) -> bool:
    return any(
        found.check == NAMES and found.outcome is Outcome.FAILED
        for tried in trace.tried
        for found in tried.evidence
    )
