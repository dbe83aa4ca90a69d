"""The disk as documents: encodings, limits, links, and whose interpreter it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trueup import InputError, workspace
from trueup.files import write_atomically
from trueup.snapshot import Document, Snapshot


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        ("x = 'é'\n".encode(), "x = 'é'\n", "utf-8"),
        ("\ufeffx = 'é'\n".encode(), "x = 'é'\n", "utf-8-sig"),
        (b"# coding: latin-1\nx = '\xe9'\n", "# coding: latin-1\nx = 'é'\n", "iso-8859-1"),
        (b"#!/bin/x\n# vim: fileencoding=cp1252\n'\x80'\n",
         "#!/bin/x\n# vim: fileencoding=cp1252\n'€'\n", "cp1252"),
        (b"a\r\nb\rc\n", "a\r\nb\rc\n", "utf-8"),
        (b"", "", "utf-8"),
    ],
)  # fmt: skip
def test_a_document_becomes_the_same_bytes_again(
    raw: bytes, text: str, encoding: str, tmp_path: Path
) -> None:
    Path(tmp_path, "m.py").write_bytes(raw)
    document = workspace.read(str(tmp_path), "m.py")
    assert (document.text, document.encoding) == (text, encoding)
    assert document.to_bytes() == raw
    assert workspace.disk_encoding(str(tmp_path), "m.py") == encoding
    assert workspace.unsaved(Snapshot.of(str(tmp_path), [document])) == {}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"\n\nx = '\xff'\n", "m.py is not text in its own encoding"),
        (b"# coding: rot13\nx = 1\n", "m.py is not text in its own encoding"),
        (b"# coding: undefined\nx = 1\n", "m.py is not text in its own encoding"),
        (b"# coding: no-such\n", "its encoding is not known: unknown encoding: no-such"),
        (b"#" * (workspace.FILE_BYTES_MAX + 1), "m.py is larger than 2048 KiB"),
    ],
    ids=["bytes", "codec", "undefined", "unknown", "large"],
)
def test_what_is_no_python_text_is_one_sentence(raw: bytes, sentence: str, tmp_path: Path) -> None:
    Path(tmp_path, "m.py").write_bytes(raw)
    with pytest.raises(InputError) as raised:
        workspace.read(str(tmp_path), "m.py")
    assert str(raised.value) == sentence


@pytest.mark.parametrize("kind", ["folder", "absent", "pipe"])
def test_what_is_not_a_file_is_not_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(InputError, match=r"m\.py is not a file"):
        workspace.read(str(tmp_path), "m.py")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("link.py", "leads through a link"),
        ("../outside.py", "leads out of the workspace"),
        ("folder/../../outside.py", "leads out of the workspace"),
    ],
)
def test_nothing_outside_of_the_workspace_is_read(path: str, why: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "outside.py").write_text("secret = 1\n")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(InputError, match=why):
        workspace.read(str(root), path)
    assert workspace.relative(str(root), root / path) is None


def test_which_files_belong_to_a_project(tmp_path: Path) -> None:
    for path in ("a.py", "src/b.py", "src/c.txt", ".git/d.py", "node_modules/e.py", "my/pyvenv.cfg",
                 "my/lib/f.py", "__pycache__/g.py"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "linked").symlink_to(tmp_path / "src")
    assert workspace.python_files(str(tmp_path)) == ("a.py", "src/b.py")


def test_the_root_is_the_nearest_project(tmp_path: Path) -> None:
    (tmp_path / "one/.git").mkdir(parents=True)
    (tmp_path / "one/two/three").mkdir(parents=True)
    (tmp_path / "one/two/pyproject.toml").touch()
    assert workspace.root_of(tmp_path / "one/two/three/m.py") == tmp_path / "one/two"
    assert workspace.root_of(tmp_path / "one/m.py") == tmp_path / "one"


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_the_interpreter_is_the_projects_own(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert workspace.interpreter_of(root) is None
    last = executable(tmp_path / "env/bin/python")
    assert workspace.interpreter_of(root) == last
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").touch(mode=0o644)
    assert workspace.interpreter_of(root) == last
    first = executable(tmp_path / "venv/bin/python")
    assert workspace.interpreter_of(root) == first


def test_the_users_choice_goes_first_and_is_never_replaced(tmp_path: Path) -> None:
    executable(tmp_path / ".venv/bin/python")
    chosen = executable(tmp_path / "chosen/python")
    assert workspace.interpreter_of(str(tmp_path), str(chosen)) == chosen
    assert workspace.interpreter_of(str(tmp_path), str(tmp_path / "absent")) is None
    assert workspace.interpreter_of(str(tmp_path), str(tmp_path)) is None


def test_unsaved_is_what_differs_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "same.py").write_text("x = 1\n")
    (tmp_path / "other.py").write_text("x = 1\n")
    texts = {"same.py": "x = 1\n", "other.py": "x = 2\n", "new.py": "x = 3\n"}
    snapshot = Snapshot.of(str(tmp_path), [Document(*item) for item in texts.items()])
    assert workspace.unsaved(snapshot) == {"other.py": b"x = 2\n", "new.py": b"x = 3\n"}


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder/file"
    write_atomically(path, b"one")
    write_atomically(path, b"two", mode=0o644)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o777 == 0o700
    target = tmp_path / "folder/taken"
    target.mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomically(target, b"three")
    assert sorted(item.name for item in path.parent.iterdir()) == ["file", "taken"]
