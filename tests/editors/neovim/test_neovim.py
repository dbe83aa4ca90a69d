"""The whole story in a real Neovim: real server, real engine, a real project and its tests.

What is asserted is what its buffers hold and what it shows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from support.messages_server import MessagesServer, Reply, Request, edits_reply
from support.neovim import PLUGIN, Neovim
from support.sessions import SOURCE, TOTAL, environment_of, processes_with
from support.shops import CONTRACT, ILLEGAL, LEGAL, shop_without_a_web
from support.tiny_projects import Project
from trueup import trust
from trueup.trust import Answer

TRUSTING = ("wants to run", Answer.ALWAYS.value)

Starting = Callable[..., AbstractContextManager[Neovim]]


def attached(vim: Neovim, path: Path) -> None:
    vim.open(path)
    vim.until("#vim.lsp.get_clients({ name = 'trueup', bufnr = 0 }) > 0")


def test_a_diagnostic_comes_while_one_types_and_goes(shop: Project, start: Starting) -> None:
    with start() as vim:
        attached(vim, shop.root / SOURCE)
        vim.keys("ggO")
        vim.keys("iimport shop.web<Esc>")
        vim.until("#vim.diagnostic.get(0) == 1")
        assert "must not import shop.web" in vim.diagnostics[0]
        vim.keys("ggdd")
        vim.until("#vim.diagnostic.get(0) == 0")


def test_a_verified_fix_is_applied_and_undone_in_one_step(shop: Project, start: Starting) -> None:
    shop.put(SOURCE, ILLEGAL + TOTAL.lstrip("\n"))
    before = (shop.root / SOURCE).read_text("utf-8")
    with start(TRUSTING, ("Code actions", "Break this import")) as vim:
        attached(vim, shop.root / SOURCE)
        vim.until("#vim.diagnostic.get(0) == 1")
        vim.at("shop.web")
        vim.command("Trueup run quickfix")
        vim.until("not vim.api.nvim_buf_get_lines(0, 0, 1, true)[1]:find('import', 1, true)")
        assert vim.text() == before.replace(ILLEGAL, LEGAL)
        vim.until("#vim.diagnostic.get(0) == 0")
        vim.keys("u")
        assert vim.text() == before


RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
WRONG = RIGHT.replace(" - discount", "")
UNTESTED = 'def unused(values):\n    """Nobody calls this."""\n    return not values\n'


def replies(symbol: str, *after: str) -> tuple[Reply, ...]:
    edits = [{"path": SOURCE, "symbol": symbol, "after": text} for text in after]
    return tuple(edits_reply("Say it shorter", [edit]) for edit in edits)


def simplify(vim: Neovim, symbol: str) -> None:
    """Pick the action; what comes of it comes later."""
    vim.at(f"def {symbol}")
    vim.keys("w")
    vim.answers("Code actions", f"Simplify {symbol}")
    vim.command("Trueup run refactor.rewrite")


class Held:
    """A model that answers when it is told to, so that a test can type in the meantime."""

    def __init__(self, reply: Reply) -> None:
        self.asked, self.go, self.reply = threading.Event(), threading.Event(), reply

    def __call__(self, _: Request) -> Reply:
        self.asked.set()
        self.go.wait(60)
        return self.reply


def test_typing_in_what_a_job_is_about_makes_it_stale(shop: Project, start: Starting) -> None:
    held = Held(*replies("total", RIGHT))
    with MessagesServer(held) as model, start(TRUSTING, model=model.url) as vim:
        attached(vim, shop.root / SOURCE)
        simplify(vim, "total")
        assert held.asked.wait(60)
        vim.at("result = 0")
        vim.keys("A.5<Esc>")
        typed = vim.text()
        held.go.set()
        vim.until("vim.fn.execute('messages'):find('you changed what the suggestion was about')")
        assert "result = 0.5" in typed
        assert vim.text() == typed


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


PAGE = "vim.bo.filetype == 'trueup'"


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


GROUPS_AT = """
local line = vim.fn.search('\\\\V' .. (...), 'nw') - 1
local space = require('trueup.evidence').NAMESPACE
return vim.tbl_map(function(mark)
  return mark[4].hl_group
end, vim.api.nvim_buf_get_extmarks(0, space, { line, 0 }, { line, -1 }, { details = true }))
"""


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
        vim.until("vim.fn.isdirectory(given[1]) == 1", str(shop.root / "docs/decisions"))
        (kept,) = (shop.root / "docs/decisions").glob("*.md")
        assert "A loop reads better here" in kept.read_text("utf-8")
        assert "status: proposed" in kept.read_text("utf-8")
        assert vim.text(shop.root / SOURCE) == before


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
        vim.until("#Asked > 2")
        assert "wants to run the tests" in vim.asked[1]["question"]
        assert str(shop.interpreter) in vim.asked[1]["question"]
        assert "import shop.web" in vim.text()
    assert not canary.exists()


def test_a_decision_is_recorded_and_then_enforced(shop: Project, start: Starting) -> None:
    with start() as vim:
        attached(vim, shop.root / SOURCE)
        vim.at("def label")
        vim.keys("w")
        vim.answers("Code actions", "Record a decision about label")
        vim.answers("What was decided about label?", "Labels are never shouted")
        vim.command("Trueup decide")
        vim.until("vim.api.nvim_buf_get_name(0):find('labels-are-never-shouted', 1, true)")
        recorded = Path(vim.lua("return vim.api.nvim_buf_get_name(0)"))
        rule = (
            "\n```rule\nkind: forbid-pattern\npattern: $X.upper()\n"
            "message: Labels are never shouted\n```\n"
        )
        text = recorded.read_text("utf-8").replace("status: proposed", "status: accepted")
        recorded.write_text(text.replace("severity: advice", "severity: veto") + rule)
        vim.open(shop.root / SOURCE)
        vim.at("name.strip().title()")
        vim.keys("CAname.upper()<Esc>")
        vim.command("write")
        vim.until("#vim.diagnostic.get(0) == 1")
        assert "Labels are never shouted" in vim.diagnostics[0]


def test_a_server_that_is_killed_is_there_again(shop: Project, start: Starting) -> None:
    with start() as vim:
        attached(vim, shop.root / SOURCE)
        first = vim.lua("return vim.lsp.get_clients({ name = 'trueup' })[1].id")
        os.kill(server_of(shop.root.parent), signal.SIGKILL)
        vim.until(
            "(vim.lsp.get_clients({ name = 'trueup', bufnr = 0 })[1] or { id = given[1] }).id"
            " ~= given[1]",
            first,
        )
        vim.keys("ggOimport shop.web<Esc>")
        vim.until("#vim.diagnostic.get(0) == 1")


def server_of(folder: Path) -> int:
    """The process of the server whose state is in `folder`."""
    (found,) = [
        process
        for process in processes_with("trueup\0serve")
        if str(folder) in environment_of(process)
    ]
    return found


def test_two_folders_are_two_projects(
    shop: Project, start: Starting, tmp_path: Path, interpreter: Path
) -> None:
    other = shop_without_a_web(tmp_path / "other", interpreter)
    other.put("pyproject.toml", CONTRACT.replace("Totals know no web", "Elsewhere"))
    with start() as vim:
        for one in (shop, other):
            one.put(SOURCE, "import shop.web\n")
            attached(vim, one.root / SOURCE)
            vim.until("#vim.diagnostic.get(0) == 1")
        assert vim.lua("return #vim.lsp.get_clients({ name = 'trueup' })") == 2
        codes = [
            vim.lua("return vim.diagnostic.get(vim.fn.bufnr(...))[1].code", str(one.root / SOURCE))
            for one in (shop, other)
        ]
        assert codes == ["totals-know-no-web", "elsewhere"]


def test_a_rename_reaches_every_file(shop: Project, start: Starting) -> None:
    with start(TRUSTING, ("New Name", "tidy")) as vim:
        attached(vim, shop.root / SOURCE)
        vim.at("label(name)")
        vim.lua("vim.lsp.buf.rename()")
        test = shop.root / "tests/test_total.py"
        vim.until("vim.fn.bufloaded(given[1]) == 1", str(test))
        vim.until("vim.api.nvim_buf_get_lines(0, 0, -1, true)[12]:find('tidy', 1, true)")
        assert "def tidy(name)" in vim.text()
        assert 'assert tidy(" tea ")' in vim.text(test)


def test_a_change_of_several_files_is_taken_back_in_all_of_them(
    shop: Project, start: Starting
) -> None:
    test = shop.root / "tests/test_total.py"
    with start(TRUSTING, ("New name of label", "tidy")) as vim:
        attached(vim, shop.root / SOURCE)
        before = vim.text()
        vim.at("label(name)")
        vim.answers("Code actions", "Rename label")
        vim.command("Trueup run refactor.rewrite")
        vim.until("vim.fn.execute('messages'):find('Applied', 1, true)")
        assert "def tidy(name)" in vim.text()
        assert 'assert tidy(" tea ")' in vim.text(test)
        assert "Not written yet: tests/test_total.py" in vim.messages
        vim.command("Trueup undo")
        vim.until("vim.fn.execute('messages'):find('is undone', 1, true)")
        assert vim.text() == before
        assert vim.text(test) == test.read_text("utf-8")


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


DECISION = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: Labels are tidied in one place
status: accepted
severity: advice
scope: {paths: ["shop/**"]}
---
# Labels are tidied in one place

Receipts and shelves show the same words.
"""


