"""What a person finds who searches a project: decisions and code in one list, each with its reason.

Decisions first, since they are few and were written to be found; code where there is an index of
it. Knows where each is and what to call it, not how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trueup.memory.decisions import Decisions
from trueup.memory.hidden import one_line
from trueup.memory.lookup import FoundCode
from trueup.memory.search import Answer

DECISIONS_MAX: Final = 10
CODE_MAX: Final = 20
"""Results of one search, of each kind."""
TOKENS_MAX: Final = 20_000
"""For people: as much as DECISIONS_MAX may take, since nobody pays for it."""


class Kind(StrEnum):
    DECISION = "decision"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Hit:
    """`path` is relative to the root, `line` 1-based; `why` are words for the user."""

    title: str
    kind: Kind
    path: str
    line: int
    why: str


def of_decisions(known: Decisions, answer: Answer) -> tuple[Hit, ...]:
    return tuple(
        Hit(
            one_line(f"{known.short(item.decision)} {item.decision.title}"),
            Kind.DECISION,
            item.decision.path,
            item.decision.line,
            one_line(str(item.why)),
        )
        for item in answer.taken[:DECISIONS_MAX]
    )


def of_code(found: Iterable[FoundCode]) -> tuple[Hit, ...]:
    return tuple(
        Hit(
            one_line(item.row.qualified or item.row.path),
            Kind.SYMBOL,
            item.row.path,
            item.row.line,
            one_line("; ".join(item.why)),
        )
        for item in found
    )
