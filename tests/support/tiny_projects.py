"""Small real projects, and an environment with pytest and nothing else to run them in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from textwrap import dedent

from trueup.runner.results import Unavailable
from trueup.runner.session import Session
from trueup.settings import Limits

ADD = """
def add(a, b):
    return a + b


def unused():
    return None
"""

TEST_ADD = """
from shop.price import add


def test_add():
    assert add(1, 2) == 3
"""

PYTEST_AND_ITS_NEEDS = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")


@dataclass(frozen=True)
class Project:
    """A folder of files, and how to open a session on it."""

    root: Path
    interpreter: Path

    def put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), "utf-8")

    @asynccontextmanager
    async def session(
        self, mode: str = "auto", limits: Limits | None = None
    ) -> AsyncIterator[Session]:
        session = await Session.start(self.root, self.interpreter, limits or Limits(), mode=mode)
        assert isinstance(session, Session), session
        try:
            yield session
        finally:
            await session.close()


def make_environment(
    folder: Path, distributions: tuple[str, ...], python: str = sys.executable
) -> Path:
    """The interpreter of a new virtual environment that holds copies of our own `distributions`."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    target = next(folder.glob("lib/python3*/site-packages"))
    for name in distributions:
        for file in metadata.distribution(name).files or ():
            source = Path(str(file.locate()))
            if ".." not in file.parts and source.is_file():
                copy = target / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy)
    return folder / "bin" / "python"


async def started_without_tests(root: Path, interpreter: Path) -> Session:
    """A session on a project that has one test, of nothing; the cases are unsaved buffers of it."""
    _put_one_test(root)
    started = await Session.start(root, interpreter, Limits())
    assert isinstance(started, Session), started
    return started


def _put_one_test(root: Path) -> None:
    root.mkdir(exist_ok=True)
    (root / "conftest.py").write_text("", "utf-8")
    (root / "test_nothing.py").write_text("def test_nothing() -> None:\n    pass\n", "utf-8")


def unavailable(started: Session | Unavailable) -> str:
    """The sentence of a session that did not start."""
    assert isinstance(started, Unavailable), started
    return started.reason
