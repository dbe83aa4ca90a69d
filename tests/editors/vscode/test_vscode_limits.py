"""What VS Code shows where something is not allowed, not there, or has died."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from support.messages_server import MessagesServer
from support.sessions import processes_with
from support.vs_code import Window, Workbench
from support.vs_code_tools import Tools

INVENTORY = "src/shop/orders/inventory.py"
QUOTE = "src/shop/pricing/quote.py"
FORBIDDEN = "from shop.storage.table import Table"


@pytest.fixture(scope="module")
def careful(
    tools: Tools,
    browser: Browser,
    settings: dict[str, object],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workbench]:
    """A VS Code that trusts no folder by itself."""
    folder = tmp_path_factory.mktemp("careful")
    with Workbench(tools, browser, folder, settings, trusting=False) as running:
        yield running


CRASHES_MAX = 5
DEATH = """
const own = () => vscode.languages.getDiagnostics().flatMap(([, found]) => found)
    .filter(({ source }) => source === 'trueup').length;
const cleared = until(vscode.languages.onDidChangeDiagnostics, () => own() === 0);
process.kill(given.server, 'SIGKILL');
await cleared;
if (!given.last) await until(vscode.languages.onDidChangeDiagnostics, () => own() === 1);
"""
"""Kills a server, and waits until what it had said is gone and was said again by another one."""


def servers_of(window: Window) -> list[int]:
    """The processes of Trueup's server that the extension host of `window` has started."""
    host = window.host("return process.pid")
    return [
        process
        for process in processes_with("TRUEUP_HARNESS")
        if (line := _command_line(process)) and line[-1:] == ["serve"] and _parent(process) == host
    ]


