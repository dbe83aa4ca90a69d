"""Ruff as a proposer: the right fix for a diagnostic, and all fixes of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.propose import ruff
from trueup.propose.proposal import Failure, FailureKind
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Diagnostic, Goal, GoalKind, Recipe, SurfaceKind


def goal(
    text: str, at: str, code: str = "", recipe: Recipe = Recipe.FIX_DIAGNOSTIC, path: str = "m.py"
) -> Goal:
    span = Span(text.index(at), text.index(at) + len(at))
    diagnostic = Diagnostic(path, span, "said", "Ruff", code) if code else None
    return Goal(GoalKind.FIX, recipe, path, span, diagnostic=diagnostic)


async def fixed(root: Path, text: str, wanted: Goal) -> tuple[Candidate, str]:
    snapshot = Snapshot.of(str(root), [Document("m.py", text)])
    candidate = await ruff.propose(wanted, snapshot)
    assert isinstance(candidate, Candidate), candidate
    assert candidate.proposer == "ruff"
    assert candidate.deterministic
    after = snapshot.edited(candidate.edits).get("m.py")
    assert after is not None
    return candidate, after.text


async def refused(root: Path, text: str, wanted: Goal) -> Failure:
    answer = await ruff.propose(wanted, Snapshot.of(str(root), [Document("m.py", text)]))
    assert isinstance(answer, Failure), answer
    return answer


async def test_only_the_chosen_diagnostic_is_fixed(tmp_path: Path) -> None:
    text = "import os\nimport sys\n"
    candidate, after = await fixed(tmp_path, text, goal(text, "sys", "F401"))
    assert after == "import os\n"
    assert candidate.title == "Remove unused import: `sys`"


async def test_a_diagnostic_of_another_tool_is_matched_by_its_line(tmp_path: Path) -> None:
    text = "import os\nimport sys\n"
    _, after = await fixed(tmp_path, text, goal(text, "import s", "F401"))
    assert after == "import os\n"


async def test_an_unsafe_fix_says_so(tmp_path: Path) -> None:
    text = "def f(a=[]):\r\n    return a\r\n"
    candidate, after = await fixed(tmp_path, text, goal(text, "[]", "B006", Recipe.RUFF_RULE))
    assert "def f(a=None):\r\n" in after
    assert after.count("\n") == after.count("\r\n")
    assert candidate.explanation.startswith("Ruff calls this fix unsafe")


async def test_all_safe_fixes_leave_the_rest_alone(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('[lint]\nselect = ["F401", "F841"]\n')
    text = "import os\n\n# stays\ndef f():\n    unused = 1\n    return 2\nimport sys\n"
    candidate, after = await fixed(tmp_path, text, goal(text, "os", recipe=Recipe.RUFF_SAFE))
    assert after == "\n# stays\ndef f():\n    unused = 1\n    return 2\n"
    assert len(candidate.edits) == 2
    _, after = await fixed(tmp_path, text, goal(text, "os", recipe=Recipe.RUFF_UNSAFE))
    assert after == "\n# stays\ndef f():\n    return 2\n"


async def test_no_fix_no_finding_nothing_left(tmp_path: Path) -> None:
    text = "x == 1\n"
    failure = await refused(tmp_path, text, goal(text, "x", "F821"))
    assert (failure.kind, failure.sentence) == (
        FailureKind.CANNOT,
        "Ruff has no automatic fix for F821 here",
    )
    failure = await refused(tmp_path, text, goal(text, "x", "F401"))
    assert (failure.kind, failure.sentence) == (
        FailureKind.NOTHING_TO_DO,
        "Ruff does not report F401 here",
    )
    failure = await refused(tmp_path, "x = 1\n", goal("x", "x", recipe=Recipe.RUFF_SAFE))
    assert (failure.kind, failure.sentence) == (
        FailureKind.NOTHING_TO_DO,
        "Ruff has no safe fix for m.py",
    )


async def test_goals_that_ruff_cannot_serve(tmp_path: Path) -> None:
    no_code = await refused(tmp_path, "x\n", goal("x", "x"))
    assert no_code.sentence == "Ruff fixes diagnostics that have a code, and this one has none"
    elsewhere = await refused(tmp_path, "x\n", goal("x", "x", "F401", path="n.py"))
    assert elsewhere.sentence == "n.py is not open and was not read"
    unknown = await refused(tmp_path, "x\n", goal("x", "x", "reportFoo"))
    assert unknown.sentence == "Ruff has no rule reportFoo"
    broken = await refused(tmp_path, "x = (\n", goal("x", "x", "invalid-syntax"))
    assert broken.sentence == "Ruff does not fix syntax errors"
    (tmp_path / "ruff.toml").write_text("[")
    broken = await refused(tmp_path, "x\n", goal("x", "x", recipe=Recipe.RUFF_SAFE))
    assert broken.sentence.startswith("Ruff cannot run here: Failed to parse ruff.toml")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("B006", SurfaceKind.DEFAULTS),
        ("B007", SurfaceKind.KEEP),
        ("UP006", SurfaceKind.ANNOTATIONS),
        ("UP032", SurfaceKind.KEEP),
        ("ANN201", SurfaceKind.ANNOTATIONS),
        ("FA100", SurfaceKind.ANNOTATIONS),
        ("FAST002", SurfaceKind.ANNOTATIONS),
        ("FAST001", SurfaceKind.KEEP),
        ("TC001", SurfaceKind.ANNOTATIONS),
        ("D205", SurfaceKind.DOCSTRING),
        ("DTZ005", SurfaceKind.KEEP),
        ("F401", SurfaceKind.KEEP),
        ("RUF022", SurfaceKind.KEEP),
        ("", SurfaceKind.KEEP),
    ],
)
def test_what_a_rule_may_change_of_a_signature(code: str, kind: SurfaceKind) -> None:
    assert ruff.surface_of(code).kind is kind
