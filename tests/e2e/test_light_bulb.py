"""From the light bulb to the buffer: with Ruff, with rope, with a model that is wrong at first."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.messages_server import MessagesServer, Reply, edits_reply
from support.sessions import SOURCE, Editing, evidence, inside, pick, ruff_diagnostic, where
from support.tiny_projects import Project
from trueup.lsp.convert import uri_of
from trueup.lsp.suggest import APPLY, DISCARD, KEEP, PIN
from trueup.snapshot import Span

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
WRONG = RIGHT.replace(" - discount", "")


def simplified(after: str, path: str = SOURCE) -> Reply:
    return edits_reply("Use sum", [{"path": path, "symbol": "total", "after": after}])


async def test_a_verified_fix_of_ruff_is_applied_and_the_disk_is_the_editors(
    shop: Project, editing: Editing
) -> None:
    shop.put(SOURCE, (shop.root / SOURCE).read_text().replace("len(values) == 0", "not values"))
    shop.put("shop/total.py", "import os\n" + (shop.root / SOURCE).read_text())
    on_disk = (shop.root / SOURCE).read_bytes()
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    async with editing(shop) as editor:
        suggestion, applied = await editor.pick_fix(diagnostic)
        assert (suggestion.verdict.outcome, applied) == ("verified", True)
        assert "import os" not in editor.text(SOURCE)
        assert (shop.root / SOURCE).read_bytes() == on_disk
        editor.save_all()
    assert (shop.root / SOURCE).read_text() == editor.text(SOURCE)


async def test_a_wrong_answer_is_rejected_by_a_named_test_and_repaired(
    shop: Project, editing: Editing
) -> None:
    with MessagesServer(simplified(WRONG), simplified(RIGHT)) as model:
        async with editing(shop, APPLY, model=model.url) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    complaint = model.requests[1].body["messages"][-1]["content"]
    assert "tests/test_total.py::test_the_discount_is_taken_off" in str(complaint)
    assert (result["outcome"], result["applied"]) == ("verified", True), result["message"]
    assert evidence(result)["behaviour"][0] == "passed"
    assert editor.text(SOURCE).startswith(f'"""What a basket costs."""\n\n\n{RIGHT}')
    assert [asked for asked in editor.asked if asked.startswith("Verified")]


async def test_a_change_that_stays_wrong_is_never_offered(shop: Project, editing: Editing) -> None:
    with MessagesServer(simplified(WRONG), simplified(WRONG)) as model:
        async with editing(shop, APPLY, "Apply anyway", model=model.url) as editor:
            before = editor.open(SOURCE).text
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert (result["outcome"], result["applied"]) == ("rejected", False)
    assert "test_the_discount_is_taken_off" in evidence(result)["tests"][1]
    assert editor.text(SOURCE) == before
    # The answers of the second round brought nothing new, so there was no third round.
    assert len(model.requests) == 3


async def test_a_verified_change_of_the_model_is_the_users_to_apply(
    shop: Project, editing: Editing
) -> None:
    with MessagesServer(simplified(RIGHT)) as model:
        async with editing(shop, DISCARD, model=model.url) as editor:
            before = editor.open(SOURCE).text
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert any("+    return sum(prices) - discount" in text for text in editor.logged)
    assert (result["outcome"], result["applied"]) == ("verified", False)
    assert editor.text(SOURCE) == before


async def test_a_setting_applies_verified_changes_at_once(shop: Project, editing: Editing) -> None:
    with MessagesServer(simplified(RIGHT)) as model:
        settings: dict[str, object] = {"apply_model_changes": "verified"}
        async with editing(shop, model=model.url, settings=settings) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert (result["outcome"], result["applied"]) == ("verified", True)


async def test_code_that_no_test_runs_is_unproven(shop: Project, editing: Editing) -> None:
    after = 'def unused(values):\n    """Nobody calls this."""\n    return not values\n'
    reply = edits_reply("Use truth", [{"path": SOURCE, "symbol": "unused", "after": after}])
    with MessagesServer(reply) as model:
        async with editing(shop, model=model.url) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "unused"), "Simplify")
    assert (result["outcome"], result["applied"]) == ("unproven", False)
    assert evidence(result)["changed-statements"] == (
        "unknown",
        "1 of 1 changed statements did not run in any passing test",
    )


CLAMPED = '''def clamp(value: int, most: int = 9) -> int:
    """Nobody tests this."""
    return min(value, most)
'''


async def test_pinning_proves_what_no_test_covered(shop: Project, editing: Editing) -> None:
    reply = edits_reply("Use min", [{"path": SOURCE, "symbol": "clamp", "after": CLAMPED}])
    with MessagesServer(reply) as model:
        async with editing(shop, PIN, KEEP, model=model.url) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "clamp"), "Simplify")
            text = editor.text(SOURCE)
    assert (result["outcome"], result["applied"]) == ("verified", True), result["message"]
    assert "return min(value, most)" in text
    kept = shop.root / "tests" / "test_total_pinned.py"
    assert "assert clamp(0) == 0" in kept.read_text("utf-8")
    assert evidence(result)["pinned"][0] == "passed"
    assert len(model.requests) == 1


async def test_rope_extracts_and_the_gate_verifies(shop: Project, editing: Editing) -> None:
    async with editing(shop) as editor:
        span = where(editor, SOURCE, "result - discount")
        result = await pick(editor, SOURCE, span, "Extract the selection into a variable")
    assert result["outcome"] == "verified", result["message"]
    assert "return extracted" in editor.text(SOURCE)


async def test_a_rename_reaches_every_file(shop: Project, editing: Editing) -> None:
    async with editing(shop, input=True) as editor:
        editor.lines = ["tidy"]
        span = inside(editor, SOURCE, "label")
        editor.open("tests/test_total.py")
        result = await pick(editor, SOURCE, span, "Rename label")
    assert (result["outcome"], result["applied"]) == ("verified", True), result["message"]
    assert "def tidy(name)" in editor.text(SOURCE)
    assert "tidy(" in editor.text("tests/test_total.py")
    assert "only where they name" in evidence(result)["tamper"][1]


async def test_without_a_model_the_light_bulb_says_what_is_missing(
    shop: Project, editing: Editing
) -> None:
    async with editing(shop) as editor:
        result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert (result["outcome"], result["applied"]) == ("declined", False)
    assert "ANTHROPIC_API_KEY" in str(result["message"])


async def test_nothing_runs_before_it_is_trusted(
    shop: Project, editing: Editing, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    shop.put("conftest.py", f"open({str(canary)!r}, 'w').close()\n")
    shop.put("shop/total.py", "import os\n" + (shop.root / SOURCE).read_text())
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    async with editing(shop, "No", trusting=False) as editor:
        suggestion, applied = await editor.pick_fix(diagnostic)
    assert (suggestion.verdict.outcome, applied) == ("unproven", False)
    asked = next(text for text in editor.asked if "wants to run" in text)
    assert str(shop.interpreter) in asked
    assert "conftest.py" in asked
    assert not canary.exists()


async def test_the_editors_own_rename_is_verified_before_it_is_answered(
    shop: Project, editing: Editing
) -> None:
    async with editing(shop) as editor:
        span = where(editor, SOURCE, "label(name)")
        document = types.TextDocumentIdentifier(uri_of(shop.root / SOURCE))
        place = editor.codec.position(editor.open(SOURCE), span.start + 2)
        area = await editor.client.text_document_prepare_rename_async(
            types.PrepareRenameParams(document, place)
        )
        answer = await editor.client.text_document_rename_async(
            types.RenameParams(document, place, "tidy")
        )
        with pytest.raises(JsonRpcException, match="total"):
            await editor.client.text_document_rename_async(
                types.RenameParams(document, place, "total")
            )
    assert area == editor.codec.range(editor.open(SOURCE), Span(span.start, span.start + 5))
    assert answer is not None
    versions = {
        change.text_document.uri.rpartition("/")[2]: change.text_document.version
        for change in answer.document_changes or ()
        if isinstance(change, types.TextDocumentEdit)
    }
    assert versions == {"total.py": 1, "test_total.py": None}
