"""Which paths an edit may touch: spellings, links, and the same through the gate."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cases.literate import Draft, drafts_in
from security.corpora import FOLDER, lines_of
from trueup import StaleError
from trueup.guards import permission
from trueup.guards.permission import Permission
from trueup.lsp import apply
from trueup.suggestion import NewFile

KINDS = {
    "refused": Permission.REFUSED,
    "confirmed": Permission.CONFIRM,
    "allowed": Permission.ALLOWED,
}
SPELLINGS = [(word, path) for word in KINDS for _, path in lines_of("paths.md", word)]


@pytest.mark.parametrize(("word", "path"), SPELLINGS, ids=lambda value: ascii(value)[1:-1])
def test_spellings(word: str, path: str, tmp_path: Path) -> None:
    found = permission.ruling(str(tmp_path), path)
    assert found.permission is KINDS[word], found
    assert bool(found.says) == (word != "allowed")


def test_there_are_enough_spellings() -> None:
    words = [word for word, _ in SPELLINGS]
    assert words.count("refused") >= 120
    assert len(set(SPELLINGS)) == len(SPELLINGS)


@pytest.mark.parametrize("folder", ["src", "a/b", "."])
def test_a_refused_file_is_refused_in_every_folder(folder: str) -> None:
    """But roots and home folders, which are such at the beginning only."""
    for word, path in SPELLINGS:
        if word == "refused" and path and path.lstrip("/~") == path:
            found = permission.ruling("/nowhere", f"{folder}/{path}")
            assert found.permission is Permission.REFUSED, path


@pytest.mark.parametrize("draft", drafts_in(FOLDER / "links.md"), ids=lambda draft: draft.title)
def test_links(draft: Draft, tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    (root / "src").mkdir(parents=True)
    (root / "src" / "shop.py").write_text("x = 1\n")
    (tmp_path / "outside.py").write_text("secret = 1\n")
    made, asked = draft.blocks
    for line in made.text.splitlines():
        make(root, line.split())
    for line in asked.text.splitlines():
        path, _, says = line.partition(": ")
        found = permission.ruling(str(root), path)
        assert found.says == says, found
        assert found.permission is (Permission.REFUSED if says else Permission.ALLOWED)


async def test_a_new_file_is_not_put_behind_a_link(tmp_path: Path) -> None:
    """Not even one that we write ourselves, where the editor cannot."""
    root, outside = tmp_path / "workspace", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "tests").symlink_to(outside)
    with pytest.raises(StaleError, match="lies outside the workspace"):
        await apply.create(str(root), (NewFile("tests/test_new.py", "x = 1\n"),), None)
    assert list(outside.iterdir()) == []


def make(root: Path, words: list[str]) -> None:
    """One line as a shell reads it; paths are those of the workspace."""
    match words:
        case ["ln", "-s", target, name]:
            (root / name).symlink_to(target)
        case ["ln", target, name]:
            (root / name).hardlink_to(root / target)
        case ["mkfifo", name]:
            os.mkfifo(root / name)
        case ["mkdir", name]:
            (root / name).mkdir(parents=True)
        case _:
            raise AssertionError(words)
