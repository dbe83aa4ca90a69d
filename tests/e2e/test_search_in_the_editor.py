"""Search in the editor: decisions and code, fresh after a save, whatever becomes of the index."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lsprotocol import types

from trueup.editor import Editor
from trueup.lsp.searching import HERE_MAX, IS_BUILT
from trueup.snapshot import Span

DECISION = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: Invoices are numbered without gaps
status: accepted
severity: advice
scope: {paths: ["shop/**"]}
---
# Invoices are numbered without gaps

The tax office wants it so.
"""
INVOICE = '''def next_number(invoices):
    """The number of the invoice that is written next."""
    return len(invoices) + 1
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path, text in {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
        "shop/__init__.py": "",
        "shop/invoice.py": INVOICE,
        "docs/decisions/0007-numbers.md": DECISION,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
async def editor(root: Path, environment: dict[str, str]) -> AsyncIterator[Editor]:
    editor = Editor(root, answers=frozenset())
    await editor.start({}, environment)
    try:
        yield editor
    finally:
        await editor.stop()


async def search(editor: Editor, query: str) -> list[tuple[str, str, str, int]]:
    """Kind, title, file and line of what is found."""
    found = await editor.client.protocol.send_request_async("trueup/search", {"query": query})
    assert all(item["why"] for item in found)
    return [
        (item["kind"], item["title"], Path(unquote(urlsplit(item["uri"]).path)).name, item["line"])
        for item in found
    ]


DECIDED = ("decision", "0007 Invoices are numbered without gaps", "0007-numbers.md", 2)
NUMBER = ("symbol", "next_number", "invoice.py", 1)


async def test_decisions_and_code_are_found_with_no_file_open(editor: Editor) -> None:
    assert await search(editor, "number of the next invoice") == [DECIDED, NUMBER]
    assert await search(editor, "") == []
    assert await search(editor, "nothing like it") == []
    # The search that every editor has finds decisions; code is told by other servers there.
    shown = await editor.client.workspace_symbol_async(types.WorkspaceSymbolParams("invoices"))
    assert [(item.name, item.container_name) for item in shown or ()] == [
        ("Decision 0007 Invoices are numbered without gaps", "docs/decisions/0007-numbers.md")
    ]


async def test_what_was_saved_is_found_at_once(editor: Editor) -> None:
    assert await search(editor, "cancel an invoice") == [DECIDED, NUMBER]
    editor.open("shop/invoice.py")
    editor.type("shop/invoice.py", Span(0, 0), "def cancel_invoice():\n    pass\n\n\n")
    editor.save("shop/invoice.py")
    found = await search(editor, "cancel an invoice")
    assert ("symbol", "cancel_invoice", "invoice.py", 1) in found
    assert ("symbol", "next_number", "invoice.py", 5) in found


async def test_a_decision_is_found_as_soon_as_it_is_there(editor: Editor, root: Path) -> None:
    assert await search(editor, "refunds") == []
    page = DECISION.replace("0E\n", "0F\n").replace("numbered without gaps", "never refunds")
    (root / "docs/decisions/0008-refunds.md").write_text(page)
    found = await search(editor, "refunds")
    assert ("decision", "0008 Invoices are never refunds", "0008-refunds.md", 2) in found


async def test_the_answers_are_the_same_whatever_becomes_of_the_index(
    editor: Editor, environment: dict[str, str]
) -> None:
    question = "number of the next invoice"
    before = await search(editor, question)
    folder = Path(environment["XDG_CACHE_HOME"]) / "trueup" / "index"
    shutil.rmtree(folder)
    assert await search(editor, question) == before
    for database in folder.rglob("index-*.db"):
        # Under the server, which has it open and reads it page by page.
        raw = database.read_bytes()
        database.write_bytes(raw[: len(raw) // 4] + os.urandom(len(raw) - len(raw) // 4))
    assert await search(editor, question) == before
    assert editor.said == []
    shutil.rmtree(folder)
    folder.write_text("a file where a folder should be")
    assert await search(editor, question) == before
    assert [said.startswith("the index cannot be kept in ") for said in editor.said] == [True]


async def test_a_large_project_is_indexed_by_another_process(editor: Editor, root: Path) -> None:
    for number in range(HERE_MAX + 1):
        (root / f"shop/module_{number}.py").write_text(f"def parcel_{number}():\n    pass\n")
    while not (found := await search(editor, "parcel 7 number")) or found[-1][0] != "symbol":
        # It is being built, and says so; decisions are found until then.
        assert found == [DECIDED]
        assert editor.said in ([], [IS_BUILT])
    assert ("symbol", "parcel_7", "module_7.py", 1) in found
