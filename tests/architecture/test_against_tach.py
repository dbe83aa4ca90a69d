"""Our verdict on imports against that of `tach check`, run as its users run it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from support import random_tach, tach_projects

ALWAYS = 8
BATCH = 50
SOAK_BATCHES = 6


def compare(folder: Path, seed: int) -> str:
    """The kind of verdict that both give; fails where they differ."""
    files = random_tach.random_project(Random(seed))  # noqa: S311
    tach_projects.write(folder, files)
    return tach_projects.compare(folder, files)


@pytest.mark.parametrize("seed", range(ALWAYS))
def test_random_configurations_are_judged_as_tach_does(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed)


@pytest.mark.parametrize("batch", [f"soak-{number}" for number in range(SOAK_BATCHES)])
def test_many_random_configurations(tmp_path: Path, batch: str) -> None:
    first = 1000 + int(batch.removeprefix("soak-")) * BATCH
    for seed in range(first, first + BATCH):
        compare(tmp_path / str(seed), seed)
