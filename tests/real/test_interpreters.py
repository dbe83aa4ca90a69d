"""The agent under every Python of this machine; the others are named in the head of the run."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from support import interpreters
from support.tiny_projects import ADD, TEST_ADD, Project
from trueup.runner.results import RunRequest, TestOutcome

CACHE = platformdirs.user_cache_path("trueup-tests")
CHANGE = {"shop/price.py": b"def add(a, b):\n    return a - b\n"}


@pytest.mark.parametrize("version", interpreters.found())
async def test_a_project_of_this_python(tmp_path: Path, version: str) -> None:
    project = Project(tmp_path / "project", interpreters.environment(version, CACHE))
    project.put("shop/__init__.py", "")
    project.put("shop/price.py", ADD)
    project.put("tests/test_price.py", TEST_ADD)
    request = RunRequest(probes={"shop/price.py": frozenset({2})})
    for mode in ("namespaces", "landlock", "spawn"):
        async with project.session(mode) as session:
            assert session.total_tests == 1
            run = await session.run(request)
            changed = await session.run(RunRequest(changed=CHANGE))
        assert run.all_passed, (mode, run)
        assert run.runners["shop/price.py", 2] == {"tests/test_price.py::test_add"}
        result = changed.results["tests/test_price.py::test_add"]
        assert (result.outcome, "assert -1 == 3" in result.detail) == (TestOutcome.FAILED, True)
