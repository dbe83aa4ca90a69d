"""An environment without the machine's keys, addresses and linter settings."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("ANTHROPIC_", "RUFF_")):
            monkeypatch.delenv(name)
