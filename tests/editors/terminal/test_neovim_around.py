"""What a real Neovim shows around a suggestion: decisions, lenses, inline fixes, health, help."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import pytest
from install_stylua import unformatted

from support.messages_server import MessagesServer
from support.neovim import PLUGIN, Starting
from support.neovim_stories import attached
from support.sessions import SOURCE, TOTAL
from support.shops import CONTRACT, ILLEGAL, LEGAL
from support.tiny_projects import Project
from trueup import trust


def test_a_decision_is_recorded_and_then_enforced(shop: Project, start: Starting) -> None:
    shop.put(SOURCE, ILLEGAL + TOTAL.lstrip("\n"))
    with start() as vim:
        attached(vim, shop.root / SOURCE)
        vim.until("#vim.diagnostic.get(0) == 1")
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
        vim.until("#vim.diagnostic.get(0) == 2")
        assert "Labels are never shouted" in vim.diagnostics[1]


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


GHOST = """vim.iter(vim.api.nvim_get_namespaces()):any(function(name, space)
  return name:find('inline_completion', 1, true) ~= nil
    and #vim.api.nvim_buf_get_extmarks(0, space, 0, -1, {}) > 0
end)"""


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


PROMPT = """vim.iter(vim.api.nvim_list_wins()):find(function(window)
  return vim.api.nvim_buf_get_name(vim.api.nvim_win_get_buf(window)):find('/prompts/', 1, true)
end)"""


def test_what_would_be_sent_is_shown_and_not_sent(shop: Project, start: Starting) -> None:
    with MessagesServer() as model, start(model=model.url) as vim:
        attached(vim, shop.root / SOURCE)
        vim.at("def total")
        vim.keys("w")
        vim.answers("Show what would be sent for", "Simplify total")
        vim.command("Trueup prompt")
        vim.until(f"{PROMPT} ~= nil")
        vim.lua(f"vim.api.nvim_set_current_win({PROMPT})")
        assert "def total(prices, discount=0):" in vim.text()
        assert model.requests == []


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


def test_every_file_of_the_plugin_is_lua_as_stylua_writes_it(start: Starting) -> None:
    with start() as vim:
        for path in sorted(PLUGIN.rglob("*.lua")):
            assert vim.lua("return { loadfile(...) ~= nil }", str(path)) == [True], path
    assert unformatted(PLUGIN) == []


def test_the_help_is_found_by_its_tags(start: Starting, tmp_path: Path) -> None:
    copy = tmp_path / "plugin"
    shutil.copytree(PLUGIN, copy)
    with start() as vim:
        vim.lua("vim.opt.runtimepath:prepend(...)", str(copy))
        vim.command(f"helptags {copy}/doc")
        for tag in (":Trueup", "trueup-evidence", "trueup-settings"):
            assert tag in vim.lua("return vim.fn.getcompletion((...), 'help')", tag)
        text = (PLUGIN / "doc" / "trueup.txt").read_text("utf-8")
        named = set(re.findall(r"^:(?:\[range\])?Trueup (\w+)", text, re.MULTILINE))
        assert named == set(vim.lua("return vim.fn.getcompletion('Trueup ', 'cmdline')"))
