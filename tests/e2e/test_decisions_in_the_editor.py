"""Decisions where one works: recorded, shown, accepted, enforced, excepted from, retired."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lsprotocol import types

from support.commands import trueup
from trueup.editor import Editor
from trueup.lsp.convert import uri_of
from trueup.snapshot import Span

DECISION = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: HTTP goes through the client
status: accepted
severity: veto
scope: {paths: ["shop/**"], symbols: ["shop.orders.fetch"]}
---
# HTTP goes through the client

Timeouts are set in one place.

```rule
kind: forbid-pattern
pattern: requests.$METHOD($$$ARGS)
message: Use shop.http.Client
examples: {bad: ["requests.get(url)"], good: ["client.get(url)"]}
```
"""
ORDERS = """def fetch(url):
    return 1


def other():
    return 2
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path, text in {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
        "shop/__init__.py": "",
        "shop/orders.py": ORDERS,
        "docs/decisions/0007-http.md": DECISION,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture(params=["told", "pulls"])
async def editor(
    root: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> AsyncIterator[Editor]:
    editor = Editor(root, answers=frozenset(), can_ask=True, pulls=request.param == "pulls")
    await editor.start({}, environment)
    try:
        yield editor
    finally:
        await editor.stop()


async def broken(editor: Editor) -> types.Diagnostic:
    editor.open("shop/orders.py")
    at = editor.text("shop/orders.py").index("return 1")
    editor.type("shop/orders.py", Span(at, at + 8), "return requests.get(url)")
    await asyncio.wait_for(editor.seen("shop/orders.py", bool), 20)
    return editor.shown["shop/orders.py"][0]


def on(editor: Editor, path: str, line: int, column: int) -> types.HoverParams:
    where = types.TextDocumentIdentifier(uri_of(editor.root / path))
    return types.HoverParams(where, types.Position(line, column))


async def run(editor: Editor, title: str, about: types.Diagnostic | None = None) -> object:
    place = Span(6, 6)
    if about is not None:
        actions = await editor.actions_on("shop/orders.py", about)
    else:
        actions = await editor.actions("shop/orders.py", place)
    action = next(item for item in actions if item.title.startswith(title))
    return (await editor.run(action))["outcome"]


async def test_a_rule_is_held_to_while_one_types_and_says_how_to_override_it(
    editor: Editor,
) -> None:
    found = await broken(editor)
    assert found.severity is types.DiagnosticSeverity.Error
    assert found.range.start == types.Position(1, 11)
    assert found.code == "01JD3Y6Q8T5V0W9X2Z4B6C8D0E"
    assert "Use shop.http.Client (decision 0007: HTTP goes through the client)" in found.message
    assert "trueup: ignore[0007] reason" in found.message
    editor.lines = ["a health check"]
    assert await run(editor, "Make an exception from decision 0007", found) == "excepted"
    text = editor.text("shop/orders.py")
    assert "requests.get(url)  # trueup: ignore[0007] a health check\n" in text
    await asyncio.wait_for(editor.seen("shop/orders.py", lambda shown: not shown), 20)


async def test_the_command_line_says_the_same(editor: Editor, root: Path) -> None:
    await broken(editor)
    editor.save("shop/orders.py")
    done = trueup(root, "check")
    assert done.returncode == 1
    assert "shop/orders.py:2:12" in done.stdout
    assert editor.shown["shop/orders.py"][0].message in done.stdout


async def test_what_governs_a_symbol_is_told_on_hover_and_counted(editor: Editor) -> None:
    await broken(editor)
    said = await editor.client.text_document_hover_async(on(editor, "shop/orders.py", 0, 6))
    assert said is not None
    assert isinstance(said.contents, types.MarkupContent)
    assert said.contents.kind is types.MarkupKind.PlainText
    assert said.contents.value == (
        "Decision 0007: HTTP goes through the client (veto, accepted)\n"
        "Timeouts are set in one place."
    )
    assert await editor.client.text_document_hover_async(on(editor, "shop/orders.py", 4, 6)) is None
    where = types.TextDocumentIdentifier(uri_of(editor.root / "shop/orders.py"))
    lenses = await editor.client.text_document_code_lens_async(types.CodeLensParams(where))
    assert [
        (item.range.start.line, item.command and item.command.title) for item in lenses or ()
    ] == [(0, "1 decision")]


async def test_a_decision_is_recorded_accepted_and_retired(editor: Editor, root: Path) -> None:
    await broken(editor)
    editor.lines = ["Orders are fetched lazily"]
    assert await run(editor, "Record a decision about fetch") == "recorded"
    path = root / "docs/decisions/0008-orders-are-fetched-lazily.md"
    text = path.read_text()
    assert "status: proposed" in text
    assert 'symbols: ["shop.orders.fetch"]' in text or "symbols: [shop.orders.fetch]" in text
    assert editor.opened == [("docs/decisions/0008-orders-are-fetched-lazily.md", 0)]
    assert await until(editor, "Accept decision 0008") == "accepted"
    accepted = path.read_text()
    assert "status: accepted" in accepted
    assert "follows: true" in accepted
    assert await until(editor, "Retire decision 0008") == "retired"
    assert path.read_text() == accepted.replace("status: accepted", "status: retired")


async def until(editor: Editor, title: str) -> object:
    """Pick an action as soon as it is offered: decisions are read again in a thread."""
    for _ in range(200):
        actions = await editor.actions("shop/orders.py", Span(6, 6))
        if any(item.title.startswith(title) for item in actions):
            return await run(editor, title)
    raise AssertionError(f"{title} was never offered")


async def test_a_decision_that_is_edited_counts_at_once(editor: Editor, root: Path) -> None:
    await broken(editor)
    page = root / "docs/decisions/0007-http.md"
    page.write_text(page.read_text().replace("status: accepted", "status: retired"))
    editor.watched(("docs/decisions/0007-http.md", types.FileChangeType.Changed))
    await asyncio.wait_for(editor.seen("shop/orders.py", lambda shown: not shown), 20)
