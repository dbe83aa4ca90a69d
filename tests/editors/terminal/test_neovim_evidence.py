"""Verdicts in a buffer of a real Neovim, and what may be done with them there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.messages_server import MessagesServer
from support.neovim import Starting
from support.neovim_stories import RIGHT, TRUSTING, UNTESTED, WRONG, attached, replies, simplify
from support.sessions import SOURCE, TOTAL
from support.tiny_projects import Project

PAGE = "vim.bo.filetype == 'trueup'"


GROUPS_AT = """
local line = vim.fn.search('\\\\V' .. (...), 'nw') - 1
local space = require('trueup.evidence').NAMESPACE
return vim.tbl_map(function(mark)
  return mark[4].hl_group
end, vim.api.nvim_buf_get_extmarks(0, space, { line, 0 }, { line, -1 }, { details = true }))
"""


def test_an_unproven_change_is_shown_and_applied_only_when_one_says_so(
    shop: Project, start: Starting
) -> None:
    with (
        MessagesServer(*replies("unused", UNTESTED)) as model,
        start(TRUSTING, model=model.url) as vim,
    ):
        attached(vim, shop.root / SOURCE)
        before = vim.text()
        simplify(vim, "unused")
        vim.until(PAGE)
        page = vim.text()
        assert "Unproven" in page
        assert "1 of 1 changed statements did not run in any passing test" in page
        assert "[a] Apply anyway" in page
        assert "+    return not values" in page
        assert vim.text(shop.root / SOURCE) == before
        assert vim.lua("return vim.fn.foldlevel(vim.fn.search('^+    return'))") == 2
        assert "Added" in vim.lua(GROUPS_AT, "+    return not values")
        vim.keys("a")
        vim.until("vim.bo.filetype == 'python'")
        vim.until("table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true)):find('not values')")
        vim.keys("u")
        assert vim.text() == before


def test_a_page_is_closed_without_a_decision_or_refused_with_one(
    shop: Project, start: Starting
) -> None:
    with (
        MessagesServer(*replies("total", RIGHT, RIGHT)) as model,
        start(TRUSTING, ("Why?", "Another reason"), model=model.url) as vim,
    ):
        attached(vim, shop.root / SOURCE)
        before = vim.text()
        simplify(vim, "total")
        vim.until(PAGE)
        assert "Verified" in vim.text()
        vim.keys("q")
        vim.until("vim.bo.filetype == 'python'")
        simplify(vim, "total")
        vim.until(PAGE)
        vim.answers("Why? ", "A loop reads better here")
        vim.keys("m")
        vim.until(
            "#vim.fn.glob(given[1] .. '/*.md', true, true) == 1", str(shop.root / "docs/decisions")
        )
        (kept,) = (shop.root / "docs/decisions").glob("*.md")
        assert "A loop reads better here" in kept.read_text("utf-8")
        assert "status: proposed" in kept.read_text("utf-8")
        assert vim.text(shop.root / SOURCE) == before


def test_a_rejected_change_says_why_and_changes_nothing(shop: Project, start: Starting) -> None:
    with (
        MessagesServer(*replies("total", WRONG, WRONG)) as model,
        start(TRUSTING, model=model.url) as vim,
    ):
        attached(vim, shop.root / SOURCE)
        before = vim.text()
        simplify(vim, "total")
        vim.until("vim.fn.execute('messages'):find('test_the_discount_is_taken_off', 1, true)")
        assert "Rejected" in vim.messages
        assert vim.text() == before


def test_what_was_judged_can_be_looked_at_again(shop: Project, start: Starting) -> None:
    with (
        MessagesServer(*replies("total", WRONG, WRONG)) as model,
        start(TRUSTING, model=model.url) as vim,
    ):
        attached(vim, shop.root / SOURCE)
        simplify(vim, "total")
        vim.until("vim.fn.execute('messages'):find('Rejected', 1, true)")
        vim.command("Trueup evidence")
        vim.until(PAGE)
        assert "test_the_discount_is_taken_off" in vim.text()
        assert "[a]" not in vim.text()
        vim.command("close")
        vim.command("Trueup suggestions")
        vim.until("#Asked > 2")
        assert "rejected" in vim.asked[-1]["choices"][0]
        vim.answers("Suggestions", "rejected")
        vim.command("Trueup suggestions")
        vim.until("vim.bo.filetype == 'trueuptrace'")
        assert "Say it shorter" in vim.text()


def test_what_one_changed_by_hand_is_judged(shop: Project, start: Starting) -> None:
    committed(shop.root)
    with start(TRUSTING) as vim:
        attached(vim, shop.root / SOURCE)
        vim.at("return result - discount")
        vim.keys("Creturn result<Esc>")
        vim.command("Trueup verify")
        vim.until(PAGE)
        assert "test_the_discount_is_taken_off" in vim.text()
        assert "-    return result - discount" in vim.text()


def committed(root: Path) -> None:
    """Put a project under git."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "Begin")):
        subprocess.run(("git", *command), cwd=root, check=True, timeout=30)


def test_a_folder_that_the_editor_does_not_trust_runs_and_sends_nothing(
    shop: Project, start: Starting, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    shop.put("conftest.py", f"open({str(canary)!r}, 'w').close()\n")
    with MessagesServer() as model, start(TRUSTING, model=model.url, trusted=False) as vim:
        attached(vim, shop.root / SOURCE)
        before = vim.text()
        simplify(vim, "total")
        vim.until("vim.fn.execute('messages'):find('trust', 1, true)")
        vim.keys("ggOimport shop.web<Esc>")
        vim.until("#vim.diagnostic.get(0) == 1")
        assert vim.text() == "import shop.web\n" + before
        assert model.requests == []
    assert not canary.exists()


def test_a_project_that_the_user_refuses_is_not_run(
    shop: Project, start: Starting, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    shop.put("conftest.py", f"open({str(canary)!r}, 'w').close()\n")
    shop.put(SOURCE, "import shop.web\n" + TOTAL.lstrip("\n"))
    with start(("wants to run", "No")) as vim:
        attached(vim, shop.root / SOURCE)
        vim.until("#vim.diagnostic.get(0) == 1")
        vim.answers("Code actions", "Break this import")
        vim.at("shop.web")
        vim.command("Trueup run quickfix")
        vim.until(PAGE)
        assert "you have not trusted this folder" in vim.text()
        assert "Tests\n  none ran\n" in vim.text()
        assert "wants to run the tests" in vim.asked[1]["question"]
        assert str(shop.interpreter) in vim.asked[1]["question"]
        assert "import shop.web" in vim.text(shop.root / SOURCE)
    assert not canary.exists()
