"""The light bulb on an import that breaks a contract: break it, accept it, look at the contract."""

from __future__ import annotations

import asyncio
import json

import pytest
from lsprotocol import types

from support.commands import trueup
from support.sessions import Editing, evidence
from support.tiny_projects import Project
from trueup.editor import Editor
from trueup.snapshot import Span

CONTRACT = """
[project]
name = "shop"
version = "1"

[tool.ruff.lint]
select = ["F", "I"]

[[tool.trueup.contracts]]
kind = "layers"
id = "down"
name = "Imports point down"
layers = ["web", "total", "money", "base"]
within = ["shop"]
"""
MONEY = """{imports}


def euros(cents):
    \"\"\"An amount as it is printed.\"\"\"
    return SIGN + str(cents / 100)
"""
TEST_MONEY = """
from shop.money import euros


def test_euros():
    assert euros(250) == "€2.5"
"""


@pytest.fixture
def priced(shop: Project) -> Project:
    shop.put("pyproject.toml", CONTRACT)
    shop.put("shop/base.py", 'SIGN = "€"\n')
    shop.put("shop/web.py", 'from shop.base import SIGN\n\n__all__ = ["SIGN"]\n')
    shop.put("tests/test_money.py", TEST_MONEY)
    return shop


async def illegal(editor: Editor, path: str) -> types.Diagnostic:
    await asyncio.wait_for(editor.seen(path, bool), 20)
    return editor.shown[path][0]


async def offered(editor: Editor, path: str, about: types.Diagnostic) -> list[types.CodeAction]:
    return [item for item in await editor.actions_on(path, about) if item.diagnostics]


async def picked(editor: Editor, path: str, title: str) -> dict[str, object]:
    about = await illegal(editor, path)
    actions = await offered(editor, path, about)
    action = next(item for item in actions if item.title.startswith(title))
    return await editor.run(action)


BREAKABLE = {
    "what nobody uses goes": (
        "from shop.base import SIGN\nfrom shop.total import label\n",
        "from shop.base import SIGN\n",
    ),
    "what another only passes on comes from where it is defined": (
        "from shop.web import SIGN\n",
        "from shop.base import SIGN\n",
    ),
}


@pytest.mark.parametrize("name", BREAKABLE)
async def test_an_import_is_broken_and_the_change_verified(
    priced: Project, editing: Editing, name: str
) -> None:
    before, after = BREAKABLE[name]
    priced.put("shop/money.py", MONEY.format(imports=before))
    async with editing(priced) as editor:
        editor.open("shop/money.py")
        result = await picked(editor, "shop/money.py", "Break this import: ")
        assert (result["outcome"], result["applied"]) == ("verified", True), result
        outcome, detail = evidence(result)["architecture"]
        assert outcome == "passed"
        assert "does not import" in detail
        assert editor.text("shop/money.py") == MONEY.format(imports=after)
        await asyncio.wait_for(editor.seen("shop/money.py", lambda found: not found), 20)


async def test_a_change_that_breaks_a_contract_is_rejected(priced: Project) -> None:
    """Whoever made it: here a patch, on the command line."""
    priced.put("shop/money.py", MONEY.format(imports="from shop.base import SIGN\n"))
    path = priced.root / "shop/money.py"
    old = path.read_text()
    patch = (
        "--- a/shop/money.py\n+++ b/shop/money.py\n@@ -1,2 +1,3 @@\n"
        " from shop.base import SIGN\n+from shop.total import label\n \n"
    )
    command = ("verify", "--diff", "-", "--json", "--trust", "--interpreter")
    done = trueup(priced.root, *command, str(priced.interpreter), given=patch)
    verdict = json.loads(done.stdout)
    assert verdict["outcome"] == "rejected", verdict
    (found,) = [item for item in verdict["evidence"] if item["check"] == "architecture"]
    assert found["outcome"] == "failed"
    assert (found["path"], found["line"]) == ("shop/money.py", 2)
    assert "shop.money must not import shop.total" in found["detail"]
    assert path.read_text() == old


async def test_it_is_accepted_for_now(priced: Project, editing: Editing) -> None:
    priced.put("shop/money.py", MONEY.format(imports="from shop.web import SIGN\n"))
    async with editing(priced) as editor:
        editor.open("shop/money.py")
        result = await picked(editor, "shop/money.py", "Accept this import")
        assert result == {"outcome": "accepted"}
        await asyncio.wait_for(editor.seen("shop/money.py", lambda found: not found), 20)
        lines = (priced.root / "architecture-baseline.txt").read_text().splitlines()
        assert lines[-1] == "down: shop.money -> shop.web"
        # What was illegal before does not reject; what does not occur any more is reported.
        editor.type("shop/money.py", Span(0, len("from shop.web")), "from shop.base")
        editor.save("shop/money.py")
        done = trueup(priced.root, "check")
        assert done.returncode == 0
        assert "architecture-baseline.txt:3 shop.money -> shop.web does not break down" in (
            done.stdout
        )


@pytest.mark.parametrize(
    ("reason", "outcome"), [("the web\nowns the sign", "accepted"), ("", "cancelled")]
)
async def test_it_is_ignored_with_a_reason(
    priced: Project, editing: Editing, reason: str, outcome: str
) -> None:
    priced.put("shop/money.py", MONEY.format(imports="from shop.web import SIGN\n"))
    before = (priced.root / "pyproject.toml").read_text()
    async with editing(priced, input=True) as editor:
        editor.lines = [reason]
        editor.open("shop/money.py")
        result = await picked(editor, "shop/money.py", "Ignore this import in pyproject.toml")
        assert result == {"outcome": outcome}
        text = (priced.root / "pyproject.toml").read_text()
        if outcome == "cancelled":
            assert text == before
            return
        await asyncio.wait_for(editor.seen("shop/money.py", lambda found: not found), 20)
        entry = '  "shop.money -> shop.web",  # the web owns the sign\n'
        assert text == before + "ignore = [\n" + entry + "]\n"


async def test_the_contract_is_opened_at_its_line(priced: Project, editing: Editing) -> None:
    priced.put("shop/money.py", MONEY.format(imports="from shop.web import SIGN\n"))
    async with editing(priced) as editor:
        editor.open("shop/money.py")
        assert await picked(editor, "shop/money.py", "Open the contract “Imports point down”") == {
            "outcome": "opened"
        }
        ((path, line),) = editor.opened
        written = (priced.root / "pyproject.toml").read_text()
        assert (path, line) == ("pyproject.toml", written[: written.index("[[")].count("\n"))
