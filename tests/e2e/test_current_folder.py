"""The current folder of a server is the user's: nothing is imported from it or left there."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.messages_server import MessagesServer, edits_reply
from support.sessions import SOURCE, Editing, inside, pick
from support.tiny_projects import Project

SHORTER = """def total(prices, discount=0):
    \"\"\"The sum of `prices`, less a discount.\"\"\"
    return sum(prices) - discount
"""


async def test_a_job_imports_nothing_from_it_and_leaves_nothing_there(
    editing: Editing, shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "imported"
    for name in ("anthropic", "hypothesis", "libcst", "rope", "yaml"):
        shop.put(f"{name}.py", f"open({str(canary)!r}, 'w').close()")
    monkeypatch.chdir(shop.root)
    before = {path.name for path in shop.root.iterdir()}
    reply = edits_reply("Use sum", [{"path": SOURCE, "symbol": "total", "after": SHORTER}])
    with MessagesServer(reply) as model:
        async with editing(shop, model=model.url) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify total")
    assert "behaviour" in str(result["suggestion"])
    assert not canary.exists()
    assert {path.name for path in shop.root.iterdir()} == before
