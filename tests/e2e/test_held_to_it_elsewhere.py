"""A decision that is recorded in one editor holds in the others, on other machines and in CI.

Told once, from the first click to the last: recorded in VS Code, given a rule, accepted; the server
ends; Neovim on a clone of the repository, with nothing in its caches, is held to it; so is whoever
runs the commands that CI runs. VS Code and Neovim are what they said when they were recorded.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from lsprotocol import types

from support.commands import trueup
from trueup.editor import Editor, converter
from trueup.lsp.convert import uri_of
from trueup.snapshot import Span

CLIENTS = Path(__file__).parents[1] / "support" / "clients"
ORDERS = '"""Orders: 🧾."""\n\n\ndef fetch(url):\n    return 1\n'
SOURCE = "shop/orders.py"
PAGE = "docs/decisions/0001-http-goes-through-the-client.md"
RULE = """
```rule
kind: forbid-pattern
pattern: requests.$METHOD($$$ARGS)
message: Use shop.http.Client
examples: {bad: ["requests.get(url)"], good: ["client.get(url)"]}
```
"""


def git(folder: Path, *arguments: str) -> None:
    person = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
    subprocess.run(["git", *person, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "here"
    (root / "shop").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    (root / "shop/__init__.py").write_text("")
    (root / SOURCE).write_text(ORDERS)
    git(root, "init", "-q")
    return root


@asynccontextmanager
async def opened_in(client: str, root: Path, environment: dict[str, str]) -> AsyncIterator[Editor]:
    """A session of the recorded client `client`."""
    said = json.loads((CLIENTS / f"{client}.json").read_text("utf-8"))
    params = converter().structure(said, types.InitializeParams)
    pulls = params.capabilities.text_document.diagnostic is not None
    editor = Editor(root, answers=frozenset(), can_ask=True, pulls=pulls)
    await editor.start({}, environment, params)
    try:
        yield editor
    finally:
        await editor.stop()


async def pick(editor: Editor, title: str) -> dict[str, object]:
    """That action on the function, as soon as it is offered."""
    at = ORDERS.index("fetch")
    while True:
        for action in await editor.actions(SOURCE, Span(at, at)):
            if action.title.startswith(title):
                return await editor.run(action)


async def broken(editor: Editor) -> types.Diagnostic:
    """What is shown of a call that the decision forbids, while it is typed."""
    editor.open(SOURCE)
    at = ORDERS.index("1\n")
    editor.type(SOURCE, Span(at, at + 1), "requests.get(url)  # 🧾")
    await asyncio.wait_for(editor.seen(SOURCE, bool), 30)
    (found,) = editor.shown[SOURCE]
    return found


async def test_recorded_in_one_editor_and_held_to_in_the_others(
    root: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    async with opened_in("vscode-1.139", root, environment) as editor:
        editor.open(SOURCE)
        editor.lines = ["HTTP goes through the client"]
        recorded = await pick(editor, "Record a decision about fetch")
        assert recorded == {"outcome": "recorded", "path": PAGE}
        assert editor.opened == [(PAGE, 0)]
        page = root / PAGE
        said = page.read_text().replace("severity: advice", "severity: veto")
        page.write_text(said + RULE)
        editor.watched((PAGE, types.FileChangeType.Changed))
        accepted = await pick(editor, "Accept decision 0001")
        assert accepted == {"outcome": "accepted", "path": PAGE}
        there = await broken(editor)
        editor.save(SOURCE)
    assert "status: accepted" in page.read_text()
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Call the client")
    elsewhere = tmp_path / "elsewhere"
    git(tmp_path, "clone", "-q", str(root), str(elsewhere))
    (elsewhere / SOURCE).write_text(ORDERS)
    folders = {name: f"{folder}-elsewhere" for name, folder in environment.items()
               if name.startswith("XDG_")}  # fmt: skip
    async with opened_in("neovim-0.12", elsewhere, environment | folders) as editor:
        here = await broken(editor)
        assert editor.codec.encoding != "utf-16"
        where = types.TextDocumentIdentifier(uri_of(elsewhere / SOURCE))
        hover = await editor.client.text_document_hover_async(
            types.HoverParams(where, types.Position(3, 5))
        )
        editor.save(SOURCE)
    assert hover is not None
    assert "Decision 0001: HTTP goes through the client (veto, accepted)" in str(hover.contents)
    for found in (there, here):
        assert found.severity is types.DiagnosticSeverity.Error
        assert found.range.start == types.Position(4, 11)
        assert "Use shop.http.Client (decision 0001: HTTP goes through the client)" in found.message
    assert (there.code, there.message) == (here.code, here.message)
    checked = trueup(elsewhere, "check", "--format", "json")
    (finding,) = json.loads(checked.stdout)
    assert checked.returncode == 1
    assert (finding["path"], finding["line"], finding["column"]) == (SOURCE, 5, 12)
    assert (finding["decision"], finding["message"]) == (here.code, here.message)
    decided = trueup(elsewhere, "decisions", "check")
    assert decided.returncode == 1
    assert f"{SOURCE}:5:12" in decided.stdout
