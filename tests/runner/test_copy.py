"""Where there are no namespaces: the copy is what runs, or the run says that it was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.lesser_machines import REFUSED, lesser_machine
from support.tiny_projects import ADD, PYTEST_AND_ITS_NEEDS, Project, make_environment, unavailable
from trueup.runner.results import RunRequest, RunStatus
from trueup.runner.session import Session
from trueup.settings import Limits

CHANGE = {"src/shop/price.py": b"def add(a, b):\n    return a - b\n"}
TEST_MINUS = "from shop.price import add\ndef test_minus():\n    assert add(1, 2) == -1\n"

FINDER = """
import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location

MAPPING = {"shop": %r}


class _EditableFinder:
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname in MAPPING:
            init = MAPPING[fullname] + "/__init__.py"
            return spec_from_file_location(
                fullname, init, submodule_search_locations=[MAPPING[fullname]]
            )
        return None


def install():
    sys.meta_path.append(_EditableFinder)
"""


@pytest.fixture
def src_project(tmp_path: Path) -> Project:
    python = make_environment(tmp_path / "venv", PYTEST_AND_ITS_NEEDS)
    root = tmp_path / "project"
    project = Project(root, python)
    project.put("src/shop/__init__.py", "")
    project.put("src/shop/price.py", ADD)
    project.put("tests/test_price.py", TEST_MINUS)
    return project


def site_packages(project: Project) -> Path:
    return next(project.interpreter.parent.parent.glob("lib/python3*/site-packages"))


def install_by_path_file(project: Project) -> None:
    (site_packages(project) / "shop.pth").write_text(f"{project.root}/src\n")


def install_by_finder(project: Project) -> None:
    site = site_packages(project)
    finder = FINDER % f"{project.root}/src/shop"
    (site / "__editable___shop_1_finder.py").write_text(finder)
    (site / "shop.pth").write_text(
        "import __editable___shop_1_finder; __editable___shop_1_finder.install()\n"
    )


@pytest.mark.parametrize("install", [install_by_path_file, install_by_finder])
async def test_an_editable_install_sees_the_change(
    src_project: Project, install: Callable[[Project], None]
) -> None:
    install(src_project)
    request = RunRequest(changed=CHANGE, probes={"src/shop/price.py": frozenset({1, 2})})
    for mode in ("namespaces", "copy", "bare", "spawn"):
        async with src_project.session(mode) as session:
            run = await session.run(request)
        assert run.all_passed, (mode, run)
        assert set(run.runners) == {("src/shop/price.py", 1), ("src/shop/price.py", 2)}


@pytest.mark.parametrize("mode", ["bare", "spawn"])
async def test_old_code_from_the_workspace_is_told_and_never_a_pass(
    project: Project, mode: str
) -> None:
    project.put("tests/conftest.py", f"import sys\nsys.path.insert(0, {str(project.root)!r})\n")
    async with project.session(mode) as session:
        run = await session.run(RunRequest())
    assert run.status is RunStatus.UNAVAILABLE
    assert run.reason == (
        "the tests loaded shop, shop.price from the workspace instead of the copy with the change"
    )
    assert not run.all_passed


async def test_a_fence_keeps_old_code_away(project: Project) -> None:
    """A path to the workspace as it was leads nowhere; the next one on it is the copy."""
    project.put("tests/conftest.py", f"import sys\nsys.path.insert(0, {str(project.root)!r})\n")
    project.put(
        "tests/test_old.py",
        f"""
        import subprocess, sys
        import pytest

        OLD = {str(project.root)!r}

        def test_file():
            with pytest.raises(PermissionError):
                open(OLD + "/shop/price.py")

        def test_process():
            code = "import sys; sys.path.insert(0, %r); import shop.price" % OLD
            done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True)
            assert b"No module named 'shop'" in done.stderr
        """,
    )
    change = {"shop/price.py": b"def add(a, b):\n    return a - b\n"}
    async with project.session("landlock") as session:
        run = await session.run(RunRequest(changed=change))
    outcomes = {name.partition("::")[2]: str(each.outcome) for name, each in run.results.items()}
    assert outcomes == {"test_add": "failed", "test_file": "passed", "test_process": "passed"}


@pytest.mark.parametrize("mode", ["copy", "spawn"])
async def test_no_copy_is_left_behind(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    async with project.session(mode) as session:
        await session.run(RunRequest())
        assert [path.name for path in scratch.glob("*/*")] == ["home"]
        await session.confirm(RunRequest())
    assert not list(scratch.iterdir())


async def test_less_than_the_minimum_is_refused(interpreter: Path) -> None:
    """A workspace over which nothing can be mounted has no namespaces."""
    started = await Session.start(Path("/"), interpreter, Limits(), "namespaces")
    assert unavailable(started) == (
        "namespaces are needed, but the workspace contains a folder of the system"
    )


@pytest.mark.parametrize("case", REFUSED)
async def test_what_a_lesser_machine_gets_is_what_is_said(
    project: Project, tmp_path: Path, case: str
) -> None:
    """A real refusal: the interpreter is started under a filter that denies system calls."""
    calls, sentence = REFUSED[case]
    python = lesser_machine(project.interpreter, tmp_path, calls)
    session = await Session.start(project.root, python, Limits(), "any")
    assert isinstance(session, Session), session
    assert session.isolation.sentence == sentence
    run, cold = await session.run(RunRequest()), await session.confirm(RunRequest())
    await session.close()
    assert run.all_passed, run
    assert cold.all_passed, cold


async def test_a_lesser_machine_than_wanted_is_refused(project: Project, tmp_path: Path) -> None:
    python = lesser_machine(project.interpreter, tmp_path, (272, 444))
    for minimum, reason in (
        ("namespaces", "namespaces are needed, but user namespaces refused: EPERM"),
        ("landlock", "Landlock is needed at least, but Landlock refused: ENOSYS"),
    ):
        refused = await Session.start(project.root, python, Limits(), minimum)
        assert unavailable(refused) == reason
