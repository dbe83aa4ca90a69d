"""Our verdict on imports against that of `tach check`, run as its users run it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from support import tach_projects
from trueup.architecture.tach import Boundaries, Listing, globs, read, read_domain

ALWAYS = 8
BATCH = 50
SOAK_BATCHES = 6


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())


def boundaries(files: dict[str, str]) -> Boundaries:
    """What the configuration among `files` says of them."""
    name = "tach.toml" if "tach.toml" in files else "pyproject.toml"
    config = read(name, files[name])
    assert config is not None
    layout = Listing.of(files, config.exclude, files.items())
    domains = [read_domain(p, t) for p, t in files.items() if p.endswith("tach.domain.toml")]
    return Boundaries(config, layout, domains)


def rows(ours: Boundaries, files: dict[str, str]) -> set[tuple[object, ...]]:
    return {
        (
            path,
            found.line,
            found.statement,
            str(found.severity),
            str(found.rule),
            found.imported,
            found.usage if found.definition else "",
            found.definition,
        )
        for path in ours.files.walked()
        for found in ours.judge(path, files[path])
    }


def compare(root: Path, seed: int) -> str:
    """Fails where tach says anything else; answers with the kind of its verdict."""
    files = tach_projects.random_project(Random(seed))
    write(root, files)
    theirs = tach_projects.check(root)
    ours = boundaries(files)
    if theirs.error:
        said = " ".join(problem.message for problem in ours.problems)
        for involved in theirs.involved:
            for name in involved.split():
                assert f"'{name}'" in said or name == ".", (seed, theirs, said)
        return theirs.error
    contradictions = ("more than once", "in a circle", "may not depend", "root_module")
    assert not [
        problem
        for problem in ours.problems
        if any(each in problem.message for each in contradictions)
    ], seed
    found = rows(ours, files)
    assert sorted(map(str, found ^ theirs.rows)) == [], seed
    missing = {p.message.split("'")[1] for p in ours.problems if "there is no module" in p.message}
    assert missing == theirs.missing, seed
    layers = {p.message.split("'")[3] for p in ours.problems if "not defined" in p.message}
    assert theirs.layers <= layers, seed
    if ours.config.exact:
        used = {use for path in ours.files.walked() for use in ours.uses(path, files[path])}
        idle = {tuple(p.message.split("'")[1::2]) for p in ours.unused(used)}
        assert idle == tach_projects.unused(root), seed
    return "broken" if theirs.rows else "kept"


@pytest.mark.parametrize("seed", range(ALWAYS))
def test_random_configurations_are_judged_as_tach_does(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed)


@pytest.mark.parametrize("batch", [f"soak-{number}" for number in range(SOAK_BATCHES)])
def test_many_random_configurations(tmp_path: Path, batch: str) -> None:
    first = 1000 + int(batch.removeprefix("soak-")) * BATCH
    for seed in range(first, first + BATCH):
        compare(tmp_path / str(seed), seed)
