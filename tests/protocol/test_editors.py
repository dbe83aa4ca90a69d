"""Any order of typing, saving, applying, undoing and crashing, with editors of every kind.

Whatever happens, a file holds its base, what the change made of it, or a text that somebody else
put there; Trueup never writes over the last; and what holds the change can be taken back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run

from support.model_editor import Kind, ModelEditor
from support.small_changes import make, marked, suggestion
from trueup import InputError, StaleError
from trueup.lsp import apply, changes
from trueup.lsp.transport import Server
from trueup.snapshot import Document
from trueup.undo import disk
from trueup.undo.change import Side, standing
from trueup.undo.journal import Journal

SERVER = Server("trueup", "0")
"""Making one takes longer than all else here; what it knows is made anew for each session."""
PATHS = ("one.py", "two.py", "deep/three.py")
TEXTS = ("x = 1\n", "# ", "y = '😀'\r\n", "z")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Editors here answer at once or never."""
    monkeypatch.setattr(apply, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(apply, "ECHO_SECONDS", 0.01)
    monkeypatch.setattr(changes, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(changes, "ECHO_SECONDS", 0.01)
    monkeypatch.setattr(SERVER, "answer_seconds", 0.01)
    monkeypatch.setattr(changes, "SETTLE_SECONDS", 0.0)


class Sessions(RuleBasedStateMachine):
    """One project, one editor, and as many servers as it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.runner = asyncio.Runner()
        self.count = 0

    @initialize(kind=st.sampled_from(Kind), texts=st.permutations(TEXTS))
    def begin(self, kind: Kind, texts: list[str]) -> None:
        (self.root / "deep").mkdir()
        for path, text in zip(PATHS, texts, strict=False):
            (self.root / path).write_bytes(text.encode())
        self.editor = ModelEditor(self.root, kind, SERVER, typing=self.typed)
        self.editor.own |= set(texts)
        self.made: set[str] = set()
        self.do(self.connected())

    def typed(self, text: str) -> str:
        self.count += 1
        return f"# typed {self.count}\n{text}"

    def do(self, work: Coroutine[Any, Any, object]) -> None:
        self.runner.run(work)

    async def connected(self) -> None:
        self.editor.connect()

    @rule(path=st.sampled_from(PATHS))
    def open(self, path: str) -> None:
        self.editor.open_file(path)

    @rule(path=st.sampled_from(PATHS))
    def type_in(self, path: str) -> None:
        self.editor.type_in(path)

    @rule(path=st.sampled_from(PATHS), saving=st.booleans())
    def close(self, path: str, saving: bool) -> None:
        self.editor.close_file(path, saving=saving)

    @rule(
        paths=st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True),
        choice=st.sampled_from(("", changes.RESTORE, changes.LEAVE)),
    )
    def apply(self, paths: list[str], choice: str) -> None:
        self.editor.choice = choice
        self.do(self.applied([Document(path, self.editor.text(path) or "") for path in paths]))

    async def applied(self, documents: list[Document]) -> None:
        wanted = suggestion(*documents)
        self.made |= {marked(document) for document in documents}
        client = self.editor.server.client
        with contextlib.suppress(StaleError):
            await make(self.editor.server, str(self.root), wanted, client)
        await asyncio.gather(*self.editor.server.background)

    @rule(choice=st.sampled_from(("", changes.OTHERS)))
    def undo(self, choice: str) -> None:
        self.editor.choice = choice
        with contextlib.suppress(InputError):
            self.do(self.editor.server.changes.undo(None))

    @rule(choice=st.sampled_from(("", changes.FINISH, changes.UNDO, changes.LEAVE)))
    def crash(self, choice: str) -> None:
        """The server is gone in the middle of whatever; the editor starts another one."""
        documents = [Document(path, self.editor.text(path) or "") for path in PATHS[:2]]
        wanted = suggestion(*documents)
        server, root = self.editor.server, str(self.root)
        files = server.changes._files(root, wanted, keep=False)
        journal = Journal()
        change = journal.begin(root, "Interrupted", files)
        journal.release(change)
        self.made |= {marked(document) for document in documents}
        path = documents[0].path
        if path not in self.editor.open:
            (self.root / path).write_bytes(marked(documents[0]).encode())
        self.editor.choice = choice
        self.do(self.started_again())

    async def started_again(self) -> None:
        self.editor.connect()
        await self.editor.server.changes.look()

    @invariant()
    def every_text_is_somebodys(self) -> None:
        if not hasattr(self, "editor") or self.editor.kind in {Kind.RACY, Kind.NEOVIM}:
            # What such an editor makes of a stale edit is nobody's text; see the next one.
            return
        for path in PATHS:
            text = self.editor.text(path)
            assert text in self.editor.own | self.made

    @invariant()
    def nothing_is_left_over(self) -> None:
        left = [file.name for file in self.root.rglob("*") if disk.TEMPORARY in file.name]
        assert not left

    def teardown(self) -> None:
        """What holds the last change can be taken back, and nothing else is touched."""
        if hasattr(self, "editor"):
            self.take_back()
        self.runner.close()
        self.folder.cleanup()

    def take_back(self) -> None:
        known = Journal().changes(str(self.root))
        if not known:
            return
        self.editor.kind, self.editor.choice = Kind.GOOD, changes.OTHERS
        before = {path: self.editor.text(path) for path in PATHS}
        now = standing(known[0], before.get, Side.BASE)
        with pytest.MonkeyPatch.context() as patience, contextlib.suppress(InputError):
            # This editor answers, however busy the machine is.
            for module, name in ((changes, "ANSWER_SECONDS"), (changes, "ECHO_SECONDS")):
                patience.setattr(module, name, 30.0)
            patience.setattr(SERVER, "answer_seconds", 30.0)
            self.do(self.editor.server.changes.undo(known[0].number))
        for file in now.other:
            assert self.editor.text(file.path) == file.base
        for path in set(PATHS) - {file.path for file in now.other}:
            assert self.editor.text(path) == before[path]


@pytest.mark.parametrize("runs", [pytest.param(20, id="few"), pytest.param(10_000, id="many")])
def test_editors_of_every_kind(runs: int) -> None:
    run(Sessions, settings=settings(max_examples=runs, stateful_step_count=12, deadline=None))
