"""The whole story in a real Neovim: real server, real engine, a real project and its tests.

What is asserted is what its buffers hold and what it shows.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from support.messages_server import MessagesServer, Reply, Request
from support.neovim import Starting
from support.neovim_stories import RIGHT, TRUSTING, attached, replies, simplify
from support.sessions import SOURCE, TOTAL, environment_of, processes_with
from support.shops import CONTRACT, ILLEGAL, LEGAL, shop_without_a_web
from support.tiny_projects import Project


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
