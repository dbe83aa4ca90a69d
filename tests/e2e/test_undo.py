"""What was applied is taken back: in an editor session, and on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from lsprotocol import types

from support.sessions import SOURCE, Editing, ruff_diagnostic
from support.tiny_projects import Project

ODD = b"# -*- coding: latin-1 -*-\r\nimport os\r\n\r\n\r\ndef one():\r\n    return '\xe9'"


def trueup(root: Path, environment: dict[str, str], *given: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "trueup", *given],
        cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


async def test_a_fix_is_undone_in_the_editor(shop: Project, editing: Editing) -> None:
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    async with editing(shop) as editor:
        before = editor.open(SOURCE).text
        _, applied = await editor.pick_fix(diagnostic)
        assert applied
        assert editor.text(SOURCE) != before
        command = types.ExecuteCommandParams("trueup.undo")
        undone = await editor.client.workspace_execute_command_async(command)
        assert editor.text(SOURCE) == before
        assert "is undone." in str(undone)


def test_a_fix_is_undone_on_the_command_line(shop: Project, environment: dict[str, str]) -> None:
    (shop.root / "shop/odd.py").write_bytes(ODD)
    shop.put(
        "tests/test_odd.py", "from shop.odd import one\n\n\ndef test_one():\n    assert one()\n"
    )
    python = ("--interpreter", str(shop.interpreter))
    fixed, said = trueup(
        shop.root, environment, "fix", "shop/odd.py", "--apply", "--trust", *python
    )
    assert fixed == 0, said
    assert (shop.root / "shop/odd.py").read_bytes() == ODD.replace(b"import os\r\n", b"")
    _, listed = trueup(shop.root, environment, "undo", "--list", "--json")
    assert [(row["state"], row["paths"]) for row in json.loads(listed)] == [
        ("applied", ["shop/odd.py"])
    ]
    shop.put("shop/odd.py", "# my own\n")
    refused, said = trueup(shop.root, environment, "undo")
    assert (refused, "shop/odd.py changed since" in said) == (2, True)
    assert (shop.root / "shop/odd.py").read_bytes() == b"# my own\n"
    (shop.root / "shop/odd.py").write_bytes(ODD.replace(b"import os\r\n", b""))
    assert trueup(shop.root, environment, "undo")[0] == 0
    assert (shop.root / "shop/odd.py").read_bytes() == ODD
    assert trueup(shop.root, environment, "undo")[0] == 2
