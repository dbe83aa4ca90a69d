"""A whole session for the scripts that measure one: a shop, a server, its engine and a model."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from lsprotocol import types

from support.sessions import SOURCE, TEST_TOTAL, TOTAL, action, inside
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, Project, make_environment
from trueup.editor import Editor
from trueup.trust import Answer

FOLDERS = ("STATE", "CACHE", "CONFIG")


@asynccontextmanager
async def session(model: str, **settings: object) -> AsyncIterator[tuple[Project, Editor]]:
    """An editor on the shop, whose server asks the model at that address; its user discards."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        interpreter = make_environment(folder / "venv", PYTEST_AND_ITS_NEEDS)
        (folder / "shop-project").mkdir()
        project = Project(folder / "shop-project", interpreter)
        project.put("pyproject.toml", '[project]\nname = "shop"\nversion = "1"\n')
        project.put("shop/__init__.py", "")
        project.put(SOURCE, TOTAL)
        project.put("tests/test_total.py", TEST_TOTAL)
        project.put("conftest.py", "")
        own = {name: value for name, value in os.environ.items() if "ANTHROPIC" not in name}
        own |= {f"XDG_{name}_HOME": str(folder / name) for name in FOLDERS}
        editor = Editor(project.root, answers=frozenset({Answer.ALWAYS.value}))
        given = {"interpreter": str(interpreter), "model": {"base_url": model}, **settings}
        await editor.start(given, own)
        try:
            yield project, editor
        finally:
            await editor.stop()


async def picked(editor: Editor, identity: str, title: str = "Simplify") -> object:
    """Pick an action on `total` under a request id; what will hold its answer."""
    found = await action(editor, SOURCE, inside(editor, SOURCE, "total"), title)
    command = found.command
    if command is None:
        raise SystemExit(f"{title} has no command")
    parameters = types.ExecuteCommandParams(command.command, command.arguments)
    return editor.client.protocol.send_request_async(
        types.WORKSPACE_EXECUTE_COMMAND, parameters, identity
    )
