"""Many small fixes as one change: the largest part of them that verifies.

Delta debugging in its simplest form (Zeller, 1999): a group that does not verify is halved until
single fixes are left, which are then kept or dropped with their reason. What was kept is judged
once more together, because two changes can be right alone and wrong together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from trueup.linting import Finding
from trueup.snapshot import Span
from trueup.suggestion import Candidate, Ruling, Suggestion

Judge = Callable[[Candidate], Awaitable[Suggestion]]


@dataclass(frozen=True, slots=True)
class Batch:
    """`suggestion` is about everything that was kept; None where nothing was."""

    suggestion: Suggestion | None
    kept: tuple[Finding, ...]
    dropped: tuple[tuple[Finding, str], ...]


async def verified_part(findings: Sequence[Finding], judge: Judge) -> Batch:
    """The fixes of `findings`, all on the same text, that verify together."""
    dropped: list[tuple[Finding, str]] = []
    chosen = apart(findings)
    overlap = "its fix overlaps another one; run again for it"
    dropped += [(item, overlap) for item in findings if item.fix and item not in chosen]
    kept = await _verified(chosen, judge, dropped)
    if not kept:
        return Batch(None, (), tuple(dropped))
    together = await judge(candidate(kept))
    while together.verdict.outcome is not Ruling.VERIFIED and len(kept) > 1:
        dropped.append((kept.pop(), "it does not verify together with the others"))
        together = await judge(candidate(kept))
    return Batch(together, tuple(kept), tuple(dropped))


def candidate(findings: Sequence[Finding]) -> Candidate:
    codes = sorted({item.diagnostic.code for item in findings})
    edits = tuple(edit for item in findings for edit in item.fix)
    return Candidate(f"{len(findings)} fixes of Ruff ({', '.join(codes)})", edits, "ruff")


def apart(findings: Sequence[Finding]) -> list[Finding]:
    """The findings whose fixes touch nothing that the fix of an earlier one touches."""
    chosen: list[Finding] = []
    for item in findings:
        taken = [edit for other in chosen for edit in other.fix]
        if item.fix and not any(_meet(one.span, two.span) for one in item.fix for two in taken):
            chosen.append(item)
    return chosen


def _meet(one: Span, other: Span) -> bool:
    return one == other or one.overlaps(other)


async def _verified(
    group: list[Finding], judge: Judge, dropped: list[tuple[Finding, str]]
) -> list[Finding]:
    if not group:
        return []
    suggestion = await judge(candidate(group))
    if suggestion.verdict.outcome is Ruling.VERIFIED:
        return group
    if len(group) == 1:
        missing = suggestion.verdict.missing
        why = missing[0].detail if missing else "nothing proves it"
        dropped.append((group[0], f"{suggestion.verdict.outcome}: {why}"))
        return []
    half = len(group) // 2
    first = await _verified(group[:half], judge, dropped)
    return first + await _verified(group[half:], judge, dropped)
