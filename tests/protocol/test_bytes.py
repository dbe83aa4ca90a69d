"""A closed file keeps every byte that was not meant, with an editor that keeps none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from support.model_editor import Kind, ModelEditor
from support.small_changes import MARK, make, suggestion
from trueup import StaleError, workspace
from trueup.lsp import apply, changes
from trueup.lsp.transport import Server
from trueup.undo.journal import Journal

SERVER = Server("trueup", "0")
HEADS = {
    "utf-8": b"",
    "utf-8-sig": b"\xef\xbb\xbf",
    "latin-1": b"# -*- coding: latin-1 -*-\n",
    "cp1252": b"#!/usr/bin/python\r\n# vim: set fileencoding=cp1252 :\r\n",
}
LINES = st.lists(
    st.sampled_from(("x = 1", "# \xe9t\xe9", "", "\x0c", "    y", "# \x85")), min_size=1, max_size=6
)
ENDS = st.sampled_from(("\n", "\r\n", "\r"))
FILES = st.tuples(st.sampled_from(sorted(HEADS)), LINES, st.lists(ENDS, min_size=6, max_size=6))


class Spoiling(ModelEditor):
    """Takes everything for UTF-8, makes line ends alike, and ends the last line."""

    def _edit(self, change: dict[str, object]) -> None:
        super()._edit(change)
        file = self.root / self._path(change)
        text = file.read_bytes().decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        crlf = b"\r\n" in file.read_bytes()
        lines = text.removesuffix("\n") + "\n"
        file.write_bytes(lines.replace("\n", "\r\n" if crlf else "\n").encode())


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ECHO_SECONDS", 0.0)
    monkeypatch.setattr(apply, "ECHO_SECONDS", 0.01)


@settings(max_examples=15)
@given(FILES, st.booleans())
def test_every_byte_that_was_not_meant_is_kept(
    file: tuple[str, list[str], list[str]], ended: bool
) -> None:
    encoding, lines, ends = file
    text = "".join(line + end for line, end in zip(lines, ends, strict=False))
    if not ended:
        text = text.removesuffix(ends[len(lines) - 1])
    assume(text)
    codec = "utf-8" if encoding.startswith("utf") else encoding
    raw = HEADS[encoding] + text.encode(codec, "replace")
    with TemporaryDirectory() as made:
        root = Path(made).resolve()
        (root / "a.py").write_bytes(raw)
        document = workspace.read(str(root), "a.py")
        asyncio.run(applied(root))
        mark, bare = f"{MARK}{document.newline}".encode(), raw.removeprefix(b"\xef\xbb\xbf")
        now = raw[: len(raw) - len(bare)] + mark + bare + mark
        assert (root / "a.py").read_bytes() == now
        asyncio.run(undone(root))
        assert (root / "a.py").read_bytes() == raw


async def applied(root: Path) -> None:
    editor = Spoiling(root, Kind.GOOD, SERVER)
    editor.connect()
    wanted = suggestion(workspace.read(str(root), "a.py"))
    await make(SERVER, str(root), wanted, SERVER.client)


async def undone(root: Path) -> None:
    editor = Spoiling(root, Kind.GOOD, SERVER)
    editor.connect()
    await SERVER.changes.undo(Journal().changes(str(root))[0].number)


async def test_a_change_that_the_encoding_cannot_hold(tmp_path: Path) -> None:
    raw = b"# -*- coding: latin-1 -*-\nname = '\xe9'\n"
    (tmp_path / "a.py").write_bytes(raw)
    wanted = suggestion(workspace.read(str(tmp_path), "a.py"))
    edit = wanted.candidate.edits[0]
    odd = "# \N{SNOWMAN}\n"
    object.__setattr__(edit, "replacement", odd)
    ModelEditor(tmp_path, Kind.GOOD, SERVER).connect()
    with pytest.raises(StaleError, match="cannot hold the change: it is iso-8859-1"):
        await make(SERVER, str(tmp_path), wanted, SERVER.client)
    assert (tmp_path / "a.py").read_bytes() == raw
    assert Journal().changes(str(tmp_path)) == ()
