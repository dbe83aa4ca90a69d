"""Tests that a model brings, run for real: which of them show a defect of the code as it is.

All cases of tests/cases/reviews share one session; their files are unsaved buffers of its
workspace. What is made of each test is written by `pytest --update-cases`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from cases.literate import Block, Draft, drafts_in, with_block
from support.beds import bed_of
from support.tiny_projects import started_without_tests
from trueup.literate import CURSOR, selection
from trueup.runner.session import Session
from trueup.settings import Limits
from trueup.snapshot import Document, Edit, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe
from trueup.verify import failing
from trueup.verify.trial import Trial

FILE: Final = Path(__file__).parent.parent / "cases" / "reviews" / "failing.md"
CASES: Final = drafts_in(FILE)
TEST: Final = "test_review.py"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(
    tmp_path_factory: pytest.TempPathFactory, interpreter: Path
) -> AsyncIterator[tuple[Path, Session]]:
    root = tmp_path_factory.mktemp("reviews")
    started = await started_without_tests(root, interpreter)
    try:
        yield root, started
    finally:
        await started.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_case(
    case: Draft, session: tuple[Path, Session], request: pytest.FixtureRequest
) -> None:
    root, running = session
    code = next(block for block in case.blocks if block.attribute("path"))
    body = selection(FILE, code)
    document = Document(code.attribute("path"), code.text.replace(CURSOR, ""), 1)
    test = next(block.text for block in case.blocks if "test" in block.words)
    before = Snapshot.of(str(root), [document])
    trial = Trial(
        goal=Goal(GoalKind.FIX, Recipe.PATCH, TEST, Span(0, 0)),
        candidate=Candidate(
            case.title, (Edit(TEST, Span(0, 0), test),), "model", deterministic=False
        ),
        before=before,
        after=before.having(Document(TEST, test, 1)),
        bed=bed_of(root, running),
        limits=Limits(),
    )
    found = await failing.shown(trial, document.path, body)
    said = found if isinstance(found, str) else f"shown {', '.join(found[0])}: {found[1]}"
    expected = _block(case, "shown")
    if request.config.getoption("--update-cases"):
        now = next(item for item in drafts_in(FILE) if item.title == case.title)
        FILE.write_text(with_block(FILE, _block(now, "shown"), (said,)), "utf-8")
        return
    assert said == expected.text.strip(), f"{FILE.name}:{case.line}"


def _block(case: Draft, word: str) -> Block:
    return next(block for block in case.blocks if block.words == (word,))
