"""*Verify my changes* in the editor: buffers before the disk, the index where that is asked for."""

from __future__ import annotations

import subprocess

import pytest
from lsprotocol import types

from support.sessions import SOURCE, Editing, where
from support.tiny_projects import Project
from trueup.editor import Editor
from trueup.lsp.verifying import COMMAND

PERSON = ("-c", "user.name=a", "-c", "user.email=a@example.org")


@pytest.fixture
def repository(shop: Project) -> Project:
    for arguments in (("init", "-q"), ("add", "-A"), (*PERSON, "commit", "-qm", "Begin")):
        git(shop, *arguments)
    return shop


def git(project: Project, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=project.root, check=True)


async def verify(editor: Editor, **request: object) -> dict[str, object]:
    arguments: list[types.LSPAny] = [dict(request)] if request else []
    result = await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams(COMMAND, arguments or None)
    )
    assert isinstance(result, dict)
    return result


async def test_what_is_in_the_buffers_is_judged(repository: Project, editing: Editing) -> None:
    async with editing(repository, evidence=True) as editor:
        editor.open(SOURCE)
        clean = await verify(editor)
        editor.type(SOURCE, where(editor, SOURCE, " - discount\n"), " + discount\n")
        broken = await verify(editor)
        git(repository, "add", "-A")
        staged = await verify(editor, staged=True)
        editor.type(SOURCE, where(editor, SOURCE, " + discount\n"), " - abs(discount)\n")
        fixed = await verify(editor, kind="fix")
        text, disk = editor.text(SOURCE), (repository.root / SOURCE).read_text()
    assert clean["message"] == (
        "Verify my changes: there is nothing to judge: what differs from HEAD changes nothing."
    )
    assert (broken["outcome"], broken["applied"]) == ("rejected", False)
    # Nothing was saved, so nothing is staged.
    assert staged["outcome"] == "nothing"
    assert fixed["outcome"] in {"verified", "unproven"}
    assert "abs(discount)" in text
    assert "abs" not in disk
    page, again = editor.panel.judged
    assert "tests/test_total.py::test_the_discount_is_taken_off" in page["tests"]["failed"]
    assert [item["path"] for item in page["files"]] == [SOURCE]
    assert "+    return result + discount" in str(page["diff"])
    assert again["id"] != page["id"]
    assert [item["applied"] for item in editor.panel.settled] == [False, False]


@pytest.mark.soak
async def test_a_new_file_and_what_is_staged_count(repository: Project, editing: Editing) -> None:
    source = (repository.root / SOURCE).read_text()
    repository.put(".gitignore", "made/\n")
    repository.put("made/ignored.py", "x = 1\n")
    git(repository, "add", ".gitignore")
    git(repository, *PERSON, "commit", "-qm", "Ignore")
    repository.put(SOURCE, source.replace("name.strip().title()", "name.strip().title() * 1"))
    git(repository, "add", "-A")
    repository.put(SOURCE, source.replace("name.strip().title()", "name"))
    repository.put("shop/fresh.py", "def fresh():\n    return 1\n")
    async with editing(repository) as editor:
        editor.open("made/ignored.py")
        editor.type("made/ignored.py", where(editor, "made/ignored.py", "1"), "2")
        staged = await verify(editor, staged=True)
        tree = await verify(editor)
    assert staged["outcome"] != "rejected", staged["message"]
    assert tree["outcome"] == "rejected"
    (logged,) = [text for text in editor.logged if "shop/fresh.py" in text]
    assert "+++ b/shop/fresh.py" in logged
    assert "made/ignored.py" not in logged
