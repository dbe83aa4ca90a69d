"""Five kinds of editable installs, made by pip: each sees the change, or fails loudly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.tiny_projects import Project
from trueup.runner.results import RunRequest, TestRun
from trueup.runner.session import Session

SETUPTOOLS = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1"

[tool.setuptools]
package-dir = {folders}
packages = ["{name}"]
"""

HATCHLING = """
[build-system]
requires = ["hatchling", "editables"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1"

[tool.hatch.build]
{options}

[tool.hatch.build.targets.wheel]
packages = ["src/{name}"]
"""

TREE = '{"" = "src"}'
KINDS = {
    "settree": ("src/settree", SETUPTOOLS.format(name="settree", folders=TREE), ()),
    "setfinder": (
        "python/impl",
        SETUPTOOLS.format(name="setfinder", folders='{setfinder = "python/impl"}'),
        (),
    ),
    "setstrict": (
        "src/setstrict",
        SETUPTOOLS.format(name="setstrict", folders=TREE),
        ("--config-settings", "editable_mode=strict"),
    ),
    "hatchpath": ("src/hatchpath", HATCHLING.format(name="hatchpath", options=""), ()),
    "hatchexact": (
        "src/hatchexact",
        HATCHLING.format(name="hatchexact", options="dev-mode-exact = true"),
        (),
    ),
}
"""By name: where the package lies in its project, that project's pyproject.toml, pip's options."""

TEST = """
import subprocess, sys


def test_here():
    import {name}

    assert {name}.VALUE == 2


def test_there():
    done = subprocess.run(
        [sys.executable, "-I", "-c", "import {name}; print({name}.VALUE)"],
        cwd="/", capture_output=True, text=True,
    )
    assert done.stdout == "2\\n", done.stdout + done.stderr
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A workspace of all five, and one more beside it that pip has installed by its finder."""
    folder = tmp_path_factory.mktemp("editable")
    python = folder / "venv" / "bin" / "python"
    project = Project(folder / "project", python)
    for name, (package, settings, _) in KINDS.items():
        project.put(f"of-{name}/pyproject.toml", settings)
        project.put(f"of-{name}/{package}/__init__.py", "VALUE = 1\n")
        project.put(f"tests/test_{name}.py", TEST.format(name=name))
    beside = Project(folder / "beside", python)
    beside.put(
        "pyproject.toml", SETUPTOOLS.format(name="outside", folders='{outside = "python/impl"}')
    )
    beside.put("python/impl/__init__.py", "VALUE = 2\n")
    project.put("tests/test_outside.py", TEST.format(name="outside"))
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True
    )
    pip(python, "pytest", "setuptools>=70", "hatchling", "editables")
    for name, (_, _, options) in KINDS.items():
        pip(python, "--no-build-isolation", *options, "-e", str(project.root / f"of-{name}"))
    pip(python, "--no-build-isolation", "-e", str(beside.root))
    return project


def pip(python: Path, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "--no-deps" if "-e" in arguments else "-qq", *arguments],
                   check=True, timeout=120, capture_output=True)  # fmt: skip


def request() -> RunRequest:
    return RunRequest(
        changed={f"of-{name}/{KINDS[name][0]}/__init__.py": b"VALUE = 2\n" for name in KINDS}
    )


def outcomes(run: TestRun) -> dict[str, tuple[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for node, result in run.results.items():
        path, _, test = node.partition("::")
        kind = path.removeprefix("tests/test_").removesuffix(".py")
        found.setdefault(kind, {})[test] = str(result.outcome)
    return {kind: (tests["test_here"], tests["test_there"]) for kind, tests in found.items()}


async def test_namespaces_show_the_change_to_all_of_them(installed: Project) -> None:
    async with installed.session("namespaces") as session:
        run = await session.run(request())
        cold = await session.confirm(request())
        unchanged = await session.run(RunRequest())
    both = ("passed", "passed")
    assert outcomes(run) == {**dict.fromkeys(KINDS, both), "outside": both}, run
    assert outcomes(cold) == outcomes(run)
    old = ("failed", "failed")
    assert outcomes(unchanged) == {**dict.fromkeys(KINDS, old), "outside": both}


async def test_a_fence_shows_the_change_or_fails_loudly(installed: Project) -> None:
    """Old code never runs: with it the second test would be red too, and say 1."""
    async with installed.session("landlock") as session:
        run, cold = await session.run(request()), await session.confirm(request())
    for each in (run, cold):
        seen = outcomes(each)
        assert {kind for kind, (here, _) in seen.items() if here == "passed"} >= SEEN, each
        assert {kind for kind, (_, there) in seen.items() if there == "passed"} == {"outside"}
        said = "".join(result.detail for result in each.results.values())
        assert "ModuleNotFoundError" in said
        assert "assert '1\\n'" not in said
        assert "assert 1 == 2" not in said


SEEN = {"settree", "setfinder", "hatchpath", "hatchexact", "outside"}
"""What a copy shows in the process of the tests; the link tree of the strict kind it cannot."""


async def test_without_a_fence_old_code_is_found_out(installed: Project) -> None:
    async with installed.session("bare") as session:
        assert isinstance(session, Session)
        run = await session.run(request())
    assert "setstrict" in run.reason
    assert not run.all_passed
