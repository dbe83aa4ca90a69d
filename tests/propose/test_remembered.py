"""Which decisions a model is told of, and that what is never sent is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.memory.search import Answer
from trueup.propose import context, remembered
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Goal, GoalKind, Recipe

PAGE = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D{letter}E
title: {title}
status: {status}
severity: veto
visibility: {visibility}
scope: {{paths: ["shop/**"], symbols: []}}
---
# {title}

{prose}
"""
TEXT = "def total(prices):\n    return sum(prices)\n"


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    folder = tmp_path / "docs/decisions"
    folder.mkdir(parents=True)
    for number, (title, status, visibility, prose) in enumerate(
        (
            ("Money is counted in cents", "accepted", "team", "Floats lose them."),
            ("The margin is ours to know", "accepted", "never", "CANARY forty per cent."),
            ("Prices were strings once", "retired", "team", "Not any more."),
        ),
        1,
    ):
        page = PAGE.format(
            letter=number, title=title, status=status, visibility=visibility, prose=prose
        )
        (folder / f"000{number}-x.md").write_text(page)
    return Snapshot.of(str(tmp_path), (Document("shop/total.py", TEXT),))


def goal(recipe: Recipe = Recipe.SIMPLIFY) -> Goal:
    return Goal(GoalKind.REFACTOR, recipe, "shop/total.py", Span(0, 3), symbol="total")


def told(answer: Answer) -> context.Material:
    pieces = (context.Piece("a decision", taken.text, taken.decision.id) for taken in answer.taken)
    return context.Material(said=tuple(pieces))


def test_a_model_is_told_what_holds_here_and_nothing_that_is_never_sent(
    snapshot: Snapshot,
) -> None:
    answer = remembered.decisions(goal(), snapshot)
    assert [taken.decision.title for taken in answer.taken] == ["Money is counted in cents"]
    shown = context.build(goal(), snapshot, 2_000, material=told(answer))
    assert isinstance(shown, context.Context)
    assert "Floats lose them." in shown.text
    assert "CANARY" not in shown.text
    # Data between delimiters, before the file: it stays the same from one request to the next.
    assert shown.text.index("a decision>>>") < shown.text.index("def total")
    assert shown.text.index("Floats") < shown.text.index("Task\n")


def test_without_decisions_nothing_is_said_of_them(tmp_path: Path) -> None:
    snapshot = Snapshot.of(str(tmp_path), (Document("shop/total.py", TEXT),))
    assert remembered.decisions(goal(), snapshot).taken == ()
    shown = context.build(goal(), snapshot, 2_000, material=context.NOTHING)
    assert isinstance(shown, context.Context)
    assert "decisions" not in shown.text


def test_decisions_take_their_room_from_the_file(snapshot: Snapshot) -> None:
    decided = remembered.decisions(goal(), snapshot)
    for budget in (500, 1_000):
        shown = context.build(goal(), snapshot, budget, material=told(decided))
        assert isinstance(shown, context.Context)
        assert shown.tokens <= budget
    assert not isinstance(
        context.build(goal(), snapshot, 200, material=told(decided)), context.Context
    )
