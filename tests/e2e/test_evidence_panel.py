"""A client with an evidence panel: pages, answers, what became of them, status and history."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pygls.exceptions import JsonRpcException

from support.messages_server import MessagesServer, edits_reply
from support.sessions import SOURCE, Editing, inside, pick, ruff_diagnostic, where
from support.tiny_projects import Project
from trueup import panel
from trueup.lsp.convert import uri_of
from trueup.lsp.suggest import APPLY, DISCARD
from trueup.memory import journal
from trueup.memory.journal import Reason
from trueup.memory.places import load
from trueup.snapshot import Span

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
TOTAL_BODY = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    result = 0
    for price in prices:
        result = result + price
    return result - discount
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


async def test_a_page_is_answered_and_settled(shop: Project, editing: Editing) -> None:
    shop.put("docs/decisions/0001-totals-are-sums.md", DECISION)
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            before = editor.open(SOURCE).text
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            after = editor.text(SOURCE)
            page = await editor.panel.page()
    assert result["applied"] is True
    assert (page["outcome"], page["kind"], page["title"]) == ("verified", "refactor", "Use sum")
    assert page["choices"] == [APPLY, DISCARD]
    assert "Wrong" in str(page["reasons"])
    (file,) = page["files"]
    assert (file["path"], file["before"], file["after"]) == (SOURCE, before, after)
    assert file["uri"] == uri_of(shop.root / SOURCE)
    assert "+    return sum(prices) - discount" in str(page["diff"]).splitlines()
    assert {"check": "tests", "outcome": "passed"}.items() <= next(
        item for item in page["evidence"] if item["check"] == "tests"
    ).items()
    assert page["tests"]["failed"] == []
    assert [item["title"] for item in page["decisions"]] == ["Totals are sums"]
    assert page["isolation"]
    assert page["cost"]["tokens"] == 110
    assert page["model"]
    settled = [{"id": page["id"], "applied": True, "message": page["message"]}]
    assert editor.panel.settled == settled
    # The panel says it all; a message with the same words would say it twice.
    assert not [said for said in editor.said if said.startswith("Verified")]
    assert not [said for said in editor.asked if said.startswith("Verified")]


async def test_what_is_applied_at_once_is_shown_without_a_question(
    shop: Project, editing: Editing
) -> None:
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    async with editing(shop, evidence=True) as editor:
        _, applied = await editor.pick_fix(diagnostic)
    assert applied
    assert editor.panel.pages == []
    (page,) = editor.panel.judged
    assert (page["outcome"], page["choices"], page["cost"]) == ("verified", [], None)
    assert [item["applied"] for item in editor.panel.settled] == [True]


async def test_a_rejection_is_shown_with_its_evidence(shop: Project, editing: Editing) -> None:
    with MessagesServer(WRONG, WRONG) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    (page,) = editor.panel.judged
    assert (page["outcome"], page["choices"]) == ("rejected", [])
    assert "tests/test_total.py::test_the_discount_is_taken_off" in page["tests"]["failed"]
    assert [item["applied"] for item in editor.panel.settled] == [False]


@pytest.mark.parametrize(
    ("reason", "decide", "kept", "proposed"),
    [
        ("Not our style", False, [Reason.STYLE], []),
        ("", False, [], []),
        ("", True, [Reason.NEVER], ["Do not suggest calls of sum"]),
        ("We spell loops out\nin this shop", True, [Reason.WRONG], ["We spell loops out"]),
    ],
)
async def test_a_discarded_page_says_why(
    reason: str,
    decide: bool,
    kept: list[Reason],
    proposed: list[str],
    shop: Project,
    editing: Editing,
) -> None:
    with MessagesServer(REPLY) as model:
        async with editing(shop, DISCARD, model=model.url, evidence=True) as editor:
            editor.panel.reason, editor.panel.decide = reason, decide
            before = editor.open(SOURCE).text
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert editor.text(SOURCE) == before
    assert result["applied"] is False
    assert [event.reason for event in journal.read(str(shop.root)).rejections] == kept
    assert [item.title for item in load(str(shop.root))] == proposed


async def test_a_page_that_nobody_answers_is_withdrawn(shop: Project, editing: Editing) -> None:
    limits: dict[str, object] = {"limits": {"answer_seconds": 0.3}}
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True, settings=limits) as editor:
            # Trusted in a moment, before the question about the page.
            editor.panel.silent = True
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert result["applied"] is False
            status = await editor.panel.state("ready")
            while not editor.panel.withdrawn:
                await editor.panel.next()
    assert status["jobs"] == []
    assert [item["applied"] for item in editor.panel.settled] == [False]


async def test_closing_the_document_meanwhile_judges_what_is_on_disk(
    shop: Project, editing: Editing
) -> None:
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            answer = editor.panel.answering = asyncio.Event()
            span = inside(editor, SOURCE, "total")
            editor.type(SOURCE, Span(0, 0), "# not saved\n")
            picked = asyncio.create_task(pick(editor, SOURCE, span.shifted(12), "Simplify"))
            await editor.panel.page()
            editor.close(SOURCE)
            answer.set()
            result = await picked
            text = editor.text(SOURCE)
    assert result["applied"] is True, result["message"]
    assert text == (shop.root / SOURCE).read_text().replace(TOTAL_BODY, RIGHT)


async def test_a_session_may_end_while_a_page_is_shown(shop: Project, editing: Editing) -> None:
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            editor.panel.silent = True
            picked = asyncio.create_task(
                pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            )
            await editor.panel.page()
            server = editor.process
    assert server.returncode == 0
    assert editor.panel.withdrawn == 1
    with pytest.raises(JsonRpcException, match="cancel"):
        await picked


async def test_typing_while_the_page_is_shown_judges_again(shop: Project, editing: Editing) -> None:
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            answer = editor.panel.answering = asyncio.Event()
            picked = asyncio.create_task(
                pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            )
            await editor.panel.page()
            editor.type(SOURCE, where(editor, SOURCE, "name.strip()"), "name.strip( )")
            answer.set()
            result = await picked
            text = editor.text(SOURCE)
    assert result["applied"] is True
    assert RIGHT in text
    assert "name.strip( )" in text


async def test_an_editor_that_does_not_trust_runs_and_sends_nothing(
    shop: Project, editing: Editing, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    shop.put("conftest.py", f"open({str(canary)!r}, 'w').close()\n")
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True, trusted=False) as editor:
            status = await editor.panel.state("untrusted")
            suggestion, applied = await editor.pick_fix(diagnostic)
            said = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert not canary.exists()
            panel.trust(editor.client, trusted=True)
            await editor.panel.state("ready")
            again, _ = await editor.pick_fix(diagnostic)
            panel.trust(editor.client, trusted=False)
            await editor.panel.state("untrusted")
    assert "nothing is executed" in str(status["says"])
    assert (suggestion.verdict.outcome, applied) == ("unproven", False)
    assert "does not trust this workspace" in str(said["message"])
    assert model.requests == []
    assert not [asked for asked in editor.asked if "wants to run" in asked][1:]
    assert again.verdict.outcome == "verified"


async def test_the_side_bar_lists_suggestions_traces_and_decisions(
    shop: Project, editing: Editing
) -> None:
    shop.put("docs/decisions/0001-totals-are-sums.md", DECISION)
    with MessagesServer(REPLY) as model:
        async with editing(shop, APPLY, model=model.url, evidence=True) as editor:
            await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            (row,) = await panel.suggestions(editor.client)
            assert await panel.suggestions(editor.client, limit=0) == []
            trace = await panel.trace(editor.client, str(row["trace"]))
            html = await panel.trace(editor.client, str(row["trace"]), html=True)
            with pytest.raises(JsonRpcException, match="there is no trace called"):
                await panel.trace(editor.client, "20200101T000000-00000000")
            everything = await panel.decisions(editor.client)
            here = await panel.decisions(editor.client, uri_of(shop.root / SOURCE))
            elsewhere = await panel.decisions(editor.client, uri_of(shop.root / "shop/no.py"))
            status = editor.panel.told[-1]
            whole_page = await asyncio.to_thread(Path(str(html["path"])).read_text, "utf-8")
    assert (row["outcome"], row["answer"], row["tokens"]) == ("verified", "applied", 110)
    assert "Use sum" in str(trace["text"])
    assert whole_page.startswith("<!doctype html>")
    assert everything == here
    assert elsewhere == []
    (decision,) = here
    assert decision == {
        "id": "01JD3Y6Q8T5V0W9X2Z4B6C8D0E",
        "number": "0001",
        "title": "Totals are sums",
        "status": "accepted",
        "severity": "advice",
        "paths": [SOURCE],
        "uri": uri_of(shop.root / "docs/decisions/0001-totals-are-sums.md"),
    }
    assert status["spend"]["day_tokens_limit"] == 8_000_000
