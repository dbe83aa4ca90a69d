"""Fixes that are verified while the user rests: shown, applied, and gone when the text changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.sessions import SOURCE, Editing
from support.tiny_projects import Project
from trueup import panel, trust
from trueup.editor import Editor
from trueup.lsp.convert import uri_of
from trueup.lsp.ready import RESTS, UNASKED, UNTRUSTED
from trueup.lsp.suggest import APPLY
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits
from trueup.snapshot import Span

NOW: dict[str, object] = {
    "background": {"idle_seconds": 0.05, "load": 1_000, "per_minute": 1_000, "niceness": 0}
}
RUFF = '[project]\nname = "shop"\nversion = "1"\n[tool.ruff.lint]\nselect = ["F401", "D200"]\n'


@pytest.fixture
def untidy(shop: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    """A project with one finding that Ruff can fix, whose tests may run."""
    shop.put("pyproject.toml", RUFF)
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "STATE"))
    trust.remember(trust.plan(str(shop.root), shop.interpreter))
    return shop


async def lens(editor: Editor) -> types.CodeLens:
    """The first fix that is ready in the file, when there is one."""
    uri = uri_of(editor.root / SOURCE)
    while not (found := await panel.fixes(editor.client, uri)):
        await editor.panel.next()
    return found[0]


def take(editor: Editor, found: types.CodeLens, **more: object) -> types.ExecuteCommandParams:
    command = found.command
    assert command is not None
    assert command.arguments is not None
    argument = command.arguments[0]
    assert isinstance(argument, dict)
    assert argument["uri"] == uri_of(editor.root / SOURCE)
    return types.ExecuteCommandParams(command.command, [{**argument, **more}])


async def test_it_appears_is_applied_and_goes(
    untidy: Project, editing: Editing, tmp_path: Path
) -> None:
    async with editing(untidy, ready=True, evidence=True, settings=NOW) as editor:
        editor.open(SOURCE)
        found = await lens(editor)
        assert editor.text(SOURCE).startswith("import os\n")
        result = await editor.client.workspace_execute_command_async(take(editor, found))
        text = editor.text(SOURCE)
        gone = await panel.fixes(editor.client, uri_of(untidy.root / SOURCE))
    assert found.command is not None
    assert found.command.title == "✓ verified fix ready: Remove unused import: `os`"
    assert found.range.start == types.Position(0, 7)
    assert isinstance(result, dict)
    assert (result["outcome"], result["applied"]) == ("verified", True)
    assert not text.startswith("import os\n")
    assert gone == []
    assert editor.panel.refreshed >= 2
    assert [item["applied"] for item in editor.panel.settled] == [True]
    traces = [
        item
        for item in TraceStore(TraceLimits(), tmp_path / "STATE" / "trueup" / "traces")
        if isinstance(item, Trace)
    ]
    assert [[answer.said for answer in item.answers] for item in traces] == [["applied"]]
    assert editor.asked == []


async def test_typing_takes_it_away_at_once_and_rest_brings_it_back(
    untidy: Project, editing: Editing
) -> None:
    uri = uri_of(untidy.root / SOURCE)
    async with editing(untidy, APPLY, ready=True, evidence=True, settings=NOW) as editor:
        editor.open(SOURCE)
        first = await lens(editor)
        editor.type(SOURCE, Span(0, 0), "# typed\n")
        assert await panel.fixes(editor.client, uri) == []
        with pytest.raises(JsonRpcException, match="changed since this fix was verified"):
            await editor.client.workspace_execute_command_async(take(editor, first))
        second = await lens(editor)
        # One that is asked to be shown is applied only when the user says so.
        result = await editor.client.workspace_execute_command_async(
            take(editor, second, show=True)
        )
        text = editor.text(SOURCE)
    assert second.range.start == types.Position(1, 7)
    assert isinstance(result, dict)
    assert result["applied"] is True
    assert [page["outcome"] for page in editor.panel.pages] == ["verified"]
    assert text.startswith("# typed\n")
    assert "import os" not in text


async def test_what_only_adds_is_shown_at_the_cursor(untidy: Project, editing: Editing) -> None:
    untidy.put("pyproject.toml", RUFF.replace('"F401", "D200"', '"W292"'))
    (untidy.root / SOURCE).write_text((untidy.root / SOURCE).read_text().rstrip("\n"))
    uri = uri_of(untidy.root / SOURCE)
    async with editing(untidy, ready=True, settings=NOW) as editor:
        document = editor.open(SOURCE)
        await lens(editor)
        end = editor.codec.position(document, len(document.text))
        (item,) = await panel.completions(editor.client, uri, end)
        elsewhere = await panel.completions(editor.client, uri, types.Position(0, 0))
    assert item.insert_text == "\n"
    assert item.range == types.Range(end, end)
    assert elsewhere == []


async def background(editor: Editor, wanted: str) -> None:
    """Wait until the status says that of the work in the background."""
    while not (editor.panel.told and editor.panel.told[-1]["background"] == wanted):
        await editor.panel.next()


async def test_it_begins_only_where_the_tests_may_run(
    shop: Project, editing: Editing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    canary, traces = tmp_path / "canary", tmp_path / "STATE" / "trueup" / "traces"
    shop.put("pyproject.toml", RUFF)
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    shop.put("conftest.py", f"open({str(canary)!r}, 'w').close()\n")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "STATE"))
    uri = uri_of(shop.root / SOURCE)
    async with editing(shop, ready=True, evidence=True, trusted=False, settings=NOW) as editor:
        editor.open(SOURCE)
        await background(editor, UNTRUSTED)
        panel.trust(editor.client, trusted=True)
        await background(editor, UNASKED)
        assert not canary.exists()
        assert not traces.exists()
        trust.remember(trust.plan(str(shop.root), shop.interpreter))
        editor.type(SOURCE, Span(0, 0), "# typed\n")
        await lens(editor)
        panel.trust(editor.client, trusted=False)
        await background(editor, UNTRUSTED)
        assert await panel.fixes(editor.client, uri) == []
    assert traces.exists()


@pytest.mark.parametrize("rule", [{"load": 0}, {"per_minute": 0}, {"cpu_seconds": 0}])
async def test_it_rests_where_there_is_nothing_to_spare(
    rule: dict[str, object], untidy: Project, editing: Editing, tmp_path: Path
) -> None:
    settings = {"background": {**NOW["background"], **rule}}  # type: ignore[dict-item]
    async with editing(untidy, ready=True, evidence=True, settings=settings) as editor:
        editor.open(SOURCE)
        await background(editor, RESTS)
    assert not (tmp_path / "STATE" / "trueup" / "traces").exists()
