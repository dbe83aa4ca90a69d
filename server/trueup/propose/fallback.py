"""What deterministic proposers know to do for a goal that no model can be asked about.

Less than a model would: the fixes that Ruff has at the place, of the rules that mean what the goal
asks for. They go through the same gate.
"""

from __future__ import annotations

from typing import Final

from trueup import linting
from trueup.linting import Finding
from trueup.propose.context import FILE_CHARACTERS_MAX
from trueup.propose.proposal import FailureKind
from trueup.snapshot import Snapshot, Span
from trueup.suggestion import Goal, Recipe
from trueup.symbols import Outline

UNAVAILABLE: Final = frozenset(
    {
        FailureKind.NO_KEY,
        FailureKind.UNREACHABLE,
        FailureKind.AUTH,
        FailureKind.REFUSED,
        FailureKind.TRUNCATED,
        FailureKind.OVERLOADED,
        FailureKind.RATE_LIMITED,
        FailureKind.SPEND_LIMIT,
        FailureKind.BUDGET,
        FailureKind.CONTEXT_EXCEEDED,
        FailureKind.PROTOCOL,
        FailureKind.CANNOT,
    }
)
"""Failures after which there is no answer of a model to be had."""

RULES: Final = {
    Recipe.SIMPLIFY: ("SIM", "C4", "RET5", "PIE", "FURB"),
    Recipe.ANNOTATE: ("ANN",),
    Recipe.DOCUMENT: ("D",),
}
"""Ruff's rules by what is asked for; other recipes have none."""


async def findings(goal: Goal, snapshot: Snapshot) -> tuple[Finding, ...]:
    """What Ruff could change at the goal's place; () where that is nothing, or Ruff cannot run."""
    document, rules = snapshot.get(goal.path), RULES.get(goal.recipe, ())
    if document is None or not rules or len(document.text) > FILE_CHARACTERS_MAX:
        return ()
    found = await linting.diagnostics(snapshot.root, document, only=rules)
    if isinstance(found, linting.LintFailure):
        return ()
    place = _place(goal, Outline(document.text))
    return tuple(
        item
        for item in found
        if item.fix
        and item.applicability != "display"
        and all(place.contains(edit.span) for edit in item.fix)
    )


def _place(goal: Goal, outline: Outline) -> Span:
    symbols = outline.find(goal.symbol) if goal.symbol else ()
    return symbols[0].span if symbols else goal.span
