"""One VS Code for all tests of a file, and a project of its own for each test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.messages_server import MessagesServer
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from support.vs_code import Window, Workbench, started_browser
from support.vs_code_tools import Tools, install
from trueup.demo import example

# Where work in the background is allowed, it begins at once, on a busy machine too.
EAGER = """
[background]
idle_seconds = 0.05
load = 1000
per_minute = 1000
niceness = 0
"""
SHOTS = Path(__file__).parents[1] / "shots"


@pytest.fixture(scope="session")
def tools() -> Tools:
    return install()


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of the projects: pytest and nothing else."""
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


@pytest.fixture(scope="session")
def model() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        yield server


@pytest.fixture(scope="session")
def settings(interpreter: Path, model: MessagesServer) -> dict[str, object]:
    """What the machine has set."""
    return {
        "trueup.path": str(Path(sys.executable).parent / "trueup"),
        "trueup.interpreter": str(interpreter),
        "trueup.model.baseUrl": model.url,
        "trueup.background.fixes": False,
    }


@pytest.fixture(scope="session")
def browser(tools: Tools) -> Iterator[Browser]:
    with started_browser(tools) as browser:
        yield browser


@pytest.fixture(scope="session")
def workbench(
    tools: Tools,
    browser: Browser,
    settings: dict[str, object],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("code")
    with Workbench(tools, browser, folder, settings, config=EAGER) as running:
        yield running


def copy_of_the_shop(folder: Path) -> Path:
    root = folder / "shop"
    shutil.copytree(example(), root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    # The watcher of files may miss what is written into a folder that was made just before.
    (root / "docs/decisions").mkdir(parents=True)
    return root


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the example project."""
    return copy_of_the_shop(tmp_path)


@pytest.fixture
def opened(
    workbench: Workbench, shop: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Window]]:
    """Opens windows of the test's own, and keeps a picture of each as it was at the end."""
    windows: list[Window] = []

    def open_window(folder: Path = shop, bench: Workbench = workbench) -> Window:
        windows.append(bench.open(folder))
        return windows[-1]

    yield open_window
    for number, window in enumerate(windows):
        window.shoot(SHOTS / f"{request.node.name}-{number}.png")
        window.close()


@pytest.fixture(scope="session")
def _shared(workbench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    window = workbench.open(copy_of_the_shop(tmp_path_factory.mktemp("shared")))
    yield window
    window.close()


@pytest.fixture
def window(_shared: Window, request: pytest.FixtureRequest) -> Iterator[Window]:
    """A window that the tests share; to open one takes seconds. What is not saved is forgotten."""
    yield _shared
    _shared.shoot(SHOTS / f"{request.node.name}.png")
    _shared.forget()
