"""The life of a decision from the editor: its evidence changes, moves; another takes its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lsprotocol import types

from trueup.editor import Editor
from trueup.memory import evidence, journal, ulid
from trueup.memory.journal import Event, Reason, Said
from trueup.memory.places import load
from trueup.snapshot import Span

PAGE = "docs/decisions/0007-http.md"
DECISION = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: HTTP goes through the client
status: accepted
severity: veto
scope: {paths: ["shop/**"], symbols: ["shop.orders.fetch"]}
evidence: [{path: shop/orders.py, symbol: shop.orders.fetch}]
---
# HTTP goes through the client

```rule
kind: forbid-pattern
pattern: requests.$METHOD($$$ARGS)
message: Use shop.http.Client
examples: {bad: ["requests.get(url)"], good: ["client.get(url)"]}
```
"""
FETCH = (
    "def fetch(client, url, tries=3):\n    for _ in range(tries):\n        return client.get(url)\n"
)
ORDERS = "shop/orders.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path, text in {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
        "shop/__init__.py": "",
        ORDERS: FETCH,
        "shop/other.py": "X = 1\n",
        PAGE: DECISION,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (decision,) = load(str(root))
    evidence.pin(str(root), decision)
    return root


@pytest.fixture
async def editor(root: Path, environment: dict[str, str]) -> AsyncIterator[Editor]:
    editor = Editor(root, answers=frozenset(), can_ask=True)
    await editor.start({}, environment)
    try:
        yield editor
    finally:
        await editor.stop()


async def pick(editor: Editor, title: str, path: str = ORDERS) -> object:
    """That action on what stands first in the file, as soon as it is offered."""
    while True:
        for action in await editor.actions(path, Span(5, 5)):
            if action.title.startswith(title):
                return (await editor.run(action))["outcome"]


async def said_of(editor: Editor, path: str, text: str) -> None:
    """Wait until that, and nothing but that, is said of a page; "" for nothing."""

    def is_it(found: tuple[types.Diagnostic, ...]) -> bool:
        return [text in item.message for item in found] == ([True] if text else [])

    await asyncio.wait_for(editor.seen(path, is_it), 30)


async def test_evidence_that_changes_and_moves_is_told_and_followed(
    editor: Editor, root: Path
) -> None:
    editor.open(ORDERS)
    at = FETCH.index("client.get")
    editor.type(ORDERS, Span(at, at), "not ")
    editor.save(ORDERS)
    await said_of(editor, PAGE, "needs a review: its evidence shop.orders.fetch changed")
    assert await pick(editor, "Decision 0007 still holds for the code as it is") == "refreshed"
    await said_of(editor, PAGE, "")
    moved = editor.text(ORDERS)
    editor.type(ORDERS, Span(0, len(moved)), "Y = 2\n")
    editor.save(ORDERS)
    (root / "shop/http.py").write_text(moved)
    editor.watched(("shop/http.py", types.FileChangeType.Created))
    await said_of(editor, PAGE, "shop.orders.fetch moved to shop.http.fetch")
    title = "Decision 0007 follows shop.orders.fetch to shop.http.fetch"
    assert await pick(editor, title, "shop/http.py") == "followed"
    await said_of(editor, PAGE, "")
    assert "symbols: [shop.http.fetch]" in (root / PAGE).read_text()


async def test_a_decision_gives_way_to_the_one_that_supersedes_it(
    editor: Editor, root: Path
) -> None:
    editor.lines = ["HTTP goes through the session"]
    assert await pick(editor, "Supersede decision 0007 by a new one") == "recorded"
    (old, new) = load(str(root))
    assert (old.status, new.status) == ("accepted", "proposed")
    assert new.supersedes == (old.id,)
    assert new.scope == old.scope
    assert await pick(editor, "Accept decision 0008: HTTP goes through the session") == "accepted"
    assert [item.status for item in load(str(root))] == ["superseded", "accepted"]


async def test_a_rejection_is_seen_and_taken_back_and_a_broken_line_is_told(
    root: Path, environment: dict[str, str]
) -> None:
    for reason in (Reason.WRONG, Reason.STYLE):
        event = Event(ulid.new(), Said.REJECTED, "f" * 32, "simplify", "fetch", reason)
        path = journal.append(str(root), event)
    with (root / path).open("a") as file:
        file.write("<<<<<<< ours\n")
    choice = f"{event.date} simplify fetch: not-our-style ({event.id[-4:]})"
    editor = Editor(root, answers=frozenset({choice}), can_ask=True)
    await editor.start({}, environment)
    try:
        editor.open(ORDERS)
        await said_of(editor, path, "a merge is unfinished here; the line is skipped")
        assert editor.shown[path][0].range.start.line == 2
        assert await pick(editor, "Allow a rejected suggestion again") == "allowed"
    finally:
        await editor.stop()
    assert editor.asked == ["Which suggestion may be made again?"]
    assert [item.reason for item in journal.read(str(root)).rejections] == [Reason.WRONG]
