"""A client with an evidence panel: pages, answers, what became of them, status and history."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.messages_server import MessagesServer, edits_reply
from support.sessions import SOURCE, Editing, action, inside, pick, ruff_diagnostic, where
from support.tiny_projects import Project
from trueup import linting, panel, trust
from trueup.editor import Editor
from trueup.lsp.convert import uri_of
from trueup.lsp.suggest import APPLY, APPLY_ANYWAY, DISCARD, PIN
from trueup.memory import journal
from trueup.memory.journal import Reason
from trueup.memory.places import load
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
REPLY = edits_reply("Use sum", [{"path": SOURCE, "symbol": "total", "after": RIGHT}])
WRONG = edits_reply(
    "Use sum",
    [{"path": SOURCE, "symbol": "total", "after": RIGHT.replace(" - discount", "")}],
)
DECISION = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: Totals are sums
status: accepted
severity: advice
scope: {paths: ["shop/total.py"], symbols: [], goals: []}
---
# Totals are sums

Nothing else is a total.
"""
UNTESTED = '''

def differs_{0}(one, other):
    """Nobody tests this."""
    if not one == other:
        return {0}
    return 0
'''


@pytest.fixture
def unproven(shop: Project) -> Project:
    """A project with four findings that Ruff can fix and nothing proves."""
    text = (shop.root / SOURCE).read_text()
    shop.put(SOURCE, text + "".join(UNTESTED.format(number) for number in range(1, 5)))
    return shop


async def fixes(editor: Editor) -> tuple[types.CodeAction, ...]:
    """The fix of each of those findings, as the light bulb offers it now."""
    document = editor.open(SOURCE)
    found = await linting.diagnostics(str(editor.root), document, only=("SIM201",))
    assert not isinstance(found, linting.LintFailure)
    return tuple([await _fix(editor, item.diagnostic) for item in found])


async def _fix(editor: Editor, diagnostic: Diagnostic) -> types.CodeAction:
    return await action(editor, SOURCE, diagnostic.span, "Fix SIM201", (diagnostic,))


async def test_a_discarded_page_says_why(unproven: Project, editing: Editing) -> None:
    async with editing(unproven, DISCARD, evidence=True, trusted=False) as editor:
        before = editor.open(SOURCE).text
        for number, (reason, decide) in enumerate(
            [
                ("Not our style", False),
                ("", False),
                ("", True),
                ("We spell it so\nin this shop", True),
            ]
        ):
            editor.panel.reason, editor.panel.decide = reason, decide
            result = await editor.run((await fixes(editor))[number])
            assert (result["outcome"], result["applied"]) == ("unproven", False)
        assert editor.text(SOURCE) == before
    first = editor.panel.pages[0]
    assert first["choices"] == [APPLY_ANYWAY, PIN, DISCARD]
    assert first["reasons"] == ["Wrong", "Not our style", "Never suggest this", "Just not now"]
    reasons = [event.reason for event in journal.read(str(unproven.root)).rejections]
    assert reasons == [Reason.STYLE, Reason.NEVER, Reason.WRONG]
    assert {item.title for item in load(str(unproven.root))} == {
        "Do not suggest fix-diagnostic SIM201 in differs_3",
        "We spell it so",
    }
    assert [item["applied"] for item in editor.panel.settled] == [False] * 4


async def test_what_happens_while_a_page_is_shown(unproven: Project, editing: Editing) -> None:
    async with editing(unproven, APPLY_ANYWAY, evidence=True, trusted=False) as editor:
        offered = await fixes(editor)
        # The request is cancelled: the page is taken back.
        editor.panel.silent = True
        command = offered[0].command
        assert command is not None
        running = editor.client.protocol.send_request_async(
            types.WORKSPACE_EXECUTE_COMMAND,
            types.ExecuteCommandParams(command.command, command.arguments),
            "pick-1",
        )
        (page,) = [await editor.panel.page()]
        editor.client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams("pick-1"))
        with pytest.raises(JsonRpcException, match="cancel"):
            await running
        while not (editor.panel.withdrawn and editor.panel.settled):
            await editor.panel.next()
        cancelled = editor.panel.settled[-1]
        # The user types elsewhere, then answers: it is judged again on what is there now.
        editor.panel.silent, editor.panel.answering = False, asyncio.Event()
        picked = asyncio.create_task(editor.run(offered[0]))
        while len(editor.panel.pages) < 2:
            await editor.panel.next()
        editor.type(SOURCE, where(editor, SOURCE, "name.strip()"), "name.strip( )")
        editor.panel.answering.set()
        applied = await picked
        typed = editor.text(SOURCE)
        # The session ends: nothing is left behind.
        editor.panel.silent = True
        picked = asyncio.create_task(editor.run((await fixes(editor))[0]))
        while len(editor.panel.pages) < 3:
            await editor.panel.next()
        server = editor.process
    assert cancelled == {"id": page["id"], "applied": False, "message": "Fix SIM201: cancelled"}
    assert (applied["outcome"], applied["applied"]) == ("unproven", True)
    assert "name.strip( )" in typed
    assert "if one != other:" in typed
    assert server.returncode == 0
    assert editor.panel.withdrawn == 2
    with pytest.raises(JsonRpcException, match="cancel"):
        await picked


