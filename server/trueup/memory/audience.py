"""Who reads an answer, and which decisions they may see."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from trueup.memory.decisions import Decision, Status, Visibility


class Audience(StrEnum):
    """Who reads the answer."""

    PERSON = "person"
    """Somebody at this machine: sees all."""
    MODEL = "model"
    """A prompt: nothing that is never sent, and nothing that does not hold any more."""
    TEAM = "team"
    """What leaves this machine in a file, as an export does."""


_VISIBLE: Final = {
    Audience.PERSON: frozenset(Visibility),
    Audience.MODEL: frozenset({Visibility.TEAM, Visibility.LOCAL}),
    Audience.TEAM: frozenset({Visibility.TEAM}),
}
_OVER: Final = frozenset({Status.SUPERSEDED, Status.REJECTED, Status.RETIRED})


def may_see(audience: Audience, item: Decision) -> bool:
    if item.visibility not in _VISIBLE[audience]:
        return False
    return audience is Audience.PERSON or item.status not in _OVER
