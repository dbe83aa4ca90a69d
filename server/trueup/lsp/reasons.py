"""Why a suggestion was discarded, asked in one click and kept beside the project's decisions."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Final

from trueup import TrueupError
from trueup.memory import feedback, learning
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


async def taken(base: Snapshot, suggestion: Suggestion) -> str:
    """Write down that it is being applied; what the user is told, "" for nothing."""
    return await asyncio.to_thread(_take, base, suggestion)


def _take(base: Snapshot, suggestion: Suggestion) -> str:
    try:
        if feedback.is_kept(base.root):
            feedback.accept(base.root, _change(base, suggestion))
    except (TrueupError, ValueError) as problem:
        return f"That it was taken was not written down: {problem}."
    return ""


def _change(base: Snapshot, suggestion: Suggestion) -> feedback.Change:
    before = feedback.with_touched(base, suggestion.candidate)
    return feedback.change_of(suggestion.goal, suggestion.candidate, before)
