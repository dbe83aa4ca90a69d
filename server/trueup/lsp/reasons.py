"""Why a suggestion was discarded, asked in one click and kept beside the project's decisions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from trueup import TrueupError
from trueup.memory import feedback, learning, lifecycle
from trueup.memory.decisions import Scope
from trueup.memory.feedback import Change
from trueup.memory.journal import Reason
from trueup.memory.lifecycle import Draft
from trueup.snapshot import Snapshot
from trueup.suggestion import Suggestion

QUESTION: Final = "Why not? The same suggestion is not made again."
NOT_NOW: Final = "Just not now"
REASONS: Final = MappingProxyType(
    {
        "Wrong": Reason.WRONG,
        "Not our style": Reason.STYLE,
        "Never suggest this": Reason.NEVER,
    }
)
CHOICES: Final = (*REASONS, NOT_NOW)
TITLE_CHARACTERS_MAX: Final = 100
"""Of a decision that is proposed in the user's own words."""


async def rejected(
    base: Snapshot, suggestion: Suggestion, answer: str, *, decide: bool = False
) -> str:
    """Write down why it was discarded: one of CHOICES, or the user's own words; with `decide`, as a
    proposed decision too. What the user is told, "" for nothing.
    """
    words = answer.strip()
    reason = REASONS.get(words)
    if reason is None and words not in {"", NOT_NOW}:
        reason = Reason.WRONG
    if reason is None and decide:
        reason = Reason.NEVER
    if reason is None:
        return ""
    own = "" if words in CHOICES else words
    return await asyncio.to_thread(_reject, base, suggestion, reason, own, decide=decide)


def _reject(
    base: Snapshot, suggestion: Suggestion, reason: Reason, words: str, *, decide: bool
) -> str:
    try:
        change = _change(base, suggestion)
        event = feedback.reject(base.root, change, reason)
        if decide and words:
            proposed = lifecycle.add(base.root, _draft(change, words))
        else:
            told = replace(event, reason=Reason.NEVER) if decide else event
            proposed = learning.propose(base.root, change, told)
    except (TrueupError, ValueError) as problem:
        return f"The rejection was not written down: {problem}."
    return f"{proposed} is proposed: read it, and accept it or not." if proposed else ""


def _draft(change: Change, words: str) -> Draft:
    """What somebody said of a suggestion, as advice about the files that it was for."""
    title = words.splitlines()[0][:TITLE_CHARACTERS_MAX]
    about = f"Said of a suggestion ({change.kind}) in {change.symbol or change.paths[0]}."
    return Draft(title, f"{words}\n\n{about}", scope=Scope(paths=change.paths))


async def change_to_keep(base: Snapshot, suggestion: Suggestion) -> Change | None:
    """The change as a journal has it; None where the project has no journal."""
    return await asyncio.to_thread(_change_to_keep, base, suggestion)


def _change_to_keep(base: Snapshot, suggestion: Suggestion) -> Change | None:
    try:
        return _change(base, suggestion) if feedback.is_kept(base.root) else None
    except (TrueupError, ValueError):
        # What does not fit is refused in a moment, with the reason.
        return None


async def taken(root: str, change: Change) -> str:
    """Write down that it was applied; what the user is told, "" for nothing."""
    try:
        await asyncio.to_thread(feedback.accept, root, change)
    except TrueupError as problem:
        return f"That it was applied was not written down: {problem}."
    return ""


def _change(base: Snapshot, suggestion: Suggestion) -> Change:
    before = feedback.with_touched(base, suggestion.candidate)
    return feedback.change_of(suggestion.goal, suggestion.candidate, before)