def _command_line(process: int) -> list[str]:
    try:
        return Path("/proc", str(process), "cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return []


def _parent(process: int) -> int:
    try:
        stat = Path("/proc", str(process), "stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def test_restricted_mode_checks_but_executes_and_sends_nothing(
    careful: Workbench,
    opened: Callable[..., Window],
    shop: Path,
    model: MessagesServer,
    tmp_path: Path,
) -> None:
    canary = tmp_path / "executed"
    planted = f"open({str(canary)!r}, 'w').close()\n"
    for name in ("conftest.py", "tests/conftest.py", "sitecustomize.py"):
        (shop / name).write_text(planted)
    sent = len(model.requests)
    window = opened(shop, careful)
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type(f"{FORBIDDEN}\n")
    (said,) = window.diagnostics(QUOTE)
    assert "shop.storage" in said
    window.open(INVENTORY, at="on_hand(self")
    item = window.page.locator(".statusbar-item", has_text="Trueup")
    expect(item.get_by_role("button")).to_have_attribute("aria-label", re.compile("not trusted"))
    before = window.text(INVENTORY)
    window.pick("Simplify Inventory.on_hand")
    expect(window.page.locator(".notification-toast", has_text="trust").first).to_be_visible()
    assert window.text(INVENTORY) == before
    assert not canary.exists()
    assert len(model.requests) == sent


def test_a_server_that_is_killed_comes_back_until_it_has_died_too_often(
    opened: Callable[..., Window],
) -> None:
    window = opened()
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type(f"{FORBIDDEN}\n")
    window.diagnostics(QUOTE)
    for death in range(1, CRASHES_MAX + 1):
        (server,) = servers_of(window)
        window.host(DEATH, server=server, last=death == CRASHES_MAX)
    toast = window.toast("safe mode")
    expect(toast).to_be_visible()
    expect(window.page.locator(".notification-toast")).to_have_count(1)
    assert servers_of(window) == []
    window.answer("safe mode", "Restart")
    assert len(window.diagnostics(QUOTE)) == 1


def test_two_folders_in_one_window_are_two_projects(
    opened: Callable[..., Window], shop: Path
) -> None:
    other = shop.parent / "other"
    (other / "src/other").mkdir(parents=True)
    for name in ("__init__", "low", "high"):
        (other / f"src/other/{name}.py").write_text("")
    (other / "pyproject.toml").write_text(
        '[project]\nname = "other"\n[[tool.trueup.contracts]]\nkind = "layers"\n'
        'name = "Down"\nwithin = ["other"]\nlayers = ["high", "low"]\n'
    )
    both = shop.parent / "both.code-workspace"
    both.write_text(json.dumps({"folders": [{"path": "shop"}, {"path": "other"}]}))
    window = opened(both)
    window.open(f"shop/{QUOTE}", at="from")
    window.focus()
    window.page.keyboard.type(f"{FORBIDDEN}\n")
    (first,) = window.diagnostics(f"shop/{QUOTE}")
    window.open("other/src/other/low.py")
    window.focus()
    window.page.keyboard.type("import other.high\n")
    (second,) = window.diagnostics("other/src/other/low.py")
    assert "shop.storage" in first
    assert "other.high" in second


UNTITLED = """
const document = await vscode.workspace.openTextDocument({ language: 'python', content: 'x = 1' });
await vscode.window.showTextDocument(document);
"""
CELL = """
const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, 'x = 1', 'python');
const made = new vscode.NotebookData([cell]);
const notebook = await vscode.workspace.openNotebookDocument('jupyter-notebook', made);
await vscode.window.showNotebookDocument(notebook);
await vscode.commands.executeCommand('notebook.cell.edit');
"""
VIRTUAL = """
const files = { provideTextDocumentContent: () => 'x = 1' };
vscode.workspace.registerTextDocumentContentProvider('elsewhere', files);
const document = await vscode.workspace.openTextDocument(vscode.Uri.parse('elsewhere:/a.py'));
await vscode.window.showTextDocument(document);
"""


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        pytest.param(UNTITLED, "save this one first", id="untitled"),
        pytest.param(CELL, "does not work on notebooks", id="notebook"),
        pytest.param(VIRTUAL, "files on a disk", id="virtual"),
    ],
)
def test_what_is_no_file_is_left_alone_with_one_sentence(
    window: Window, shown: str, sentence: str
) -> None:
    window.host(shown)
    window.command("trueup.showReadyFix")
    expect(window.toast(sentence)).to_be_visible()


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        pytest.param("", "no Python was found", id="none"),
        pytest.param("#!/bin/sh\necho 3 8\n", "the newest found here is 3.8", id="old"),
    ],
)
def test_without_a_server_it_says_what_it_needs_to_install_one(
    window: Window, tmp_path: Path, python: str, sentence: str
) -> None:
    if python:
        (tmp_path / "python3").write_text(python)
        (tmp_path / "python3").chmod(0o755)
    kept = window.host(
        "const kept = process.env.PATH; process.env.PATH = given.path; return kept",
        path=str(tmp_path),
    )
    server = window.configured("trueup.path")
    window.configure("trueup.path", "")
    window.answer("has no server", "Install the Server")
    expect(window.toast(sentence)).to_be_visible()
    window.host("process.env.PATH = given.path", path=kept)
    window.configure("trueup.path", server)
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type(f"{FORBIDDEN}\n")
    assert len(window.diagnostics(QUOTE)) == 1


def test_a_folder_that_cannot_be_written_gets_its_diagnostics_all_the_same(
    opened: Callable[..., Window], shop: Path
) -> None:
    for file in shop.rglob("*"):
        file.chmod(0o555 if file.is_dir() else 0o444)
    window = opened(shop)
    window.open(QUOTE, at="from")
    window.focus()
    window.page.keyboard.type(f"{FORBIDDEN}\n")
    assert len(window.diagnostics(QUOTE)) == 1
    for file in shop.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)


def test_two_windows_on_one_folder_each_have_their_own_buffers(
    opened: Callable[..., Window], shop: Path
) -> None:
    one, other = opened(shop), opened(shop)
    one.open(QUOTE, at="from")
    one.focus()
    one.page.keyboard.type(f"{FORBIDDEN}\n")
    assert len(one.diagnostics(QUOTE)) == 1
    other.open(QUOTE)
    assert FORBIDDEN not in other.text(QUOTE)
    assert other.diagnostics(QUOTE, some=False) == []
