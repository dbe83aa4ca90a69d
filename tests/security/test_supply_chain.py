"""What Trueup is made of is written down, pinned and allowed; what builds it is pinned too."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def locked(file: Path) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each distribution of a lock."""
    found: dict[str, tuple[str, int]] = {}
    entries = re.split(r"\n(?=\S)", file.read_text("utf-8"))
    for entry in entries:
        name, _, rest = entry.partition("==")
        found[canonicalize_name(name)] = (rest.split()[0], entry.count("--hash=sha256:"))
    return found


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_every_requirement_has_hashes_and_no_address(file: Path) -> None:
    for name, (_, hashes) in locked(file).items():
        assert hashes, name
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", file.read_text("utf-8"))


def test_the_lock_holds_what_is_required() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = locked(ROOT / "requirements" / "runtime.txt")
    for text in project["dependencies"]:
        requirement = Requirement(text)
        version, _ = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), text


def test_every_licence_may_be_passed_on() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "supply" / "licences.py")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"rope: {metadata.metadata('rope')['License-Expression'] or ''}" in done.stdout


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_are_pinned_and_may_nothing(file: Path) -> None:
    text = file.read_text("utf-8")
    for line in text.splitlines():
        used = line.strip().removeprefix("- ").partition("uses: ")
        assert not used[1] or PINNED.fullmatch(used[2]), line
    workflow: dict[Any, Any] = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    # YAML reads the key `on` as true.
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow[True])
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job
        writes = [name for name, value in job["permissions"].items() if value == "write"]
        assert not writes or job["environment"] == "release"


def test_who_publishes_builds_nothing() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    assert all("run" not in step for step in jobs["publish"]["steps"])
    assert (
        "cache"
        not in (ROOT / ".github/workflows/release.yml").read_text("utf-8").partition("jobs:")[2]
    )
