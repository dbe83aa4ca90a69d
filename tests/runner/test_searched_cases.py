"""What CrossHair adds to a comparison, really run, in an environment that has it and one without.

What a case expects is written by `pytest --update-cases`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from cases.literate import Case, cases_in, with_verdict
from cases.trials import in_buffers, lines_of, trial_of
from support.beds import bed_of
from support.tiny_projects import (
    PYTEST_AND_ITS_NEEDS,
    make_environment,
    started_without_tests,
)
from trueup.runner.session import Session
from trueup.settings import Limits
from trueup.suggestion import Verdict
from trueup.verify import behaviour, gate, symbolic, tests

CROSSHAIR: Final = (
    "crosshair-tool", "mypy-extensions", "typeshed-client", "typing-inspect", "typing-extensions",
    "z3-solver",
)  # fmt: skip
FOLDER: Final = Path(__file__).parent.parent / "cases" / "searched"
CASES: Final = tuple(case for file in sorted(FOLDER.glob("*.md")) for case in cases_in(file))
Running = tuple[Path, Session]
LIMITS: Final = replace(Limits(), crosshair_seconds=6)


async def _started(folder: Path, distributions: tuple[str, ...]) -> Running:
    interpreter = make_environment(folder / "venv", distributions)
    root = folder / "project"
    started = await started_without_tests(root, interpreter)
    return root, started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def searching(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("searching")
    started = await _started(folder, (*PYTEST_AND_ITS_NEEDS, *CROSSHAIR))
    yield started
    await started[1].close()


async def _judged(case: Case, running: Running) -> Verdict:
    root, session = running
    trial = trial_of(case, in_buffers(case, root), lambda *_: bed_of(root, session))
    trial.limits = LIMITS
    try:
        return await gate.judge(trial, only=frozenset({tests.CHECK, behaviour.CHECK}))
    finally:
        await trial.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(case: Case, searching: Running, request: pytest.FixtureRequest) -> None:
    said = lines_of(await _judged(case, searching), tuple(case.goal.get("shows", "").split()))
    if request.config.getoption("--update-cases"):
        case.file.write_text(with_verdict(case, said), "utf-8")
        return
    assert "\n".join(said) == case.verdict.text.rstrip("\n"), f"{case.file.name}:{case.line}"


async def test_a_search_that_is_asked_for_and_cannot_be_made_is_no_proof(tmp_path: Path) -> None:
    running = await _started(tmp_path, PYTEST_AND_ITS_NEEDS)
    try:
        verdict = await _judged(CASES[-1], running)
    finally:
        await running[1].close()
    assert [item.detail for item in verdict.missing] == [symbolic.ABSENT]
