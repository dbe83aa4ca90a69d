"""What a person sees and does in VS Code, from the first squiggle to an undone fix."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.messages_server import MessagesServer, Reply, Request, edits_reply
from support.vs_code import Window, Workbench
from trueup import trust

EXPORT = "src/shop/reports/export.py"
INVENTORY = "src/shop/orders/inventory.py"
LABELS = "src/shop/catalog/labels.py"
MONEY = "src/shop/catalog/money.py"
QUOTE = "src/shop/pricing/quote.py"
TABLE = "src/shop/storage/table.py"
TAX = "src/shop/pricing/tax.py"
FORBIDDEN = "from shop.storage.table import Table"
SHOTS = Path(__file__).parents[1] / "shots"
SQUIGGLES = ".squiggly-error, .squiggly-warning"
NO_PRINTING = """```rule
kind: forbid-pattern
pattern: print($$$ARGS)
message: Say it in a report
```
"""
SHORTER = """    def on_hand(self, sku: str) -> int:
        \"\"\"How many are on the shelf, promised or not.\"\"\"
        return self._on_hand.get(sku, 0)
"""


def fix(window: Window, path: str, code: str, at: str) -> None:
    """Pick the fix of what Ruff reports, in the light bulb at `at`."""
    window.open(path, at=at)
    window.report_ruff(path, code)
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
    window.shoot(SHOTS / "vscode-contract.png")
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
    fix(window, TABLE, "E711", at="None, *conditions")
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
    window.shoot(SHOTS / "vscode-evidence.png")
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
    fix(window, TABLE, "E711", at="None, *conditions")
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
    window.pick("Rename by_rate…")
    window.say("per_rate")
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
    window.say("Nothing prints")
    path = window.active_when("docs/decisions/")
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
        rule=NO_PRINTING,
    )
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type("print('here')\n")
    (said,) = window.diagnostics(QUOTE)
    assert "Say it in a report" in said
    assert (window.folder / path).exists()


def test_the_side_bar_lists_what_is_decided_suggested_and_spent(trusted: Window) -> None:
    window = trusted
    decided = window.folder / "docs/decisions/0009-orders-are-paid-first.md"
    decided.write_text(
        "---\nid: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E\ntitle: Orders are paid first\n"
        'status: proposed\nseverity: warn\nscope: {paths: ["src/shop/orders/**"]}\n---\n'
    )
    fix(window, TABLE, "E711", at="None, *conditions")
    expect(window.evidence.locator(".ruling")).to_be_visible()
    window.command("workbench.view.extension.trueup")
    window.command("trueup.refresh")
    rows = window.page.locator(".sidebar .monaco-list-row")
    expect(rows.filter(has_text="Orders are paid first")).to_contain_text("src/shop/orders/**")
    expect(rows.filter(has_text="proposed").first).to_be_visible()
    expect(rows.filter(has_text="rejected").first).to_be_visible()
    expect(rows.filter(has_text="of $10.00")).to_contain_text("spent today")
    window.shoot(SHOTS / "vscode-sidebar.png")
    window.command("workbench.view.explorer")


def test_a_fix_that_is_ready_is_shown_above_its_line_and_at_the_cursor(
    workbench: Workbench,
    opened: Callable[..., Window],
    shop: Path,
    interpreter: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (shop / LABELS).write_text('"""Words."""\n\nNAMES = (\n    "tea",\n    "cup"\n)\n')
    project = shop / "pyproject.toml"
    project.write_text(re.sub(r"(?m)^select = .*$", 'select = ["COM812"]', project.read_text()))
    monkeypatch.setenv("XDG_STATE_HOME", str(workbench.home / "state"))
    trust.remember(trust.plan(str(shop), interpreter))
    window = opened(shop)
    window.configure("trueup.background.fixes", True)
    window.open(LABELS, at="\n)")
    lens = window.page.locator(".codelens-decoration", has_text="verified fix ready")
    expect(lens).to_be_visible()
    window.focus()
    window.host("await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger')")
    expect(window.page.locator("[class*=ghost-text]").first).to_be_visible()
    window.page.keyboard.press("Tab")
    window.text_when(LABELS, '"cup",')
    expect(lens).to_have_count(0)
    window.configure("trueup.background.fixes", False)
