"""Traces made by hand: one with all that a trace can hold, hostile text included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trueup.operations.prices import Usage
from trueup.operations.trace import ModelCall, Recording, Told, Trace, Tried, UserAnswer
from trueup.snapshot import Span
from trueup.suggestion import (
    Counterexample,
    Diagnostic,
    Evidence,
    Goal,
    GoalKind,
    Outcome,
    Recipe,
    TestSummary,
)

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&[bold]"
BEGAN = datetime(2026, 5, 20, 12, tzinfo=UTC)


def goal(instruction: str = "") -> Goal:
    return Goal(
        GoalKind.FIX,
        Recipe.FIX_DIAGNOSTIC,
        "shop/cart.py",
        Span(3, 9),
        symbol="total",
        diagnostic=Diagnostic("shop/cart.py", Span(3, 9), f"wrong {HOSTILE}", "Ruff", "E1"),
        instruction=instruction,
    )


def full(text: str = HOSTILE) -> tuple[Trace, dict[str, str]]:
    """A trace and its texts: two calls, two candidates, an answer."""
    recording = Recording("/work/shop", goal(text))
    call = ModelCall(
        "claude-sonnet-5-5", "claude-sonnet-5-5-20260901", "suggest@v1", "ab" * 32, 40, 900,
        Usage(1_000, 200, 50, 300, 120), first_token_ms=350, cost_nano=5_145_000,
        price_version="2026-11-20", sent=recording.keep(f"system:\n{text}"),
        reply=recording.keep(f"reply {text}"),
    )  # fmt: skip
    recording.planned(f"total in shop/cart.py {text}", "tests/test_cart.py")
    recording.told(
        Told("decision", "0007", f"Cents {text}", "docs/decisions/0007-cents.md",
             "its scope shop/** is meant; it says cents", "shop/**", 1, 42),
        Told("decision", "", f"Crowded {text}", "docs/decisions/0008-x.md", "", left_out=True),
    )  # fmt: skip
    recording.called(call)
    recording.called(
        replace(
            call, began_ms=1_800, ending="truncated", sentence=f"cut off {text}", cost_nano=None,
            price_version="", first_token_ms=None, estimated=True, reply=None,
        )
    )  # fmt: skip
    found = Evidence("tests", Outcome.FAILED, f"one fails {text}", "shop/cart.py", 7)
    call_shown = Counterexample("total", "total([])", "returns 0", f"raises {text}")
    told = Evidence("behaviour", Outcome.UNKNOWN, "not compared", counterexample=call_shown)
    recording.judged(
        Tried(
            "claude-sonnet-5-5", f"Do it {text}", 950, 700, "rejected", evidence=(found, told),
            diff=recording.keep(f"--- a\n+++ b\n+{text}"), tests=TestSummary(3, 9, 2, ("t",)),
            isolation="namespaces", call=0,
        )
    )  # fmt: skip
    recording.judged(Tried("claude-sonnet-5-5", "", 2_700, 0, "truncated", f"cut off {text}"))
    trace = recording.ended("rejected", f"nothing fits {text}", "namespaces")
    answers = (UserAnswer("rejected", BEGAN.isoformat()),)
    trace = replace(
        trace, id="20260520T120000-0123abcd", began=BEGAN.isoformat(), elapsed_ms=2_750,
        version="0.0.0", answers=answers,
    )  # fmt: skip
    return trace, recording.texts


def numbered(number: int, text: str = "a text") -> tuple[Trace, dict[str, str]]:
    """One of many; the higher the number, the later."""
    recording = Recording("/work/shop", goal())
    recording.judged(Tried("ruff", "t", 0, 1, "verified", diff=recording.keep(f"{text} {number}")))
    began = BEGAN + timedelta(minutes=number)
    name = f"{began:%Y%m%dT%H%M%S}-{number:08x}"
    trace = replace(recording.ended("verified"), id=name, began=began.isoformat())
    return trace, recording.texts


def fallen(count: int = 110, *, after: int = 20, model: str = "claude-sonnet-5-5") -> list[Trace]:
    """So many verified suggestions with suggest@v1, then rejected ones with suggest@v2."""
    made = []
    call = full()[0].calls[0]
    for number in range(count + after):
        good = number < count
        trace, _ = numbered(number)
        asked = replace(
            call, asked=model, prompt="suggest@v1" if good else "suggest@v2", sent=None, reply=None
        )
        made.append(
            replace(
                trace,
                goal=Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, "a.py", Span(0, 1)),
                calls=(asked,),
                tried=(),
                outcome="verified" if good else "rejected",
            )
        )
    return made
