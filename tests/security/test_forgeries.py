"""No candidate gets to be verified by reaching for what judges it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from cases.literate import Draft, drafts_in, with_block
from security.corpora import FOLDER
from support.beds import bed_of
from support.tiny_projects import ADD, PYTEST_AND_ITS_NEEDS, TEST_ADD, Project, make_environment
from trueup.propose.hunks import minimal_edits
from trueup.runner.results import RunRequest, RunStatus, TestOutcome, TestRun
from trueup.runner.session import Session
from trueup.settings import Limits
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe, Ruling
from trueup.verify import gate
from trueup.verify.trial import Trial

FILE = FOLDER / "forgeries.md"
FORGERIES = drafts_in(FILE)
TEST = "tests/test_price.py::test_add"
BASE = ADD.lstrip()

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    folder = tmp_path_factory.mktemp("forgeries")
    interpreter = make_environment(folder / "environment", PYTEST_AND_ITS_NEEDS)
    project = Project(folder / "project", interpreter)
    project.put("shop/__init__.py", "")
    project.put("shop/price.py", ADD)
    project.put("tests/test_price.py", TEST_ADD)
    async with project.session() as started:
        yield started


def trial_of(draft: Draft, session: Session, recipe: Recipe) -> Trial:
    root = session._root
    path, text = draft.blocks[0].attribute("after"), draft.blocks[0].text
    old = Document("shop/price.py", BASE)
    before = Snapshot.of(str(root), [old])
    base = BASE if path == old.path else ""
    candidate = Candidate(draft.title, minimal_edits(path, base, text), "model")
    goal = Goal(GoalKind.FIX, recipe, old.path, Span(0, 0), red=(TEST,))
    return Trial(
        goal=goal,
        candidate=replace(candidate, deterministic=False),
        before=before,
        after=before.edited(candidate.edits),
        bed=bed_of(Path(root), session),
        limits=Limits(test_run_seconds=20),
    )


@pytest.mark.parametrize("draft", FORGERIES, ids=lambda draft: draft.title)
@pytest.mark.parametrize("recipe", [Recipe.INSTRUCT, Recipe.PATCH])
async def test_none_is_verified(draft: Draft, recipe: Recipe, session: Session) -> None:
    """Whether a model wrote it, or somebody whose patch is judged."""
    trial = trial_of(draft, session, recipe)
    try:
        verdict = await gate.judge(trial)
    finally:
        await trial.close()
    assert verdict.outcome is not Ruling.VERIFIED
    static = {gate.NAMES[check] for check in gate.STATIC}
    stopped = {found.check for found in verdict.missing} & static
    # What tests alone would believe is stopped before them.
    assert stopped or draft.blocks[1].text.strip() != "green"


@pytest.mark.parametrize("draft", FORGERIES, ids=lambda draft: draft.title)
async def test_what_the_wall_holds_alone(
    draft: Draft, session: Session, request: pytest.FixtureRequest
) -> None:
    block = draft.blocks[0]
    changed = {block.attribute("after"): block.text.encode()}
    if "shop/price.py" not in changed:
        changed["shop/price.py"] = b"def add(a, b):\n    return a - b\n"
    said = told(await session.run(RunRequest(("tests/test_price.py",), changed, timeout_s=20)))
    if request.config.getoption("--update-cases"):
        now = next(item for item in drafts_in(FILE) if item.title == draft.title)
        FILE.write_text(with_block(FILE, now.blocks[1], (said,)), "utf-8")
        return
    assert said == draft.blocks[1].text.strip()


def told(run: TestRun) -> str:
    result = run.results.get(TEST)
    if run.status is not RunStatus.FINISHED or result is None:
        return "no result"
    return "green" if result.outcome is TestOutcome.PASSED else "red"


async def test_there_are_enough_forgeries() -> None:
    assert len({draft.blocks[0].text for draft in FORGERIES}) >= 20
