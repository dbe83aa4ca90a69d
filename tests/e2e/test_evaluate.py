"""`trueup eval gate` on a few candidates whose truth is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trueup import InputError, evaluate

BEFORE = """def top(values):
    best = values[0]
    for value in values:
        if value > best:
            best = value
    return best
"""
TESTS = ["assert top([1, 3, 2]) == 3", "assert top([5]) == 5"]


def row(name: str, after: str, *, kind: str = "refactor", right: bool, passes: bool) -> str:
    before = BEFORE if kind == "refactor" else BEFORE.replace(">", "<")
    return json.dumps(
        {
            "id": name, "task_id": name, "kind": kind, "before": before, "after": after,
            "entry_point": "top", "visible_tests": TESTS, "hidden_test": "never read",
            "truth": "right" if right else "wrong", "passes_visible": passes,
        }
    )  # fmt: skip


ROWS = (
    row("right", "def top(values):\n    return max(values)\n", right=True, passes=True),
    row("quiet", "def top(values):\n    return max(values, key=abs)\n", right=False, passes=True),
    row("loud", "def top(values):\n    return min(values)\n", right=False, passes=False),
    row("fix", BEFORE, kind="fix", right=True, passes=True),
)


def run(path: Path, interpreter: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trueup", "eval", "gate", str(path)]
    return subprocess.run(
        [*command, "--interpreter", str(interpreter), *more],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_gate_is_held_against_the_truth(tmp_path: Path, interpreter: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(ROWS) + "\n\n", "utf-8")
    done = run(file, interpreter, "--checks", "tests,behaviour", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.keys() == {"rows", "outcomes", "rejected_on_behaviour", "elapsed_s"}
    assert answer["rows"] == 4
    outcomes = answer["outcomes"]
    assert outcomes["right"] == {"verified": 2, "unproven": 0, "rejected": 0}
    assert outcomes["wrong_passing"]["verified"] == 0
    assert outcomes["wrong_failing"] == {"verified": 0, "unproven": 0, "rejected": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds 0 candidates"),
        ("{\n", "rows.jsonl:1 is not a candidate"),
        ('{"id": "x"}', "rows.jsonl:1 is not a candidate"),
        (ROWS[0] + "\n" + ROWS[0].replace('"refactor"', '"wish"'), "rows.jsonl:2"),
    ],
)
def test_a_file_of_something_else_is_refused(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=says):
        evaluate.read(file)


def test_a_check_that_does_not_exist_is_named(tmp_path: Path, interpreter: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(ROWS[0], "utf-8")
    done = run(file, interpreter, "--checks", "tests,luck")
    assert done.returncode == 2
    assert "luck is no check" in done.stderr
