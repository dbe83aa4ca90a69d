"""Where there are no namespaces: the copy is what runs, or the run says that it was not."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

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
    for mode in ("namespaces", "copy"):
        async with src_project.session(mode) as session:
            run = await session.run(request)
        assert run.all_passed, (mode, run)
        assert set(run.runners) == {("src/shop/price.py", 1), ("src/shop/price.py", 2)}


async def test_old_code_from_the_workspace_is_told_and_never_a_pass(project: Project) -> None:
    project.put("tests/conftest.py", f"import sys\nsys.path.insert(0, {str(project.root)!r})\n")
    async with project.session("copy") as session:
        run = await session.run(RunRequest())
    assert run.status is RunStatus.UNAVAILABLE
    assert run.reason == (
        "the tests loaded shop, shop.price from the workspace instead of the copy with the change"
    )
    assert not run.all_passed


async def test_no_copy_is_left_behind(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    async with project.session("copy") as session:
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


async def test_a_machine_without_user_namespaces(project: Project, tmp_path: Path) -> None:
    """A real refusal: the interpreter is started under a filter that denies `unshare`."""
    denied = tmp_path / "denied.py"
    denied.write_text(WITHOUT_NAMESPACES)
    wrapper = tmp_path / "python"
    wrapper.write_text(
        f'#!/bin/sh\nexec {project.interpreter} {denied} {project.interpreter} "$@"\n'
    )
    wrapper.chmod(0o755)
    refused = await Session.start(project.root, wrapper, Limits(), "namespaces")
    assert unavailable(refused) == "namespaces are needed, but user namespaces refused: EPERM"
    session = await Session.start(project.root, wrapper, Limits(), "any")
    assert isinstance(session, Session)
    assert session.isolation.sentence == (
        "no isolation (user namespaces refused: EPERM): "
        "the tests ran with your full rights on a copy"
    )
    run = await session.run(RunRequest())
    await session.close()
    assert run.all_passed, run


def _filter() -> bytes:
    steps = ((0x20, 0, 0, 0), (0x15, 0, 1, 272), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


WITHOUT_NAMESPACES = f"""
import ctypes, os, struct, sys
program = {_filter()!r}
buffer = ctypes.create_string_buffer(program, len(program))
header = ctypes.create_string_buffer(
    struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer)), 16)
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(header), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
assert ctypes.sizeof(ctypes.c_void_p) == 8
