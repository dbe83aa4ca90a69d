"""A whole editor session on a small real project: real server, real engine, real tests."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support.sessions import SOURCE, TEST_TOTAL, TOTAL, Editing
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, Project, make_environment
from trueup.editor import Editor
from trueup.trust import Answer


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose environment holds pytest alone, so that sessions start fast."""
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


@pytest.fixture
def shop(tmp_path: Path, interpreter: Path) -> Project:
    root = tmp_path / "shop-project"
    root.mkdir()
    project = Project(root, interpreter)
    project.put("pyproject.toml", '[project]\nname = "shop"\nversion = "1"\n')
    project.put("shop/__init__.py", "")
    project.put(SOURCE, TOTAL)
    project.put("tests/test_total.py", TEST_TOTAL)
    # Tests find the package from the root, as `python -m pytest` does.
    project.put("conftest.py", "")
    return project


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a server that knows nothing of this machine's user."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "XDG_"))
    }
    folders = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("STATE", "CACHE", "CONFIG")}
    return own | folders


@pytest.fixture
def editing(environment: dict[str, str]) -> Editing:
    """Opens an editor on a project; it answers questions with what it is given, else not at all."""

    @asynccontextmanager
    async def open_editor(
        project: Project,
        *answers: str,
        model: str | None = None,
        settings: dict[str, object] | None = None,
        extra: dict[str, str] | None = None,
        trusting: bool = True,
        input: bool = False,  # noqa: A002 - the name of the option that a client sends
        evidence: bool = False,
        trusted: bool = True,
        ready: bool = False,
    ) -> AsyncIterator[Editor]:
        trust = {Answer.ALWAYS.value} if trusting else set()
        editor = Editor(
            project.root,
            answers=frozenset({*answers, *trust}),
            can_ask=input,
            evidence=evidence,
            trusted=trusted,
            ready=ready,
        )
        given: dict[str, object] = {"interpreter": str(project.interpreter), **(settings or {})}
        if model is not None:
            given["model"] = {"base_url": model}
        await editor.start(given, environment | (extra or {}))
        try:
            yield editor
        finally:
            await editor.stop()

    return open_editor
