"""What the gate says where the cases of text cannot: files of decisions that are no text, and a
disk that is not the workspace that is judged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cases.literate import Block, Case
from cases.trials import trial_of
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Evidence, Outcome
from trueup.verify.decisions import keeps_the_decisions
from trueup.verify.trial import TestBed, Trial

PATH: Final = "docs/decisions/0001-print.md"
DECISION: Final = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: Nothing is printed
status: accepted
severity: veto
---
```rule
kind: forbid-pattern
pattern: print($$$ARGS)
```
"""


async def never(*_: object) -> object:
    raise AssertionError("a static check ran something")


def trial(root: Path, after: dict[str, str], recipe: str = "patch") -> Trial:
    before = Snapshot.of(str(root), [Document("a.py", "x = 1\n")])
    case = Case(
        file=root, title="t", line=1, before={"a.py": "x = 1\n"}, after=after,
        encodings={}, selected="a.py", span=Span(0, 0),
        goal={"kind": "refactor", "recipe": recipe, "path": "a.py"}, tests={},
        verdict=Block((), "", 1),
    )  # fmt: skip
    return trial_of(case, before, lambda *_: TestBed(never, never, never, never, never, never))


async def judged(root: Path, after: dict[str, str], **more: object) -> Evidence:
    made = trial(root, after)
    for name, value in more.items():
        setattr(made, name, value)
    return await keeps_the_decisions(made)


def write(root: Path, raw: bytes) -> None:
    file = root / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(raw)


async def test_a_decision_that_is_no_text_leaves_it_unknown(tmp_path: Path) -> None:
    write(tmp_path, DECISION.encode() + b"\xff")
    found = await judged(tmp_path, {"a.py": "print(1)\n"})
    assert found.outcome is Outcome.UNKNOWN
    assert (found.path, found.detail) == (
        PATH, "a decision cannot be evaluated: this is not UTF-8",
    )  # fmt: skip
    assert (await judged(tmp_path, {"notes.txt": "print(1)\n"})).outcome is Outcome.PASSED


async def test_a_decision_that_comes_with_the_change_is_not_there_before(tmp_path: Path) -> None:
    """The disk holds the working tree, the snapshots hold what is judged."""
    write(tmp_path, DECISION.encode())
    found = await judged(tmp_path, {"a.py": "print(1)\n", PATH: DECISION})
    assert found.outcome is Outcome.UNKNOWN
    assert "the change edits decision 0001" in found.detail
    absent = await judged(tmp_path, {"a.py": "print(1)\n"}, absent=frozenset({PATH}))
    assert absent.outcome is Outcome.PASSED
    there = await judged(tmp_path, {"a.py": "print(1)\n"})
    assert there.outcome is Outcome.FAILED


async def test_the_message_does_not_teach_how_to_get_around_it(tmp_path: Path) -> None:
    """It goes back to a model, which must not make an exception for itself."""
    write(tmp_path, DECISION.encode())
    found = await judged(tmp_path, {"a.py": "print(1)\n"})
    assert "trueup: ignore" not in found.detail
