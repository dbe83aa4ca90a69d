"""A small real project for each test, and the environments that it is run in."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.tiny_projects import (
    ADD,
    PYTEST_AND_ITS_NEEDS,
    TEST_ADD,
    Project,
    make_environment,
)


@pytest.fixture(scope="session")
def bare_interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose environment is empty."""
    return make_environment(tmp_path_factory.mktemp("bare") / "venv", ())


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose environment holds pytest alone, so that sessions start fast."""
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


@pytest.fixture
def project(tmp_path: Path, interpreter: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    project = Project(root, interpreter)
    project.put("shop/__init__.py", "")
    project.put("shop/price.py", ADD)
    project.put("tests/test_price.py", TEST_ADD)
    return project
