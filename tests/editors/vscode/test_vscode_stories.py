"""What a person sees and does in VS Code, from the first squiggle to an undone fix."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.messages_server import MessagesServer, Reply, Request, edits_reply
from support.vs_code import Window

EXPORT = "src/shop/reports/export.py"
INVENTORY = "src/shop/orders/inventory.py"
MONEY = "src/shop/catalog/money.py"
QUOTE = "src/shop/pricing/quote.py"
TABLE = "src/shop/storage/table.py"
TAX = "src/shop/pricing/tax.py"
FORBIDDEN = "from shop.storage.table import Table"
SQUIGGLES = ".squiggly-error, .squiggly-warning"
SHORTER = """    def on_hand(self, sku: str) -> int:
        \"\"\"How many are on the shelf, promised or not.\"\"\"
        return self._on_hand.get(sku, 0)
"""


def report_ruff(window: Window, path: str, code: str) -> None:
    """Let Ruff's finding of one rule be shown, as Ruff's own extension shows it."""
    done = subprocess.run(
        (str(Path(sys.executable).parent / "ruff"), "check", "--output-format=json", "--no-cache",
         f"--select={code}", path),
        cwd=window.folder,
        capture_output=True,
        timeout=30,
        check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)[0]
    ends = (found["location"], found["end_location"])
    area = [number - 1 for end in ends for number in (end["row"], end["column"])]
    window.reported(path, "Ruff", {"code": code, "message": found["message"], "range": area})


def fix(window: Window, path: str, code: str, at: str) -> None:
    """Pick the fix of what Ruff reports, in the light bulb at `at`."""
    window.open(path, at=at)
    report_ruff(window, path, code)
    window.pick(f"Fix {code}")


@pytest.fixture
def trusted(window: Window) -> Window:
    """The window, after the question of what may run was answered once and for all."""
    if not (window.folder / "trusted").exists():
        fix(window, INVENTORY, "SIM110", at="for line in basket")
        expect(window.toast("run the tests")).to_contain_text("tests/conftest.py")
        window.answer("run the tests", "Always for this folder")
        window.text_when(INVENTORY, "return all(")
        window.forget()
        (window.folder / "trusted").touch()
    return window


def test_the_server_is_found_and_says_that_it_is_ready(window: Window) -> None:
    window.open(MONEY)
    item = window.page.locator(".statusbar-item", has_text="Trueup")
    expect(item.get_by_role("button")).to_have_attribute("aria-label", re.compile("is ready"))


def test_a_forbidden_import_is_underlined_while_one_types_and_only_once(window: Window) -> None:
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type(f"{FORBIDDEN}\n")
    (said,) = window.diagnostics(QUOTE)
    assert "shop.storage" in said
    expect(window.page.locator(SQUIGGLES).first).to_be_visible()
    window.undo()
    assert window.diagnostics(QUOTE, some=False) == []
    expect(window.page.locator(SQUIGGLES)).to_have_count(0)


def test_the_light_bulb_offers_at_once_and_asks_no_model(
    window: Window, model: MessagesServer
) -> None:
    asked = len(model.requests)
    window.open(INVENTORY, at="on_hand(self")
    titles = window.actions(INVENTORY, at="on_hand(self")
    assert "Simplify Inventory.on_hand" in titles
    assert "Rename on_hand…" in titles
    assert "Record a decision about Inventory.on_hand…" in titles
    assert len(model.requests) == asked


def test_a_verified_fix_is_applied_and_undone_in_one_step(trusted: Window) -> None:
    window = trusted
    before = window.text(INVENTORY)
    fix(window, INVENTORY, "SIM110", at="for line in basket")
    after = window.text_when(INVENTORY, "return all(")
    assert after.count("\n") < before.count("\n")
    expect(window.toast("Applied.")).to_be_visible()
    window.undo()
    assert window.text(INVENTORY) == before
    assert (window.folder / INVENTORY).read_text("utf-8") == before


def test_what_was_applied_shows_its_evidence(trusted: Window) -> None:
    window = trusted
    fix(window, INVENTORY, "SIM110", at="for line in basket")
    window.answer("Applied.", "Show Evidence")
    evidence = window.evidence
    expect(evidence.locator(".ruling")).to_have_text("Verified")
    expect(evidence.locator("tr.passed th", has_text="tests")).to_be_visible()
    expect(evidence.locator(".diff .added").first).to_contain_text("return all(")
    # Nothing is asked any more.
    expect(evidence.locator("[data-choice]")).to_have_count(0)


def test_what_is_rejected_says_which_test_and_touches_nothing(trusted: Window) -> None:
    window = trusted
    before = window.text(TABLE)
    fix(window, TABLE, "E711", at="column(name) == None")
    evidence = window.evidence
    expect(evidence.locator(".ruling")).to_have_text("Rejected")
    expect(evidence.locator("tr.failed").first).to_contain_text("tests/test_orders.py")
    expect(evidence.locator(".settled")).to_be_visible()
    assert window.text(TABLE) == before


def test_what_is_unproven_asks_and_is_applied_only_when_one_insists(trusted: Window) -> None:
    window = trusted
    before = window.text(EXPORT)
    fix(window, EXPORT, "B905", at="zip(FIELDS")
    evidence = window.evidence
    expect(evidence.locator(".ruling")).to_have_text("Unproven")
    assert window.text(EXPORT) == before
    evidence.get_by_role("button", name="Apply anyway").click()
    assert "strict=" in window.text_when(EXPORT, "strict=")


def test_one_discards_with_a_key_and_a_reason(trusted: Window) -> None:
    window = trusted
    before = window.text(EXPORT)
    fix(window, EXPORT, "B905", at="zip(FIELDS")
    evidence = window.evidence
    expect(evidence.get_by_role("button", name="Apply anyway")).to_be_focused()
    evidence.get_by_label("why?").select_option("Just not now")
    evidence.locator("h1").click()
    window.page.keyboard.press("d")
    expect(evidence.locator("[data-choice]")).to_have_count(0)
    assert window.text(EXPORT) == before


def test_the_panel_loads_nothing_from_elsewhere(trusted: Window) -> None:
    window = trusted
    asked: list[str] = []
    window.page.context.on("request", lambda request: asked.append(request.url))
    fix(window, TABLE, "E711", at="column(name) == None")
    expect(window.evidence.locator(".ruling")).to_be_visible()
    elsewhere = [url for url in asked if "127.0.0.1" not in url and url.startswith("http")]
    assert [
        url for url in elsewhere if "vscode-cdn" not in url and "vscode-resource" not in url
    ] == []


def test_typing_in_the_same_function_makes_a_suggestion_stale(
    trusted: Window, model: MessagesServer
) -> None:
    window = trusted
    release = threading.Event()

    def slow(_: Request) -> Reply:
        release.wait(30)
        edit = {"path": INVENTORY, "symbol": "Inventory.on_hand", "after": SHORTER}
        return edits_reply("Say it shorter", [edit])

    model.enqueue(slow)
    seen = len(model.requests)
    window.open(INVENTORY, at="on_hand(self")
    window.pick("Simplify Inventory.on_hand")
    while len(model.requests) == seen:
        model.arrived.get(timeout=30)
    window.open(INVENTORY, at="return self._on_hand[sku]\n")
    window.focus()
    window.page.keyboard.type("# mine ")
    typed = window.text_when(INVENTORY, "# mine return")
    release.set()
    expect(window.toast("you changed")).to_be_visible()
    assert window.text(INVENTORY) == typed


def test_a_rename_changes_all_files_and_one_command_restores_them(trusted: Window) -> None:
    window = trusted
    before = window.text(TAX), window.text(QUOTE)
    window.open(TAX, at="by_rate(basket")
    window.focus()
    window.command("editor.action.rename")
    field = window.page.locator(".rename-box input")
    expect(field).to_be_visible()
    field.fill("per_rate")
    field.press("Enter")
    window.text_when(TAX, "def per_rate(")
    assert "tax.by_rate(" not in window.text_when(QUOTE, "tax.per_rate(")
    window.command("trueup.undoChange")
    window.text_when(TAX, "def per_rate(", absent=True)
    window.text_when(QUOTE, "tax.per_rate(", absent=True)
    assert (window.text(TAX), window.text(QUOTE)) == before


def test_a_decision_is_recorded_and_held(trusted: Window) -> None:
    window = trusted
    window.open(MONEY, at="def ")
    window.command("trueup.recordDecision")
    prompt = window.page.locator(".quick-input-widget input")
    expect(prompt).to_be_visible()
    prompt.fill("Nothing prints")
    prompt.press("Enter")
    path = window.active_when("docs/decisions/")
    rule = (
        "```rule\\nkind: forbid-pattern\\npattern: print($$$ARGS)\\n"
        "message: Say it in a report\\n```\\n"
    )
    window.host(
        """
        const document = vscode.window.activeTextEditor.document;
        const text = document.getText().replace(/^status: .*$/m, 'status: accepted')
            .replace(/^severity: .*$/m, 'severity: veto')
            .replace(/^scope: .*$/m, 'scope: {paths: ["src/**"], symbols: [], goals: []}');
        const edit = new vscode.WorkspaceEdit();
        const whole = new vscode.Range(0, 0, document.lineCount, 0);
        edit.replace(document.uri, whole, text + '\\n' + given.rule);
        await vscode.workspace.applyEdit(edit);
        await document.save();
        """,
        rule=rule.replace("\\n", "\n"),
    )
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type("print('here')\n")
    (said,) = window.diagnostics(QUOTE)
    assert "Say it in a report" in said
    (window.folder / path).unlink()
