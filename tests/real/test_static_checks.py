"""No false alarm of the checks that run nothing, on packages that we did not write.

Each sees fixes of Ruff and changes of whitespace, and every file as if all of it were new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from real.conftest import CACHE
from support.packages import VERSIONS, Package, prepare
from trueup import linting, workspace
from trueup.propose import ruff
from trueup.propose.hunks import minimal_edits
from trueup.runner.affected import Affected
from trueup.settings import Limits
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Evidence, Goal, GoalKind, Outcome, Recipe
from trueup.verify import danger, formatting, laziness, names, scope, syntax, tamper
from trueup.verify.trial import TestBed, Trial

RULES = ("C4", "E", "F", "I", "PERF", "PIE", "RET", "RUF", "SIM", "UP", "W")
EVERY = 10
"""Of so many fixes one is tried, in the order of the files."""

NOT_INSTALLED = {
    "jinja2": {"there is no module pallets_sphinx_themes in this project or its environment"},
    "marshmallow": set[str](),
    "tomlkit": set[str](),
}
"""What the documentation needs and the environment of the tests does not have."""

CHECKS = (
    scope.stays_within_the_goal,
    syntax.parses,
    formatting.keeps_the_form_of_the_rest,
    laziness.leaves_nothing_out,
    tamper.leaves_tests_alone,
    names.exist,
    danger.calls_nothing_dangerous,
)


@pytest.fixture(scope="module", params=sorted(NOT_INSTALLED))
def package(request: pytest.FixtureRequest) -> tuple[str, Package]:
    return request.param, prepare(request.param, VERSIONS[request.param], CACHE)


def trial_of(package: Package, before: Snapshot, goal: Goal, candidate: Candidate) -> Trial:
    async def affected(*_: object) -> Affected:
        return Affected((), 0, "nothing runs here")

    async def never(*_: object) -> str:
        raise AssertionError("a static check ran something")

    return Trial(
        goal=goal,
        candidate=candidate,
        before=before,
        after=before.edited(candidate.edits),
        bed=TestBed(affected, never, never, never, never, never),  # type: ignore[arg-type]
        limits=Limits(),
        interpreter=package.interpreter,
    )


def documents(package: Package) -> Iterator[Document]:
    for path in workspace.python_files(str(package.root)):
        yield workspace.read(str(package.root), path)


async def test_of_whole_files_only_what_is_not_installed_is_missing(
    package: tuple[str, Package],
) -> None:
    name, project = package
    missing: set[str] = set()
    for document in documents(project):
        empty = Snapshot.of(str(project.root), (replace(document, text=""),))
        edits = minimal_edits(document.path, "", document.text)
        goal = Goal(GoalKind.REFACTOR, Recipe.PATCH, document.path, Span(0, 0))
        trial = trial_of(project, empty, goal, Candidate("all of it", edits, "test"))
        if not edits:
            continue
        found = await names.exist(trial)
        if found.outcome is not Outcome.PASSED:
            missing.add(found.detail)
    assert missing == NOT_INSTALLED[name]


async def test_fixes_of_ruff_and_whitespace_alarm_nobody(package: tuple[str, Package]) -> None:
    _, project = package
    alarms: list[tuple[str, Evidence]] = []
    number = tried = 0
    for document in documents(project):
        if workspace.is_test(document.path):
            continue
        snapshot = Snapshot.of(str(project.root), (document,))
        for goal, candidate in await candidates(snapshot, document):
            number += 1
            if number % EVERY:
                continue
            tried += 1
            trial = trial_of(project, snapshot, goal, candidate)
            found = [await check(trial) for check in CHECKS]
            alarms += [
                (f"{document.path} {candidate.title}", item)
                for item in found
                if item.outcome is not Outcome.PASSED
            ]
    assert tried
    assert alarms == []


async def candidates(snapshot: Snapshot, document: Document) -> list[tuple[Goal, Candidate]]:
    found = await linting.diagnostics(snapshot.root, document, select=RULES)
    assert not isinstance(found, linting.LintFailure), found.sentence
    made = [
        (
            Goal(
                GoalKind.FIX, Recipe.FIX_DIAGNOSTIC, document.path, item.diagnostic.span,
                diagnostic=item.diagnostic, surface=ruff.surface_of(item.diagnostic.code),
            ),
            Candidate(item.diagnostic.code, item.fix, "ruff"),
        )
        for item in found if item.fix and item.applicability != "display"
    ]  # fmt: skip
    spaced = document.text.replace("\n\n\n", "\n\n\n\n", 1) + "\n"
    edits = minimal_edits(document.path, document.text, spaced)
    goal = Goal(GoalKind.REFACTOR, Recipe.PATCH, document.path, Span(0, 0))
    return [*made, (goal, Candidate("whitespace", edits, "patch"))]
