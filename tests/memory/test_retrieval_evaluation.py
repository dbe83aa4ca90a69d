"""The right decision is retrieved within the budget: evals/blocking/decisions, all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from trueup.memory.audience import Audience
from trueup.memory.decisions import Decision, Decisions, Origin, Scope, Status, Visibility
from trueup.memory.scoping import Place
from trueup.memory.search import Answer, DecisionSearch

FOLDER: Final = Path(__file__).parents[2] / "evals" / "blocking" / "decisions"


def decisions_of(rows: list[dict[str, Any]]) -> Decisions:
    return Decisions(
        tuple(
            Decision(
                id=row["id"],
                title=row["title"],
                path=row["path"],
                origin=Origin.DECISION,
                status=Status(row["status"]),
                scope=Scope(tuple(row["scope"]["paths"]), tuple(row["scope"]["symbols"])),
                visibility=Visibility(row["visibility"]),
                body=row["body"],
            )
            for row in rows
        )
    )


def ask(decisions: Decisions, question: dict[str, Any]) -> Answer:
    place = Place(question["path"], question["symbol"], frozenset(question["goals"]))
    search = DecisionSearch(decisions, Audience(question["audience"]))
    return search.ask(question["question"], place, budget=question["budget"])


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_the_right_decisions_are_retrieved(file: Path) -> None:
    evaluation = json.loads(file.read_text("utf-8"))
    decisions = decisions_of(evaluation["decisions"])
    wanted = firsts = found = first = 0
    lost: list[str] = []
    for question in evaluation["questions"]:
        answer = ask(decisions, question)
        ids = [item.decision.id for item in answer.taken]
        where = f"{question['question']!r} at {question['path']!r}: {ids}"
        assert answer.tokens <= question["budget"]
        # What must not be seen is no matter of better and worse.
        assert not set(question["never"]) & set(ids), where
        missing = set(question["must"]) - set(ids)
        wanted += len(question["must"])
        found += len(question["must"]) - len(missing)
        if missing:
            lost.append(f"{sorted(missing)} missing for {where}")
        if question["first"]:
            firsts += 1
            first += ids[:1] == [question["first"]]
            if ids[:1] != [question["first"]]:
                lost.append(f"{question['first']} is not the first for {where}")
    said = "\n".join(lost)
    assert found / wanted >= evaluation["recall_min"], said
    assert first / firsts >= evaluation["first_min"], said
