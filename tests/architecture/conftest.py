"""Chance for random graphs and contracts; `make soak` seeds it as it seeds hypothesis."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    seed = request.config.getoption("--hypothesis-seed") or 0
    return random.Random(f"{request.node.name} {seed}")  # noqa: S311 - a sample, not a secret
