"""Fixes that are verified while the user rests: shown, applied, and gone when the text changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.sessions import SOURCE, Editing
from support.tiny_projects import Project
from trueup import panel, trust
from trueup.editor import Editor
from trueup.lsp.convert import uri_of
from trueup.lsp.fixable import UNASKED
from trueup.lsp.ready import RESTS, UNTRUSTED
from trueup.lsp.suggest import APPLY
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits
from trueup.snapshot import Span

NOW: dict[str, object] = {
    "background": {"idle_seconds": 0.05, "load": 1_000, "per_minute": 1_000, "niceness": 0}
}
LATER: list[dict[str, object]] = [{"per_minute": 0}, {"cpu_seconds": 0}]
RUFF = '[project]\nname = "shop"\nversion = "1"\n[tool.ruff.lint]\nselect = ["F401", "W292"]\n'


@pytest.fixture
def untidy(shop: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    """A project with two findings that Ruff can fix, whose tests may run."""
    shop.put("pyproject.toml", RUFF)
    (shop.root / SOURCE).write_text("import os\n" + (shop.root / SOURCE).read_text().rstrip())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "STATE"))
    trust.remember(trust.plan(str(shop.root), shop.interpreter))
    return shop


Found = TypeVar("Found")


async def refreshed(editor: Editor, ask: Callable[[], Awaitable[list[Found]]]) -> list[Found]:
    """What the server answers, asked again whenever it says that lenses changed."""
    while True:
        before = editor.panel.refreshed
        if found := await ask():
            return found
        while editor.panel.refreshed == before:
            await editor.panel.next()


async def lens(editor: Editor) -> types.CodeLens:
    """The first fix that is ready in the file, when there is one."""
    uri = uri_of(editor.root / SOURCE)
    return (await refreshed(editor, lambda: panel.fixes(editor.client, uri)))[0]


def take(editor: Editor, found: types.CodeLens, **more: object) -> types.ExecuteCommandParams:
    command = found.command
    assert command is not None
    assert command.arguments is not None
    argument = command.arguments[0]
    assert isinstance(argument, dict)
    assert argument["uri"] == uri_of(editor.root / SOURCE)
    return types.ExecuteCommandParams(command.command, [{**argument, **more}])


async def test_they_appear_go_with_the_text_and_are_applied(
    untidy: Project, editing: Editing, tmp_path: Path
) -> None:
    uri = uri_of(untidy.root / SOURCE)
    async with editing(untidy, APPLY, ready=True, evidence=True, settings=NOW) as editor:
        document = editor.open(SOURCE)
        # What only adds is shown at the cursor too.
        end = editor.codec.position(document, len(document.text))
        shown = await refreshed(editor, lambda: panel.completions(editor.client, uri, end))
        elsewhere = await panel.completions(editor.client, uri, types.Position(0, 0))
        accepted = shown[0].command
        assert accepted is not None
        editor.type(SOURCE, editor.codec.span(document, shown[0].range), str(shown[0].insert_text))
        inserted = await editor.client.workspace_execute_command_async(
            types.ExecuteCommandParams(accepted.command, accepted.arguments)
        )
        editor.type(SOURCE, Span(len(document.text), len(document.text) + 1), "")
        first = await lens(editor)
        editor.type(SOURCE, Span(0, 0), "# typed\n")
        assert await panel.fixes(editor.client, uri) == []
        with pytest.raises(JsonRpcException, match="changed since this fix was verified"):
            await editor.client.workspace_execute_command_async(take(editor, first))
        second = await lens(editor)
        applied = await editor.client.workspace_execute_command_async(take(editor, second))
        text = editor.text(SOURCE)
        assert editor.panel.pages == []
        third = await lens(editor)
        # One that is to be shown first is applied only when the user says so.
        asked = await editor.client.workspace_execute_command_async(take(editor, third, show=True))
        whole = editor.text(SOURCE)
    (item,) = shown
    assert (item.insert_text, item.range) == ("\n", types.Range(end, end))
    assert elsewhere == []
    assert first.command is not None
    assert first.command.title == "✓ verified fix ready: Remove unused import: `os`"
    assert first.range.start == types.Position(0, 7)
    assert second.range.start == types.Position(1, 7)
    assert isinstance(inserted, dict)
    assert (inserted["outcome"], inserted["applied"]) == ("verified", True)
    assert isinstance(applied, dict)
    assert isinstance(asked, dict)
    assert (applied["outcome"], applied["applied"]) == ("verified", True)
    assert (text.startswith("# typed\n"), "import os" in text) == (True, False)
    assert (asked["outcome"], asked["applied"]) == ("verified", True)
    assert whole == text + "\n"
    assert [page["title"] for page in editor.panel.pages] == ["Add trailing newline"]
    assert [item["applied"] for item in editor.panel.settled] == [True, True]
    assert editor.panel.refreshed >= 4
    answers = [
        [answer.said for answer in item.answers]
        for item in TraceStore(TraceLimits(), tmp_path / "STATE" / "trueup" / "traces")
        if isinstance(item, Trace)
    ]
    assert [said for said in answers if said] == [["applied"]] * 3
    # Nobody was asked whether the tests may run: that was said before.
    assert editor.asked == []


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


@pytest.mark.parametrize(
    "rule", [{"load": 0}, *(pytest.param(rule, marks=pytest.mark.soak) for rule in LATER)]
)
async def test_it_rests_where_there_is_nothing_to_spare(
    rule: dict[str, object], untidy: Project, editing: Editing, tmp_path: Path
) -> None:
    settings = {"background": {**NOW["background"], **rule}}  # type: ignore[dict-item]
    async with editing(untidy, ready=True, evidence=True, settings=settings) as editor:
        editor.open(SOURCE)
        await background(editor, RESTS)
    assert not (tmp_path / "STATE" / "trueup" / "traces").exists()


CONTRACT = """[project]
name = "shop"
version = "1"
[tool.importlinter]
root_package = "shop"
[[tool.importlinter.contracts]]
name = "Totals are not stored"
type = "forbidden"
source_modules = ["shop.total"]
forbidden_modules = ["shop.store"]
"""


@pytest.mark.soak
async def test_a_forbidden_import_is_broken_without_being_asked(
    untidy: Project, editing: Editing
) -> None:
    untidy.put("pyproject.toml", CONTRACT)
    untidy.put("shop/store.py", "def keep(value):\n    return value\n")
    untidy.put(SOURCE, "from shop.store import keep\n" + (untidy.root / SOURCE).read_text()[10:])
    trust.remember(trust.plan(str(untidy.root), untidy.interpreter))
    async with editing(untidy, ready=True, settings=NOW) as editor:
        editor.open(SOURCE)
        found = await lens(editor)
        await editor.client.workspace_execute_command_async(take(editor, found))
        text = editor.text(SOURCE)
    assert found.command is not None
    title = "✓ verified fix ready: Remove the import, which nothing uses"
    assert found.command.title == title
    assert "shop.store" not in text
