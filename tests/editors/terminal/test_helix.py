"""One story in a real Helix, which has no plugin of ours: what a person sees and does there."""

from __future__ import annotations

from pathlib import Path

from support.helix import helix
from support.sessions import SOURCE, TOTAL
from support.shops import ILLEGAL, LEGAL
from support.tiny_projects import Project

ENTER = "\r"


def test_a_verified_fix_is_picked_and_a_rename_needs_trust_beforehand(
    shop: Project, programs: Path, environment: dict[str, str], interpreter: Path
) -> None:
    shop.put(SOURCE, ILLEGAL + TOTAL.lstrip("\n"))
    file = shop.root / SOURCE
    before = file.read_text("utf-8")
    with helix(programs / "hx", file, environment, interpreter) as editor:
        editor.until("shop.total must not import shop.web")
        editor.keys("/label\\(\r")
        editor.keys(" r")
        editor.until("rename-to:")
        editor.keys("\x15tidy" + ENTER)
        editor.until("you have not trusted this folder (`trueup trust`)")
        editor.keys("gg/shop.web\r a")
        editor.until("Break this import")
        editor.keys(ENTER)
        editor.until("wants to run the tests")
        editor.keys(ENTER)
        editor.until("Verified: Remove the import")
        editor.until("shop.total must not import shop.web", gone=True)
        editor.keys(":w" + ENTER)
        editor.until("written")
    assert file.read_text("utf-8") == before.replace(ILLEGAL, LEGAL)
