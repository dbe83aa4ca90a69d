"""An environment without the machine's keys and addresses, and a small project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support import jobs


@pytest.fixture(autouse=True)
def _environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("ANTHROPIC_", "RUFF_")):
            monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return jobs.put(tmp_path / "project", jobs.FILES)
