"""Our own scripts run where the tests run, in every mode."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.tiny_projects import Project
from trueup.runner import process
from trueup.runner.results import RunStatus, ScriptRequest

SCRIPT = """
def main(root, task, send):
    import shop.price

    send("sum", shop.price.add(*task["numbers"]), open(root + "/notes.txt").read())
    if task.get("fail"):
        raise OSError("no more")
"""


@pytest.mark.parametrize("mode", ["namespaces", "landlock", "bare", "spawn"])
@pytest.mark.parametrize("place", ["elsewhere", "workspace", "environment"])
async def test_a_script_sees_the_change(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    place: str,
) -> None:
    top = {"elsewhere": tmp_path, "workspace": project.root, "environment": tmp_path / "venv"}
    if place == "environment":
        shutil.copytree(project.interpreter.parent.parent, tmp_path / "venv", symlinks=True)
        project = Project(project.root, tmp_path / "venv" / "bin" / "python")
    folder = top[place] / "agent"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "sums.py").write_text(SCRIPT)
    shutil.copy(process.AGENT, folder)
    monkeypatch.setattr(process, "AGENT", folder / "agent.py")
    changed = {"shop/price.py": b"def add(a, b):\n    return a - b\n", "notes.txt": b"new"}
    async with project.session(mode) as session:
        answer = await session.ask(ScriptRequest("sums", {"numbers": [1, 2]}, changed))
        failed = await session.ask(ScriptRequest("sums", {"numbers": [1, 2], "fail": 1}, changed))
    assert (answer.status, answer.said) == (RunStatus.FINISHED, (("sum", -1, "new"),)), answer
    assert (failed.status, failed.reason) == (RunStatus.UNAVAILABLE, "OSError: no more")
