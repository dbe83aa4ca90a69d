"""What a person sees and does in VS Code, from the first squiggle to an undone fix."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect

from support.vs_code import Window

INVENTORY = "src/shop/orders/inventory.py"
QUOTE = "src/shop/pricing/quote.py"
FORBIDDEN = "from shop.storage.table import Table"


def report_ruff(window: Window, path: str, code: str) -> None:
    """Let Ruff's finding of one rule be shown, as Ruff's own extension shows it."""
    done = subprocess.run(
        (
            str(Path(sys.executable).parent / "ruff"),
            "check",
            "--output-format=json",
            f"--select={code}",
            path,
        ),
        cwd=window.folder,
        capture_output=True,
        timeout=30,
        check=False,
    )
    found = json.loads(done.stdout)[0]
    ends = (found["location"], found["end_location"])
    area = [number - 1 for end in ends for number in (end["row"], end["column"])]
    window.reported(path, "Ruff", {"code": code, "message": found["message"], "range": area})


def test_a_forbidden_import_is_underlined_while_one_types_and_only_once(window: Window) -> None:
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type(f"{FORBIDDEN}\n")
    (said,) = window.diagnostics(QUOTE)
    assert "shop.storage" in said
    expect(window.page.locator(".squiggly-error, .squiggly-warning").first).to_be_visible()
    window.undo()
    assert window.diagnostics(QUOTE, some=False) == []
    expect(window.page.locator(".squiggly-error, .squiggly-warning")).to_have_count(0)


def test_a_verified_fix_is_applied_and_undone_in_one_step(window: Window) -> None:
    before = window.text(INVENTORY)
    window.open(INVENTORY, at="for line in basket")
    report_ruff(window, INVENTORY, "SIM110")
    window.pick("Fix SIM110")
    window.answer("run the tests", "Always for this folder")
    after = window.text_when(INVENTORY, "return all(")
    assert after.count("\n") < before.count("\n")
    window.undo()
    assert window.text(INVENTORY) == before
    assert (window.folder / INVENTORY).read_text("utf-8") == before
