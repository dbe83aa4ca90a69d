"""What is written down of a job, without what is never to be sent."""

from __future__ import annotations

from dataclasses import replace

from trueup.memory.unsent import A_FILE, Unsent
from trueup.operations.trace import Tried
from trueup.suggestion import Evidence, Goal


def goal(asked: Goal, unsent: Unsent) -> Goal:
    """The goal as a trace has it: the words of a diagnostic may be those of a decision."""
    if asked.diagnostic is None:
        return asked
    message = unsent.without(asked.diagnostic.message)
    return replace(asked, diagnostic=replace(asked.diagnostic, message=message))


def without(tried: Tried, unsent: Unsent) -> Tried:
    """A candidate as a trace has it."""
    tests = tried.tests
    return replace(
        tried,
        title=unsent.without(tried.title),
        evidence=tuple(_evidence(found, unsent) for found in tried.evidence),
        tests=replace(
            tests, failed=_names(tests.failed, unsent), red_before=_names(tests.red_before, unsent)
        ),
    )


def _evidence(found: Evidence, unsent: Unsent) -> Evidence:
    if found.path and unsent.hides(found.path):
        return Evidence(found.check, found.outcome, A_FILE)
    shown = found.counterexample
    if shown is not None and unsent.without(shown.sentence) != shown.sentence:
        shown = None
    return replace(found, detail=unsent.without(found.detail), counterexample=shown)


def _names(tests: tuple[str, ...], unsent: Unsent) -> tuple[str, ...]:
    return tuple(unsent.without(name) for name in tests)
