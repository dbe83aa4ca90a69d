"""A suggestion that somebody discards with a reason is not made again, until it is taken back."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from support.messages_server import MessagesServer, edits_reply
from support.sessions import SOURCE, Editing, inside, pick
from support.tiny_projects import Project
from trueup.cli import cli
from trueup.lsp.reasons import NOT_NOW
from trueup.lsp.suggest import DISCARD
from trueup.memory import journal
from trueup.memory.decisions import Status
from trueup.memory.places import load

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
REPLY = edits_reply("Use sum", [{"path": SOURCE, "symbol": "total", "after": RIGHT}])


async def test_rejected_then_not_offered_then_undone_then_offered(
    shop: Project, editing: Editing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MessagesServer(*[REPLY] * 5) as model:
        async with editing(shop, DISCARD, "Wrong", model=model.url) as editor:
            first = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            again = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            (event,) = journal.read(str(shop.root)).rejections
            monkeypatch.chdir(shop.root)
            undone = CliRunner().invoke(cli, ["decisions", "feedback", "undo", event.id])
            at_last = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert first["outcome"] == "verified"
    assert again["outcome"] == "declined"
    assert f"as wrong; `trueup decisions feedback undo {event.id[:16]}`" in str(again["message"])
    assert "was rejected on" in str(model.requests[2].body["messages"][-1]["content"])
    assert undone.exit_code == 0, undone.output
    assert at_last["outcome"] == "verified"


async def test_never_becomes_a_proposed_decision(shop: Project, editing: Editing) -> None:
    with MessagesServer(REPLY) as model:
        async with editing(shop, DISCARD, "Never suggest this", model=model.url) as editor:
            await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    (made,) = load(str(shop.root))
    assert (made.status, made.title) == (Status.PROPOSED, "Do not suggest calls of sum")
    assert len(made.rules) == 1


async def test_not_now_is_no_event(shop: Project, editing: Editing) -> None:
    with MessagesServer(REPLY) as model:
        async with editing(shop, DISCARD, NOT_NOW, model=model.url) as editor:
            await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert journal.read(str(shop.root)) == journal.Journal()
