"""Editors of the terminal, started in a project of the test's own."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from install_terminal import install

from support.neovim import Neovim, Starting, neovim
from support.shops import shop_without_a_web
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, Project, make_environment

FOLDERS = ("STATE_HOME", "CACHE_HOME", "CONFIG_HOME", "DATA_HOME", "RUNTIME_DIR")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of `nvim`, `hx` and `emacs`."""
    return install()


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of the projects: pytest and nothing else."""
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


@pytest.fixture
def shop(tmp_path: Path, interpreter: Path) -> Project:
    return shop_without_a_web(tmp_path / "shop-project", interpreter)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of an editor that knows nothing of this machine's user."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "XDG_", "VIM", "NVIM"))
    }
    folders = {f"XDG_{name}": tmp_path / name.lower() for name in FOLDERS}
    for folder in folders.values():
        folder.mkdir(mode=0o700)
    return own | {name: str(folder) for name, folder in folders.items()}


@pytest.fixture
def start(
    programs: Path, tmp_path: Path, interpreter: Path, environment: dict[str, str]
) -> Starting:
    """Starts a Neovim that answers questions with what it is given, else not at all."""

    def open_neovim(
        *answers: tuple[str, str],
        model: str | None = None,
        more: dict[str, object] | None = None,
        **options: object,
    ) -> AbstractContextManager[Neovim]:
        settings: dict[str, object] = {"interpreter": str(interpreter), **(more or {})}
        if model is not None:
            settings["model"] = {"base_url": model}
        return neovim(
            programs / "nvim",
            tmp_path,
            environment,
            settings=settings,
            answers=answers,
            options=options,
        )

    return open_neovim
