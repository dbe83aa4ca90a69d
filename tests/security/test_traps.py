"""Nothing of a folder runs, and nothing is sent, before it is trusted; and then it stays inside.

All programs and connections of our processes are seen by the kernel (see `support.supervised`), and
each trap leaves a mark of its own outside of the workspace where it runs.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lsprotocol import types
from ruff import find_ruff_bin

from cases.literate import Draft, drafts_in
from security.corpora import FOLDER
from support.supervised import Log, supervised
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup.editor import Editor
from trueup.lsp.convert import uri_of

TRAPS = drafts_in(FOLDER / "traps.md")
SHOP = "import os\n\n\ndef add(a, b):\n    return a + b\n"
TEST_SHOP = "from shop import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
TRUEUP = str(Path(sys.executable).parent / "trueup")
MODULES = next(n for n, draft in enumerate(TRAPS) if draft.title.startswith("Modules with"))
"""The folder that the editor is started in, from which a careless `python -m` imports."""
OWN = (sys.executable, TRUEUP, find_ruff_bin())


@dataclass
class Snare:
    """Where traps leave their marks, and where they connect to."""

    marks: Path
    listening: socket.socket
    environment: dict[str, str]
    roots: list[Path] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    @property
    def connected(self) -> int:
        """How many connections wait to be accepted."""
        found = 0
        while True:
            try:
                self.listening.accept()[0].close()
            except BlockingIOError:
                return found
            found += 1

    def set(self, draft: Draft, root: Path) -> None:
        mark = self.marks / f"{TRAPS.index(draft)}"
        connect = f"socket.create_connection(('127.0.0.1', {self.port}), 2)"
        python = f"import socket; open('{mark}', 'a').close(); {connect}"
        shell = f"touch {mark}; echo x > /dev/tcp/127.0.0.1/{self.port}"
        for block in draft.blocks:
            text = block.text
            for name, value in (
                ("@PYTHON@", python), ("@SHELL@", shell), ("@PORT@", str(self.port)),
                ("@ROOT@", str(root)),
            ):  # fmt: skip
                text = text.replace(name, value)
            file = root / block.attribute("path")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            file.chmod(int(block.attribute("mode") or "644", 8))
        put(root, "shop.py", SHOP)
        put(root, "tests/test_shop.py", TEST_SHOP)
        put(root, "pyproject.toml", '[project]\nname = "trap"\nversion = "1"\n')
        self.roots.append(root)


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


@pytest.fixture
def snare(tmp_path: Path) -> Iterator[Snare]:
    (tmp_path / "marks").mkdir()
    kept = {"PATH", "HOME", "LANG"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    for name in ("STATE", "CACHE", "CONFIG"):
        environment[f"XDG_{name}_HOME"] = str(tmp_path / name)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield Snare(tmp_path / "marks", listening, environment)


def nothing_happened(snare: Snare, log: Log, *own: str) -> None:
    ran = [TRAPS[int(mark.name)].title for mark in snare.marks.iterdir()]
    assert not ran
    assert log.foreign(*OWN, *own) == set()
    assert log.connections == []
    assert snare.connected == 0


@asynccontextmanager
async def opened(root: Path, snare: Snare, log: Log) -> AsyncIterator[Editor]:
    editor = Editor(root, answers=frozenset())
    await editor.start({}, snare.environment, command=(*log.launcher, TRUEUP, "serve"))
    try:
        yield editor
    finally:
        await editor.stop()


async def looked_at(editor: Editor, root: Path) -> str:
    """Everything that a person does with a file; what came of the one action of the light bulb."""
    uri = uri_of(root / "shop.py")
    client, item = editor.client, types.TextDocumentIdentifier(uri)
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "python", 1, SHOP))
    )
    place, area = types.Position(3, 5), types.Range(types.Position(0, 0), types.Position(0, 9))
    change = types.TextDocumentContentChangeWholeDocument(SHOP + "\n# more\n")
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(2, uri), [change])
    )
    client.text_document_did_save(types.DidSaveTextDocumentParams(item))
    await client.text_document_hover_async(types.HoverParams(item, place))
    await client.text_document_code_lens_async(types.CodeLensParams(item))
    await client.text_document_diagnostic_async(types.DocumentDiagnosticParams(item))
    unused = types.Diagnostic(area, "`os` imported but unused", code="F401", source="Ruff")
    invoked = types.CodeActionContext([unused], trigger_kind=types.CodeActionTriggerKind.Invoked)
    found = await client.text_document_code_action_async(
        types.CodeActionParams(item, area, invoked)
    )
    fixes = [offer for offer in found or () if offer.title.startswith("Fix F401")]
    assert isinstance(fixes[0], types.CodeAction), found
    assert fixes[0].command is not None
    command = fixes[0].command
    done = await client.workspace_execute_command_async(
        types.ExecuteCommandParams(command.command, command.arguments)
    )
    return str(done["outcome"])


async def test_an_editor_opens_them_all(snare: Snare, tmp_path: Path) -> None:
    for number, draft in enumerate(TRAPS):
        snare.set(draft, tmp_path / "traps" / str(number))
    with supervised() as log:
        async with opened(snare.roots[MODULES], snare, log) as editor:
            outcomes = [await looked_at(editor, root) for root in snare.roots]
            asked = list(editor.asked)
    # The change was proposed and judged; that it stayed unproven is because nothing ran.
    assert set(outcomes) == {"unproven"}
    assert any("wants to run the tests of" in question for question in asked)
    assert log.starts
    nothing_happened(snare, log)


@pytest.fixture
def everything(snare: Snare, tmp_path: Path) -> Path:
    """All traps in one repository, as far as they do not overwrite each other."""
    root = tmp_path / "everything"
    root.mkdir()
    git(root, "init", "-q")
    put(root, "README.md", "A project.\n")
    put(root, "shop.py", SHOP.replace("a + b", "b + a"))
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "Begin")
    (root / "shop.py").write_text(SHOP)
    own = (root / ".git" / "config").read_text()
    for draft in TRAPS:
        snare.set(draft, root)
        config = root / ".git" / "config"
        if config.read_text() != own:
            own += config.read_text().replace("\trepositoryformatversion = 0\n", "")
            config.write_text(own)
    removed = "@@ -1,5 +1,2 @@\n-import os\n-\n-\n def add(a, b):\n     return a + b\n"
    (root / "change").write_text(f"--- a/shop.py\n+++ b/shop.py\n{removed}")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, timeout=30)


COMMANDS = ("verify", "fix shop.py:1")


async def test_commands_without_a_terminal_run_nothing_either(
    snare: Snare, everything: Path
) -> None:
    told: dict[str, str] = {}
    with supervised() as log:
        for command in COMMANDS:
            process = await asyncio.create_subprocess_exec(
                *log.launcher, sys.executable, "-P", "-m", "trueup", *command.split(),
                cwd=everything, env=snare.environment,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            said, _ = await asyncio.wait_for(process.communicate(), 120)
            assert b"Traceback" not in said, said.decode()
            told[command] = said.decode()
    # They came as far as to have wanted to run something.
    assert "not trusted" in told["fix shop.py:1"]
    nothing_happened(snare, log, *own_programs_of_git())


def own_programs_of_git() -> list[str]:
    executed = subprocess.check_output(["git", "--exec-path"], text=True).strip()
    programs = [str(path) for path in Path(executed).iterdir()]
    return [*programs, *(str(Path(folder, "git")) for folder in os.get_exec_path())]


async def test_what_is_trusted_stays_inside(snare: Snare, everything: Path, tmp_path: Path) -> None:
    """The traps run now, where what they write is thrown away and where nobody listens."""
    interpreter = make_environment(tmp_path / "environment", PYTEST_AND_ITS_NEEDS)
    process = await asyncio.create_subprocess_exec(
        TRUEUP, "verify", "--trust", "--json", "--diff", "change",
        "--interpreter", str(interpreter),
        cwd=everything, env=snare.environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert b'"isolation": "namespaces' in said, said.decode()
    assert list(snare.marks.iterdir()) == []
    assert snare.connected == 0


def test_there_are_enough_traps() -> None:
    assert len(TRAPS) >= 25
