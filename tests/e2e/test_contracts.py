"""Contracts while one types: real server, real project, what the editor shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lsprotocol import types

from support.commands import trueup
from trueup.editor import Editor
from trueup.snapshot import Span

CONTRACTS = """
[project]
name = "shop"
version = "1"

[[tool.trueup.contracts]]
kind = "layers"
id = "down"
name = "Imports point down"
layers = ["web", "core", "base"]
within = ["shop"]
because = "Ask for a port in shop.base instead."
"""
FILES = {
    "pyproject.toml": CONTRACTS,
    "shop/__init__.py": "",
    "shop/web.py": "from shop import core\n",
    "shop/core.py": "import os\n\nx = 1\n",
    "shop/base.py": "y = 2\n",
    "shop/helpers/__init__.py": "",
    "shop/helpers/tools.py": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture(params=["told", "pulls"])
async def editor(
    root: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> AsyncIterator[Editor]:
    """An editor that is told of findings, and one that asks."""
    editor = Editor(root, answers=frozenset(), pulls=request.param == "pulls")
    await editor.start({}, environment)
    try:
        yield editor
    finally:
        await editor.stop()


def clean(found: tuple[types.Diagnostic, ...]) -> bool:
    return not found


def says(text: str) -> object:
    return lambda found: any(text in item.message for item in found)


async def seen(editor: Editor, path: str, what: object) -> tuple[types.Diagnostic, ...]:
    assert callable(what)
    await asyncio.wait_for(editor.seen(path, what), 20)
    return editor.shown[path]


async def test_an_illegal_import_is_shown_while_it_is_typed_and_goes_when_it_goes(
    editor: Editor,
) -> None:
    editor.open("shop/base.py")
    editor.type("shop/base.py", Span(0, 0), "from shop import core, helpers\n")
    (found,) = await seen(editor, "shop/base.py", says("core"))
    assert found.range == types.Range(types.Position(0, 17), types.Position(0, 21))
    assert found.severity is types.DiagnosticSeverity.Error
    assert (found.code, found.source) == ("down", "trueup")
    assert found.message.endswith("Ask for a port in shop.base instead.")
    assert found.code_description is not None
    assert found.code_description.href.endswith("pyproject.toml#L6")
    text = editor.text("shop/base.py")
    editor.type("shop/base.py", Span(0, text.index("\n") + 1), "")
    await seen(editor, "shop/base.py", clean)


async def test_a_chain_through_other_files_is_shown_with_its_places(editor: Editor) -> None:
    """The state of an open file flips because another one changes."""
    editor.open("shop/base.py")
    editor.type("shop/base.py", Span(0, 0), "import shop.helpers.tools\n")
    editor.open("shop/helpers/tools.py")
    editor.type("shop/helpers/tools.py", Span(0, 0), "\nfrom shop.core import x\n")
    (found,) = await seen(editor, "shop/base.py", says("core"))
    assert found.range == types.Range(types.Position(0, 7), types.Position(0, 25))
    related = found.related_information or []
    assert [(Path(item.location.uri).name, item.location.range.start.line) for item in related] == [
        ("base.py", 0),
        ("tools.py", 1),
    ]
    (link,) = await seen(editor, "shop/helpers/tools.py", says("core"))
    assert link.severity is types.DiagnosticSeverity.Information
    editor.type("shop/helpers/tools.py", Span(0, len(editor.text("shop/helpers/tools.py"))), "")
    await seen(editor, "shop/base.py", clean)
    await seen(editor, "shop/helpers/tools.py", clean)


async def test_a_half_typed_file_keeps_what_it_imported(editor: Editor) -> None:
    editor.open("shop/base.py")
    editor.type("shop/base.py", Span(0, 0), "import shop.helpers.tools\n")
    editor.open("shop/helpers/tools.py")
    editor.type("shop/helpers/tools.py", Span(0, 0), "from shop.core import x\n")
    await seen(editor, "shop/base.py", says("core"))
    # The import is gone from the text, but the text is not Python.
    whole = len(editor.text("shop/helpers/tools.py"))
    editor.type("shop/helpers/tools.py", Span(0, whole), 'def half("""')
    editor.type("shop/base.py", Span(0, 0), "\n")
    await seen(editor, "shop/base.py", lambda found: bool(found) and found[0].range.start.line == 1)
    editor.type("shop/helpers/tools.py", Span(0, len('def half("""')), "half = 1\n")
    await seen(editor, "shop/base.py", clean)