def test_decisions_are_listed_found_and_opened(shop: Project, start: Starting) -> None:
    shop.put("docs/decisions/0001-labels-are-tidied-in-one-place.md", DECISION)
    with start() as vim:
        attached(vim, shop.root / SOURCE)
        vim.until("#vim.lsp.codelens.get({ bufnr = 0 }) > 0")
        assert vim.lua("return vim.lsp.codelens.get({ bufnr = 0 })[1].lens.command.title") == (
            "1 decision"
        )
        vim.command("Trueup search receipts and shelves")
        vim.until("#Asked == 1")
        assert any("Labels are tidied" in title for title in vim.asked[0]["choices"])
        vim.answers("Decisions", "Labels are tidied")
        vim.command("Trueup decisions")
        vim.until("vim.api.nvim_buf_get_name(0):find('0001-labels', 1, true)")
        assert "(accepted, advice)" in vim.asked[1]["choices"][0]


NOW: dict[str, object] = {
    "background": {"idle_seconds": 0.05, "load": 1_000, "per_minute": 1_000, "niceness": 0}
}


def trusted(shop: Project, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow the tests of the project as they are now."""
    monkeypatch.setenv("XDG_STATE_HOME", environment["XDG_STATE_HOME"])
    trust.remember(trust.plan(str(shop.root), shop.interpreter))


LENS = """vim.iter(vim.lsp.codelens.get({ bufnr = 0 })):any(function(item)
  return item.lens.command.title:find('verified fix ready', 1, true) ~= nil
end)"""


def test_a_fix_that_is_ready_is_a_lens(
    shop: Project, start: Starting, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(SOURCE, ILLEGAL + TOTAL.lstrip("\n"))
    before = (shop.root / SOURCE).read_text("utf-8")
    trusted(shop, environment, monkeypatch)
    with start(more=NOW) as vim:
        attached(vim, shop.root / SOURCE)
        vim.until(LENS)
        assert vim.text() == before
        vim.at("shop.web")
        vim.lua("vim.lsp.codelens.run()")
        vim.until("not vim.api.nvim_buf_get_lines(0, 0, 1, true)[1]:find('import', 1, true)")
        assert vim.text() == before.replace(ILLEGAL, LEGAL)
        assert vim.asked == []


WITHOUT_A_COMMA = '''"""What a basket costs."""

from operator import sub


def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sub(
        sum(prices),
        discount
    )


def label(name):
    """A name as it is printed."""
    return name.strip().title()
'''


def test_what_only_adds_is_shown_at_the_cursor_and_taken(
    shop: Project, start: Starting, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put("pyproject.toml", CONTRACT + '\n[tool.ruff.lint]\nselect = ["COM812"]\n')
    shop.put(SOURCE, WITHOUT_A_COMMA)
    trusted(shop, environment, monkeypatch)
    with start(more=NOW) as vim:
        attached(vim, shop.root / SOURCE)
        vim.until(LENS)
        vim.cursor(WITHOUT_A_COMMA.splitlines().index("        discount") + 1)
        vim.lua("vim.api.nvim_input('A')")
        vim.until(GHOST)
        vim.command("Trueup accept")
        vim.until("vim.api.nvim_get_current_line() == '        discount,'")


GHOST = """vim.iter(vim.api.nvim_get_namespaces()):any(function(name, space)
  return name:find('inline_completion', 1, true) ~= nil
    and #vim.api.nvim_buf_get_extmarks(0, space, 0, -1, {}) > 0
end)"""


def test_a_buffer_without_a_name_is_left_alone(start: Starting) -> None:
    with start() as vim:
        vim.command("enew")
        vim.keys("iimport os<Esc>")
        vim.command("setfiletype python")
        vim.command("Trueup run")
        assert vim.diagnostics == []
        assert "Error" not in vim.messages


def test_the_health_check_says_what_is_there(shop: Project, start: Starting) -> None:
    with start() as vim:
        attached(vim, shop.root / SOURCE)
        vim.command("checkhealth trueup")
        said = vim.text()
    assert "Neovim 0.1" in said
    assert f"Running for {shop.root}: 1 buffers, utf-8" in said


def test_without_a_server_one_sentence_says_so(shop: Project, start: Starting) -> None:
    with start() as vim:
        vim.lua("vim.lsp.config('trueup', { cmd = { 'no-such-server' } })")
        vim.open(shop.root / SOURCE)
        vim.open(shop.root / "shop/web.py")
        assert vim.messages.count("`no-such-server` is not on your PATH") == 1
        vim.command("checkhealth trueup")
        assert "`no-such-server` is not on your PATH" in vim.text()
        assert f"the project {shop.root}" in vim.text()


def test_commands_complete(start: Starting) -> None:
    with start() as vim:
        completed = partial(vim.lua, "return vim.fn.getcompletion((...), 'cmdline')")
        assert {"run", "undo", "verify", "decisions"} <= set(completed("Trueup "))
        assert completed("Trueup re") == ["restart", "review"]
        assert completed("Trueup run refactor.m") == ["refactor.move"]
        vim.lua("pcall(vim.cmd, 'Trueup nonsense')")
        assert "there is no `:Trueup nonsense`" in vim.messages


def test_every_file_of_the_plugin_is_lua(start: Starting) -> None:
    with start() as vim:
        for path in sorted(PLUGIN.rglob("*.lua")):
            assert vim.lua("return { loadfile(...) ~= nil }", str(path)) == [True], path
