"""Whether the calls on which old and new agree would tell a mistake at what changed.

Agreement says something of an expression only where it matters: where another value of it makes
some call end otherwise. So each piece that differs is altered, on its own side, and the calls are
made again. A piece that no call depends on may be wrong without anybody noticing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from trueup.snapshot import Snapshot
from trueup.verify import views
from trueup.verify.alterations import Alteration, alterations
from trueup.verify.pieces import chosen_of, pieces
from trueup.verify.sidebyside import Bench, Finding
from trueup.verify.views import Comparison, Outcome

PIECES_MAX: Final = 8
"""Pieces of one function that are altered, of both sides together."""
INPUTS_MAX: Final = 80
"""Calls that an alteration is tried on."""
AT_ONCE: Final = 2


async def indifferent(bench: Bench, finding: Finding) -> tuple[int, str] | None:
    """What no call depends on: the line in the side it is from, and a clause; else None.

    `finding` is one of agreement.
    """
    target = finding.subject.target
    before, after = bench.trial.before, bench.trial.after
    old, new = before.documents[target.path].text, after.documents[target.path].text
    chosen = chosen_of(*pieces(old, new, target.qualname), PIECES_MAX)
    gate = asyncio.Semaphore(AT_ONCE)
    tried = [
        (alteration, snapshot, outcomes)
        for text, side, snapshot, outcomes in (
            (old, chosen[0], before, finding.old),
            (new, chosen[1], after, finding.new),
        )
        for alteration in alterations(text, side, many_calls=True)
    ]

    async def one(alteration: Alteration, side: Snapshot, seen: Mapping[int, Outcome]) -> bool:
        async with gate:
            return await _noticed(bench, finding, alteration, side, seen)

    noticed = await asyncio.gather(*(one(*item) for item in tried))
    for (alteration, _, _), yes in zip(tried, noticed, strict=True):
        if not yes:
            return alteration.line, alteration.unnoticed
    return None


async def _noticed(
    bench: Bench,
    finding: Finding,
    alteration: Alteration,
    side: Snapshot,
    seen: Mapping[int, Outcome],
) -> bool:
    """Whether some call ends otherwise. One that cannot be made at all is noticed, too."""
    item = finding.subject
    places = finding.agreed[:INPUTS_MAX]
    document = side.documents[item.target.path]
    altered = await bench.outcomes(
        side.having(replace(document, text=alteration.text)),
        item,
        [item.inputs[at] for at in places],
    )
    if isinstance(altered, str):
        return True
    return any(
        views.compare(
            seen[at], altered.get(place), recorded=at < len(item.recorded), manner=finding.manner
        )
        is not Comparison.SAME
        for place, at in enumerate(places)
    )
