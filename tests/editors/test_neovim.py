"""The whole story in a real Neovim: real server, real engine, a real project and its tests.

What is asserted is what its buffers hold and what it shows.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from editors.install_neovim import install
from support.messages_server import MessagesServer, Reply, Request, edits_reply
from support.neovim import PLUGIN, Neovim, neovim
from support.sessions import SOURCE, TEST_TOTAL, TOTAL, environment_of, processes_with
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, Project, make_environment
from trueup.trust import Answer

CONTRACT = """
[project]
name = "shop"
version = "1"

[[tool.trueup.contracts]]
kind = "forbidden"
name = "Totals know no web"
from = ["shop.total"]
forbid = ["shop.web"]
"""
TRUSTING = ("wants to run", Answer.ALWAYS.value)

KINDS = ("STATE", "CACHE", "CONFIG", "DATA")

Starting = Callable[..., AbstractContextManager[Neovim]]


@pytest.fixture(scope="session")
def program() -> Path:
    return install() / "nvim"


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


@pytest.fixture
def shop(tmp_path: Path, interpreter: Path) -> Project:
    return project(tmp_path / "shop-project", interpreter)


def project(root: Path, interpreter: Path) -> Project:
    root.mkdir()
    made = Project(root, interpreter)
    made.put("pyproject.toml", CONTRACT)
    made.put("shop/__init__.py", "")
    made.put("shop/web.py", "PAGE = 1\n")
    made.put(SOURCE, TOTAL)
    made.put("tests/test_total.py", TEST_TOTAL)
    made.put("conftest.py", "")
    return made


@pytest.fixture
def start(program: Path, tmp_path: Path, interpreter: Path) -> Starting:
    """Starts a Neovim that knows nothing of this machine's user."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "XDG_", "VIM", "NVIM"))
    }
    folders = {
        name: tmp_path / name.lower()
        for name in (*(f"XDG_{kind}_HOME" for kind in KINDS), "XDG_RUNTIME_DIR")
    }
    for folder in folders.values():
        folder.mkdir(mode=0o700)
    environment = own | {name: str(folder) for name, folder in folders.items()}

    def open_neovim(
        *answers: tuple[str, str], model: str | None = None, **options: object
    ) -> AbstractContextManager[Neovim]:
        settings: dict[str, object] = {"interpreter": str(interpreter)}
        if model is not None:
            settings["model"] = {"base_url": model}
        return neovim(
            program, tmp_path, environment, settings=settings, answers=answers, options=options
        )

    return open_neovim


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
    shop.put(SOURCE, 'SIGN = "🧾🧾"; import shop.web; TEA = "🍵"  # 🛒\n' + TOTAL.lstrip("\n"))
    before = (shop.root / SOURCE).read_text("utf-8")
    with start(TRUSTING, ("Code actions", "Break this import")) as vim:
        attached(vim, shop.root / SOURCE)
        vim.until("#vim.diagnostic.get(0) == 1")
        vim.at("shop.web")
        vim.command("Trueup run quickfix")
        vim.until("not vim.api.nvim_buf_get_lines(0, 0, 1, true)[1]:find('import', 1, true)")
        assert vim.text() == before.replace("import shop.web; ", "")
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
    other = project(tmp_path / "other", interpreter)
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
