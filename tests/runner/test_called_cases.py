"""The gate on the cases of tests/cases/called: the code is called and the tests run, for real.

All cases share one session; their files are unsaved buffers of its workspace. What a case expects
is written by `pytest --update-cases`, as for the cases of text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from trueup.verify import gate
from trueup.verify.tests import CONFIRMATION

FOLDER: Final = Path(__file__).parent.parent / "cases" / "called"
CASES: Final = tuple(case for file in sorted(FOLDER.glob("*.md")) for case in cases_in(file))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Path, Session]]:
    folder = tmp_path_factory.mktemp("called")
    interpreter = make_environment(folder / "venv", PYTEST_AND_ITS_NEEDS)
    root = folder / "project"
    started = await started_without_tests(root, interpreter)
    try:
        yield root, started
    finally:
        await started.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(
    case: Case, session: tuple[Path, Session], request: pytest.FixtureRequest
) -> None:
    root, running = session

    trial = trial_of(case, in_buffers(case, root), lambda *_: bed_of(root, running))
    try:
        # A run in a fresh interpreter takes longer than the rest, and is not what this is about.
        only = frozenset(gate.NAMES.values()) - {CONFIRMATION}
        verdict = await gate.judge(trial, only=only)
    finally:
        await trial.close()
    said = lines_of(verdict, tuple(case.goal.get("shows", "").split()))
    if request.config.getoption("--update-cases"):
        case.file.write_text(with_verdict(case, said), "utf-8")
        return
    assert "\n".join(said) == case.verdict.text.rstrip("\n"), f"{case.file.name}:{case.line}"
