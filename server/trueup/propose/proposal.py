"""What a proposer answers: a candidate, or one sentence that says why there is none.

A model that cannot be reached and a rule that has no fix are ordinary answers, so they are values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trueup.suggestion import Candidate


class FailureKind(StrEnum):
    NO_KEY = "no-key"
    UNREACHABLE = "unreachable"
    AUTH = "auth"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    OVERLOADED = "overloaded"
    RATE_LIMITED = "rate-limited"
    SPEND_LIMIT = "spend-limit"
    BUDGET = "budget"
    """Our own ceiling, not the account's: the call was not made."""
    CONTEXT_EXCEEDED = "context-exceeded"
    PROTOCOL = "protocol"
    NONSENSE = "nonsense"
    """The model answered, and the answer is not a change of this workspace."""
    DECLINED = "declined"
    """Somebody rejected this very change before, and nobody took that back."""
    REPEATED = "repeated"
    """The model proposed this very change before in the same job."""
    PRIVATE = "private"
    """The file is not for a model to see."""
    NOTHING_TO_DO = "nothing-to-do"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why `proposer` has no candidate: one sentence for the user."""

    kind: FailureKind
    sentence: str
    proposer: str


Proposal = Candidate | Failure