async def test_a_wrong_configuration_is_told_at_its_line_and_the_rest_is_judged(
    editor: Editor, root: Path
) -> None:
    editor.open("shop/base.py")
    editor.type("shop/base.py", Span(0, 0), "import shop.core\n")
    await seen(editor, "shop/base.py", says("core"))
    broken = CONTRACTS + '\n[[tool.trueup.contracts]]\nkind = "layers"\nlayer = ["web"]\n'
    (root / "pyproject.toml").write_text(broken)
    editor.save("shop/base.py")
    editor.pulls, pulls = False, editor.pulls
    found = await seen(editor, "pyproject.toml", says("layer"))
    line = broken[: broken.index('layer = ["web"]')].count("\n")
    assert line in {item.range.start.line for item in found}
    assert any("layers" in item.message for item in found)
    editor.pulls = pulls
    await seen(editor, "shop/base.py", says("core"))
    (root / "pyproject.toml").write_text(CONTRACTS)
    editor.watched(("pyproject.toml", types.FileChangeType.Changed))
    editor.pulls = False
    await seen(editor, "pyproject.toml", clean)


async def test_files_that_come_and_go_are_followed(editor: Editor, root: Path) -> None:
    editor.open("shop/base.py")
    editor.type("shop/base.py", Span(0, 0), "import shop.core.orders\n")
    await seen(editor, "shop/base.py", says("shop.core"))
    (root / "shop/core.py").unlink()
    editor.watched(("shop/core.py", types.FileChangeType.Deleted))
    editor.pulls, pulls = False, editor.pulls
    await seen(editor, "pyproject.toml", says("core"))
    editor.pulls = pulls
    await seen(editor, "shop/base.py", clean)
    (root / "shop/core").mkdir()
    (root / "shop/core/__init__.py").write_text("")
    (root / "shop/core/orders.py").write_text("")
    editor.watched(("shop/core/orders.py", types.FileChangeType.Created))
    await seen(editor, "shop/base.py", says("shop.core.orders"))


async def test_another_branch_is_another_project(editor: Editor, root: Path) -> None:
    """A file that is not open changes on disk, and an open one is judged by it."""
    editor.open("shop/base.py")
    editor.type("shop/base.py", Span(0, 0), "import shop.core, shop.helpers.tools\n")
    await seen(editor, "shop/base.py", says("core"))
    (root / "shop/helpers/tools.py").write_text("import shop.web\n")
    editor.watched(("shop/helpers/tools.py", types.FileChangeType.Changed))
    await seen(editor, "shop/base.py", says("shop.web"))


async def test_the_command_line_says_the_same(editor: Editor, root: Path) -> None:
    editor.open("shop/base.py")
    editor.type("shop/base.py", Span(0, 0), "from shop import web as w\nimport shop.core\n")
    editor.save("shop/base.py")
    await seen(editor, "shop/base.py", says("web"))
    done = trueup(root, "check", "--format", "json")
    assert done.returncode == 1, done.stderr
    listed = json.loads(done.stdout)
    assert [
        (item["contract"], item["message"], item["line"], item["column"], item["end_column"])
        for item in listed
    ] == [
        (
            item.code,
            item.message,
            item.range.start.line + 1,
            item.range.start.character + 1,
            item.range.end.character + 1,
        )
        for item in editor.shown["shop/base.py"]
    ]
