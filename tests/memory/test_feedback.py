"""What people said of suggestions: kept whole, recognised again, and never more than it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup import InputError
from trueup.memory import feedback, journal, learning, lifecycle, ulid
from trueup.memory.decisions import Scope, Weight
from trueup.memory.feedback import Change
from trueup.memory.journal import Event, Reason, Said
from trueup.memory.lifecycle import Draft
from trueup.memory.places import load
from trueup.snapshot import Document, Edit, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe

PATH: Final = "src/a.py"
OLD: Final = "def f(x):\n    return x + 1\n"
NEW: Final = "def f(x):\n    return plus(x, 1)\n"


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    return str(tmp_path)


def asked(root: str, old: str, new: str) -> tuple[Goal, Candidate, Snapshot]:
    goal = Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, PATH, Span(0, 0), "f")
    candidate = Candidate("Simplify", (Edit(PATH, Span(0, len(old)), new),), "model")
    return goal, candidate, Snapshot.of(root, (Document(PATH, old),))


def change(root: str, old: str = OLD, new: str = NEW) -> Change:
    return feedback.change_of(*asked(root, old, new))


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("def f(x):\n    # one more\n    return (x + 1)\n", NEW, True),
        (f"import os\n\n{OLD}", f"import os\n\n\n{NEW}", True),
        (OLD, NEW.replace("    return", "    # why\n    return"), True),
        (OLD.replace("x", "y"), NEW.replace("x", "y"), False),
        (OLD.replace("1", "2"), NEW, False),
        (OLD, NEW.replace("1", "2"), False),
    ],
)
def test_layout_does_not_count_and_code_does(root: str, old: str, new: str, same: bool) -> None:
    assert (change(root, old, new).fingerprint == change(root).fingerprint) is same


def test_it_holds_until_it_is_undone_or_its_decisions_change(root: str) -> None:
    goal, candidate, before = asked(root, OLD, NEW)
    event = feedback.reject(root, change(root), Reason.STYLE)
    assert "as not our style" in feedback.objection(root, goal, candidate, before)
    assert "plus" not in Path(root, journal.path_of(root)).read_text("utf-8")
    journal.undo(root, event.id[:20].lower())
    assert feedback.objection(root, goal, candidate, before) == ""
    feedback.reject(root, change(root), Reason.WRONG)
    path = lifecycle.add(root, Draft("Add with plus", scope=Scope(paths=("src/**",))))
    assert feedback.objection(root, goal, candidate, before), "what is proposed is in force nowhere"
    lifecycle.accept(root, lifecycle.clear(load(root), path))
    assert feedback.objection(root, goal, candidate, before) == ""


def test_two_rejections_of_one_kind_are_proposed_once(root: str) -> None:
    first, second, third = (change(root, OLD, f"{NEW}\nz = {number}\n") for number in range(3))
    assert learning.propose(root, first, feedback.reject(root, first, Reason.WRONG)) == ""
    path = learning.propose(root, second, feedback.reject(root, second, Reason.WRONG))
    assert path.endswith("do-not-suggest-calls-of-plus.md")
    assert not any(problem.source.path == path for problem in load(root).problems)
    assert learning.propose(root, third, feedback.reject(root, third, Reason.NEVER)) == ""


def test_what_was_learned_does_not_bring_it_back(root: str) -> None:
    goal, candidate, before = asked(root, OLD, NEW)
    made = change(root)
    path = learning.propose(root, made, feedback.reject(root, made, Reason.NEVER))
    lifecycle.accept(root, lifecycle.clear(load(root), path))
    assert "as never to be suggested" in feedback.objection(root, goal, candidate, before)


@pytest.mark.parametrize("why", ["accepted", "everywhere"])
def test_a_rule_that_fails_its_back_test_is_advice(root: str, why: str) -> None:
    made = change(root)
    if why == "accepted":
        feedback.accept(root, replace(made, fingerprint="another"))
    else:
        Path(root, "many.py").write_text("plus(1, 2)\n" * (learning.PLACES_MAX + 1), "utf-8")
    path = learning.propose(root, made, feedback.reject(root, made, Reason.NEVER))
    (decision,) = (item for item in load(root) if item.path == path)
    assert (decision.severity, decision.rules) == (Weight.ADVICE, ())


@given(st.integers(0, 400), st.integers(0, 3))
def test_a_torn_line_costs_itself_alone(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: int
) -> None:
    root = str(tmp_path_factory.mktemp("torn"))
    file = Path(root, journal.append(root, Event(ulid.new(), Said.REJECTED, "a", "simplify")))
    whole = file.read_bytes()
    torn = whole[: cut % (len(whole) - 1)]
    file.write_bytes(whole + torn)
    for _ in range(more):
        journal.append(root, Event(ulid.new(), Said.ACCEPTED, "b"))
    kept = journal.read(root)
    assert len(kept.rejections) == 1
    assert len(kept.accepted) == more
    assert len(kept.problems) == bool(torn)


def test_both_sides_of_an_unfinished_merge_are_read(root: str) -> None:
    file = Path(root, journal.append(root, Event(ulid.new(), Said.REJECTED, "a")))
    ours = file.read_text("utf-8")
    other = Event(ulid.new(), Said.REJECTED, "b")
    journal.append(root, other)
    theirs = file.read_text("utf-8").removeprefix(ours)
    file.write_text(f"<<<<<<< ours\n{ours}=======\n{theirs}>>>>>>> theirs\n", "utf-8")
    kept = journal.read(root)
    assert len(kept.rejections) == 2
    assert len(kept.problems) == 3


@pytest.mark.parametrize("name", ["", "01", "ZZZ"])
def test_undo_of_nothing_is_one_sentence(root: str, name: str) -> None:
    with pytest.raises(InputError, match="there is no rejection that starts with"):
        journal.undo(root, name)
