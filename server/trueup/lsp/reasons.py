"""Why a suggestion was discarded, asked in one click and kept beside the project's decisions."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Final

from trueup import TrueupError
from trueup.memory import feedback, learning
from trueup.memory.feedback import Change
from trueup.memory.journal import Reason
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


async def rejected(base: Snapshot, suggestion: Suggestion, answer: str) -> str:
    """Write down that answer to the question; what the user is told, "" for nothing."""
    reason = REASONS.get(answer)
    return await asyncio.to_thread(_reject, base, suggestion, reason) if reason else ""


def _reject(base: Snapshot, suggestion: Suggestion, reason: Reason) -> str:
    try:
        change = _change(base, suggestion)
        event = feedback.reject(base.root, change, reason)
        proposed = learning.propose(base.root, change, event)
    except (TrueupError, ValueError) as problem:
        return f"The rejection was not written down: {problem}."
    return f"{proposed} is proposed: read it, and accept it or not." if proposed else ""


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