@pytest.mark.soak
async def test_closing_the_document_meanwhile_judges_what_is_on_disk(
    unproven: Project, editing: Editing
) -> None:
    async with editing(unproven, APPLY_ANYWAY, evidence=True, trusted=False) as editor:
        answer = editor.panel.answering = asyncio.Event()
        editor.open(SOURCE)
        editor.type(SOURCE, Span(0, 0), "# not saved\n")
        (first, *_) = await fixes(editor)
        picked = asyncio.create_task(editor.run(first))
        await editor.panel.page()
        editor.close(SOURCE)
        answer.set()
        result = await picked
        text = editor.text(SOURCE)
    assert result["applied"] is True, result["message"]
    disk = (unproven.root / SOURCE).read_text()
    assert text == disk.replace("if not one == other:", "if one != other:", 1)


async def test_what_a_model_made_is_on_the_page_and_in_the_side_bar(
    shop: Project, editing: Editing
) -> None:
    shop.put("docs/decisions/0001-totals-are-sums.md", DECISION)
    uri = uri_of(shop.root / SOURCE)
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            before = editor.open(SOURCE).text
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            after = editor.text(SOURCE)
            (row,) = await panel.suggestions(editor.client)
            assert await panel.suggestions(editor.client, limit=0) == []
            trace = await panel.trace(editor.client, str(row["trace"]))
            html = await panel.trace(editor.client, str(row["trace"]), html=True)
            with pytest.raises(JsonRpcException, match="there is no trace called"):
                await panel.trace(editor.client, "20200101T000000-00000000")
            everything = await panel.decisions(editor.client)
            here = await panel.decisions(editor.client, uri)
            elsewhere = await panel.decisions(editor.client, uri_of(shop.root / "shop/no.py"))
            status = editor.panel.told[-1]
            whole_page = await asyncio.to_thread(Path(str(html["path"])).read_text, "utf-8")
    (page,) = editor.panel.pages
    assert result["applied"] is True
    assert (page["outcome"], page["kind"], page["title"]) == ("verified", "refactor", "Use sum")
    assert page["choices"] == [APPLY, DISCARD]
    assert page["files"] == [{"path": SOURCE, "uri": uri, "before": before, "after": after}]
    assert "+    return sum(prices) - discount" in str(page["diff"]).splitlines()
    (tests,) = [item for item in page["evidence"] if item["check"] == "tests"]
    assert tests["outcome"] == "passed"
    assert page["tests"]["failed"] == []
    assert [item["title"] for item in page["decisions"]] == ["Totals are sums"]
    assert page["isolation"] == status["isolation"] != ""
    assert page["cost"]["tokens"] == 110
    assert page["model"]
    settled = [{"id": page["id"], "applied": True, "message": page["message"]}]
    assert editor.panel.settled == settled
    # The panel says it all; a message with the same words would say it twice.
    assert not [said for said in editor.said + editor.asked if said.startswith("Verified")]

    assert (row["outcome"], row["answer"], row["tokens"]) == ("verified", "applied", 110)
    assert "Use sum" in str(trace["text"])
    assert whole_page.startswith("<!doctype html>")
    assert everything == here
    assert elsewhere == []
    assert here == [
        {
            "id": "01JD3Y6Q8T5V0W9X2Z4B6C8D0E",
            "number": "0001",
            "title": "Totals are sums",
            "status": "accepted",
            "severity": "advice",
            "paths": [SOURCE],
            "uri": uri_of(shop.root / "docs/decisions/0001-totals-are-sums.md"),
        }
    ]
    assert status["spend"]["day_tokens_limit"] == 8_000_000
    assert status["spend"]["day_tokens"] == 110


@pytest.mark.soak
async def test_a_rejection_is_shown_with_its_evidence(shop: Project, editing: Editing) -> None:
    with MessagesServer(WRONG, WRONG) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    (page,) = editor.panel.judged
    assert (page["outcome"], page["choices"]) == ("rejected", [])
    assert "tests/test_total.py::test_the_discount_is_taken_off" in page["tests"]["failed"]
    assert [item["applied"] for item in editor.panel.settled] == [False]


async def test_an_editor_that_does_not_trust_runs_and_sends_nothing(
    shop: Project, editing: Editing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    shop.put("conftest.py", f"open({str(canary)!r}, 'w').close()\n")
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "STATE"))
    # What was said before counts for an editor that trusts, and for no other.
    trust.remember(trust.plan(str(shop.root), shop.interpreter))
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    limits: dict[str, object] = {"limits": {"answer_seconds": 0.3}}
    with MessagesServer(REPLY) as model:
        async with editing(
            shop, APPLY, model=model.url, evidence=True, trusted=False, settings=limits
        ) as editor:
            status = await editor.panel.state("untrusted")
            # A page that nobody answers is taken back.
            editor.panel.silent = True
            suggestion, applied = await editor.pick_fix(diagnostic)
            while not editor.panel.withdrawn:
                await editor.panel.next()
            said = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert not canary.exists()
            panel.trust(editor.client, trusted=True)
            await editor.panel.state("ready")
            # What is applied at once is shown without a question.
            again, _ = await editor.pick_fix(diagnostic)
            panel.trust(editor.client, trusted=False)
            await editor.panel.state("untrusted")
    assert "nothing is executed" in str(status["says"])
    assert (suggestion.verdict.outcome, applied) == ("unproven", False)
    assert "does not trust this workspace" in str(said["message"])
    assert model.requests == []
    assert again.verdict.outcome == "verified"
    (page,) = editor.panel.judged
    assert (page["outcome"], page["choices"], page["cost"]) == ("verified", [], None)
    assert [item["applied"] for item in editor.panel.settled] == [False, True]
