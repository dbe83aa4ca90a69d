"""What hides in text is stopped in edits and not shown to a model; what people write is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.corpora import lines_of
from support.beds import no_bed
from trueup.guards.characters import HIDDEN, hidden_in, stripped
from trueup.settings import Limits
from trueup.snapshot import Document, Edit, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Outcome, Recipe
from trueup.verify import text as check
from trueup.verify.trial import Trial

ATTACKS = list(lines_of("unicode.md", "stopped"))
LEGITIMATE = list(lines_of("unicode.md", "kept"))


def told(before: str, after: str) -> Outcome:
    """What the check says about an edit of one file from `before` to `after`."""
    snapshot = Snapshot.of("/nowhere", [Document("shop.py", before, 1)])
    candidate = Candidate("case", (Edit("shop.py", Span(0, len(before)), after),), "case")
    goal = Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, "shop.py", Span(0, 0))
    after_it = snapshot.edited(candidate.edits)
    trial = Trial(goal, candidate, snapshot, after_it, no_bed(), Limits())
    steps = check.hides_nothing(trial).__await__()
    try:
        next(steps)
    except StopIteration as done:
        return Outcome(done.value.outcome)
    raise AssertionError("the check waits for something")


def named(rows: list[tuple[str, str]]) -> Iterator[str]:
    return (f"{number}-{title}" for number, (title, _) in enumerate(rows))


@pytest.mark.parametrize(("title", "text"), ATTACKS, ids=named(ATTACKS))
def test_attacks_are_stopped(title: str, text: str) -> None:
    assert told("", text) is Outcome.FAILED, title


@pytest.mark.parametrize(("title", "text"), LEGITIMATE, ids=named(LEGITIMATE))
def test_legitimate_text_is_kept(title: str, text: str) -> None:
    assert told("", text) is Outcome.PASSED, title


def test_there_are_enough_of_both() -> None:
    assert len({text for _, text in ATTACKS}) == len(ATTACKS) >= 60
    assert len({text for _, text in LEGITIMATE}) == len(LEGITIMATE) >= 40


@given(st.sampled_from([text for _, text in ATTACKS]), st.text(max_size=20))
def test_what_was_there_is_not_new(attack: str, more: str) -> None:
    """A file that holds such a character may be edited; one more of them may not come in."""
    assert told(attack, f"{attack}\n# {more!a}") is Outcome.PASSED
    hidden = [found.character for found in hidden_in(attack)]
    if hidden:
        assert told(attack, f"{attack}\n{attack}") is Outcome.FAILED


@given(st.text())
def test_a_model_sees_no_mark_of_direction_and_no_tag(text: str) -> None:
    shown, count = stripped(text)
    assert len(shown) + count == len(text)
    assert not {found.kind for found in hidden_in(shown)} & {"a direction mark", "a tag character"}


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF)))
def test_only_hidden_characters_are_found(text: str) -> None:
    assert all(HIDDEN.match(found.character) for found in hidden_in(text))
    assert [text[found.offset] for found in hidden_in(text)] == [
        found.character for found in hidden_in(text)
    ]


def test_lookalikes_of_a_file_that_does_not_parse_are_found() -> None:
    assert told("", "x = (\n\u0440rice = 1\n") is Outcome.FAILED
