"""What a session leaves behind: a trace of each suggestion with what the user did, and its cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from support.messages_server import MessagesServer, edits_reply
from support.sessions import SOURCE, Editing, inside, pick
from support.tiny_projects import Project
from trueup.lsp.suggest import APPLY, DISCARD
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
REPLY = edits_reply("Use sum", [{"path": SOURCE, "symbol": "total", "after": RIGHT}])


@pytest.mark.parametrize(
    ("choice", "said"), [(APPLY, ["applied", "undone"]), (DISCARD, ["rejected"])]
)
async def test_the_users_answer_is_in_the_trace(
    choice: str, said: list[str], shop: Project, editing: Editing, tmp_path: Path
) -> None:
    with MessagesServer(REPLY) as model:
        async with editing(shop, choice, model=model.url) as editor:
            before = editor.open(SOURCE).text
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            if choice == APPLY:
                undo = types.ExecuteCommandParams("trueup.undo", [])
                await editor.client.workspace_execute_command_async(undo)
            assert editor.text(SOURCE) == before
    assert result["applied"] is (choice == APPLY)
    (trace,) = TraceStore(TraceLimits(), tmp_path / "STATE" / "trueup" / "traces")
    assert isinstance(trace, Trace)
    assert trace.outcome == "verified"
    assert [answer.said for answer in trace.answers] == said
    assert trace.usage.total == 110
    assert trace.isolation
    assert (tmp_path / "STATE" / "trueup" / "budget.sqlite").exists()
