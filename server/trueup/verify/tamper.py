"""Tests are the judge, so a candidate does not touch them, nor what runs them, nor tells a tool
to look away.
"""

from __future__ import annotations

import tokenize
from pathlib import PurePosixPath
from typing import Final

from trueup import workspace
from trueup.runner.suite import suite_of
from trueup.suggestion import Evidence, Recipe, SurfaceKind
from trueup.verify import machinery, renames, suppressions
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "tamper"

_JUDGING_FILES: Final = frozenset(
    {
        ".coveragerc",
        ".flake8",
        ".mypy.ini",
        ".pylintrc",
        ".pytest.ini",
        ".pytest.toml",
        ".ruff.toml",
        "conftest.py",
        "mypy.ini",
        "pyproject.toml",
        "pyrightconfig.json",
        "pytest.ini",
        "pytest.toml",
        "ruff.toml",
        "setup.cfg",
        "sitecustomize.py",
        "tox.ini",
        "usercustomize.py",
    }
)
"""Names of files that decide which tests run, and what tests and linters let pass."""


async def leaves_tests_alone(trial: Trial) -> Evidence:
    """No test is edited and no suppression is added. A user's own patch may add tests."""
    suite = suite_of(trial.before.root)
    edited = [
        path for path in trial.candidate.paths if workspace.is_test(path) or suite.holds(path)
    ]
    follows = bool(edited) and _only_follows(trial, tuple(edited))
    if edited and not follows and trial.goal.recipe is not Recipe.PATCH:
        if trial.goal.path not in edited:
            return failed(CHECK, f"edits the test file {edited[0]}", edited[0])
        return unknown(CHECK, f"edits the test file {edited[0]}, which is the judge", edited[0])
    judging = [path for path in trial.candidate.paths if PurePosixPath(path).name in _JUDGING_FILES]
    if judging and not follows:
        return unknown(CHECK, f"edits {judging[0]}, which decides how tests judge", judging[0])
    changed = [path for path in edited if trial.before.get(path) is not None]
    if changed and not follows:
        return unknown(
            CHECK,
            f"edits the test file {changed[0]}; whether it judges as strictly is not known",
            changed[0],
        )
    if problem := _suppression(trial):
        return problem
    if reach := machinery.added(trial):
        what, path, line = reach
        ends = failed if trial.goal.recipe is not Recipe.PATCH else unknown
        return ends(CHECK, f"{what} is new: it reaches for what runs the tests", path, line)
    if follows:
        return passed(CHECK, f"tests are edited only where they name what the goal {_verb(trial)}")
    return passed(CHECK, "no test is touched, no suppression added")


def _suppression(trial: Trial) -> Evidence | None:
    """A comment that tells a tool to look away, and that is new."""
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if new is None or not path.endswith(".py"):
            continue
        try:
            added = suppressions.added(old.text if old else "", new.text)
        except (tokenize.TokenError, SyntaxError) as problem:
            return unknown(CHECK, f"the comments of {path} cannot be read: {problem}", path)
        if added:
            return failed(CHECK, f"adds the suppression {added[0]!r}", path, added[1])
    return None


def _only_follows(trial: Trial, edited: tuple[str, ...]) -> bool:
    """Whether the tests say the same as before, of a thing that is called or kept elsewhere now."""
    surface = trial.goal.surface
    if surface.kind is SurfaceKind.RENAME:
        names = surface.old.rpartition(".")[2], surface.new.rpartition(".")[2]
        return renames.only_renames(trial.before, trial.after, edited, names)
    if surface.kind is SurfaceKind.MOVE:
        return renames.only_imports(trial.before, trial.after, edited)
    return False


def _verb(trial: Trial) -> str:
    return "renames" if trial.goal.surface.kind is SurfaceKind.RENAME else "moves"
