"""The example project tells the truth: change it, and the verdicts change with it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.sessions import Editing
from support.tiny_projects import Project
from trueup import demo, linting, workspace
from trueup.suggestion import Diagnostic

PLACES = {
    "B006": "src/shop/pricing/quote.py",
    "E711": "src/shop/storage/table.py",
    "SIM110": "src/shop/orders/inventory.py",
    "B905": "src/shop/reports/export.py",
}


@pytest.fixture
def example(tmp_path: Path, interpreter: Path) -> Project:
    root = tmp_path / "example"
    shutil.copytree(demo.example(), root, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(root, interpreter)


@dataclass(frozen=True)
class Twist:
    """Changes of the example (file, old, new), and what the gate says of the fix of `code` then."""

    code: str
    changes: tuple[tuple[str, str, str], ...]
    outcome: str


AS_IT_IS = {"B006": "verified", "E711": "rejected", "SIM110": "verified", "B905": "unproven"}

NEW_TEST = "\n\n@pytest.fixture\n"

TWISTS = {
    "without the tests that notice": Twist(
        "E711",
        (
            ("tests/test_storage.py", "def test_missing_finds", "def nobody_runs_missing_finds"),
            ("tests/test_orders.py", "def test_paid_orders_wait", "def nobody_runs_paid_orders"),
        ),
        "unproven",
    ),
    "with a test of the dead code": Twist(
        "B905",
        (
            (
                "tests/test_reports.py",
                NEW_TEST,
                "\n\ndef test_one_line_an_order(orders: list[Order]) -> None:\n"
                "    stream = __import__('io').StringIO()\n"
                "    assert export.write_json_lines(orders, stream) == len(orders)\n" + NEW_TEST,
            ),
        ),
        "verified",
    ),
    "with a test that the fix breaks": Twist(
        "SIM110",
        (
            (
                "tests/test_inventory.py",
                "\n\ndef test_",
                (
                    "\n\ndef test_there_is_a_loop() -> None:\n"
                    "    import inspect\n"
                    "    assert 'for line in basket:' in inspect.getsource(Inventory.can_fulfil)\n"
                    "\n\ndef test_"
                ),
            ),
        ),
        "rejected",
    ),
}


async def diagnostic(project: Project, code: str) -> Diagnostic:
    path = PLACES[code]
    found = await linting.diagnostics(str(project.root), workspace.read(str(project.root), path))
    assert not isinstance(found, linting.LintFailure)
    return next(item.diagnostic for item in found if item.diagnostic.code == code)


async def test_the_verdicts_of_the_example(example: Project, editing: Editing) -> None:
    seen = {}
    async with editing(example) as editor:
        for code in PLACES:
            suggestion, applied = await editor.pick_fix(await diagnostic(example, code))
            seen[code] = suggestion.verdict.outcome.value
            assert applied == (seen[code] == "verified")
        editor.save_all()
    assert seen == AS_IT_IS
    suite = await asyncio.create_subprocess_exec(
        str(example.interpreter), "-m", "pytest", "-q", cwd=example.root
    )
    assert await suite.wait() == 0


@pytest.mark.parametrize("name", TWISTS, ids=lambda name: name.replace(" ", "-"))
async def test_the_verdict_changes_with_the_example(
    example: Project, editing: Editing, name: str
) -> None:
    twist = TWISTS[name]
    for path, old, new in twist.changes:
        file = example.root / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))
    async with editing(example) as editor:
        suggestion, _ = await editor.pick_fix(await diagnostic(example, twist.code))
    assert suggestion.verdict.outcome == twist.outcome, suggestion.verdict.missing


def test_the_demo_ends_well(environment: dict[str, str], tmp_path: Path) -> None:
    picture = tmp_path / "verdict.svg"
    done = subprocess.run(
        [sys.executable, "-m", "trueup", "demo", "--svg", str(picture)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdicts seen: rejected, unproven, verified" in done.stdout
    assert picture.read_text().startswith("<svg")
