"""What was applied in an editor is taken back there."""

from __future__ import annotations

from lsprotocol import types

from support.sessions import SOURCE, Editing, ruff_diagnostic
from support.tiny_projects import Project


async def test_a_fix_is_undone_in_the_editor(shop: Project, editing: Editing) -> None:
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    async with editing(shop) as editor:
        before = editor.open(SOURCE).text
        _, applied = await editor.pick_fix(diagnostic)
        assert applied
        assert editor.text(SOURCE) != before
        command = types.ExecuteCommandParams("trueup.undo")
        undone = await editor.client.workspace_execute_command_async(command)
        assert editor.text(SOURCE) == before
        assert "is undone." in str(undone)
