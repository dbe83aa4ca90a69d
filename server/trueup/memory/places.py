"""Where a project keeps its decisions, and all of them as they are on disk.

Reads, never writes, and follows no link out of the project. What an editor holds open counts
before the disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from trueup import workspace
from trueup.architecture.contracts import Source
from trueup.architecture.modules import source_roots
from trueup.memory.consistency import problems_between
from trueup.memory.decisions import Decision, Decisions, Problem
from trueup.memory.instructions import read_instructions
from trueup.memory.reading import Read, read_decision
from trueup.memory.yaml_text import Node, Sequence, Table, Text, YamlError
from trueup.memory.yaml_text import read as read_yaml

FILE_BYTES_MAX: Final = 256 * 1024
DECISIONS_MAX: Final = 20_000
DEPTH_MAX: Final = 4
"""Folders below the one with the decisions; MADR sorts them by category."""
INSTRUCTION_FOLDERS_MAX: Final = 5000

OURS: Final = "docs/decisions"
FOLDERS: Final = (
    OURS, "docs/adr", "docs/adrs", "docs/ADR", "doc/adr", "doc/decisions", "docs/architecture/adr",
    "docs/architecture/decisions", "doc/architecture/decisions", "docs/design/decisions",
    "architecture/decisions", "adr", "adrs", "decisions",
)  # fmt: skip
_NOT_ONE: Final = re.compile(r"(?i)^(readme|index|template|.*[-_.]template)\.md$")
_INSTRUCTIONS: Final = ("AGENTS.md", "CLAUDE.md")
_LAST: Final[dict[str, tuple[str, Read]]] = {}
"""The text that each path had last, and what was read from it: nothing is parsed twice."""
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def folders(root: str) -> tuple[str, ...]:
    """The folders with decisions, relative, in the order in which they are looked for; those that
    are configured (`.adr-dir`, `.log4brains.yml`) come first. Empty where there is none.
    """
    named = [*_adr_dir(root), *_log4brains(root), *FOLDERS]
    found: dict[str, str] = {}
    for folder in named:
        plain = PurePosixPath(folder.strip()).as_posix().strip("/")
        full = Path(root, plain)
        if plain in {"", "."} or ".." in plain.split("/") or not full.is_dir():
            continue
        if workspace.relative(root, full) is not None:
            # Two spellings of one folder, where the disk knows no case.
            found.setdefault(os.path.realpath(full), plain)
    return tuple(found.values())


def _small(root: str, path: str) -> str:
    file = Path(root, path)
    try:
        if not file.is_file() or file.stat().st_size > FILE_BYTES_MAX:
            return ""
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def _adr_dir(root: str) -> list[str]:
    return _small(root, ".adr-dir").splitlines()[:1]


def _log4brains(root: str) -> Iterator[str]:
    try:
        node = read_yaml(_small(root, ".log4brains.yml"))
    except YamlError:
        return
    project = _below(node, "project")
    packages = _below(project, "packages")
    items = packages.items if isinstance(packages, Sequence) else ()
    for table in (project, *items):
        folder = _below(table, "adrFolder")
        if isinstance(folder, Text):
            yield folder.value


def _below(node: Node | None, key: str) -> Node | None:
    return node.get(key) if isinstance(node, Table) else None


def load(
    root: str,
    texts: Mapping[str, str] = _NOTHING,
    *,
    absent: Collection[str] = (),
    instructions: bool = True,
) -> Decisions:
    """All decisions of a project, and pages of instructions where these are wanted.

    `texts` are files by path as an editor or a change has them; they count before the disk.
    `absent` are files of the disk that are not to be seen, but where `texts` holds them.
    """
    wanted = folders(root) or (OURS,)
    paths = {path for folder in wanted for path in _pages(root, folder)} - set(absent)
    paths |= {
        path
        for path in texts
        if path.endswith(".md")
        and any(path.startswith(f"{folder}/") for folder in wanted)
        and not _NOT_ONE.match(PurePosixPath(path).name)
    }
    decisions: list[Decision] = []
    problems: list[Problem] = []
    if len(paths) > DECISIONS_MAX:
        source = Source(wanted[0], 1)
        problems.append(Problem(source, f"only the first {DECISIONS_MAX:,} decisions are read"))
    for path in sorted(paths)[:DECISIONS_MAX]:
        read = _read(root, path, texts)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            decisions.append(read.decision)
            problems += read.problems
    problems += problems_between(tuple(decisions))
    if instructions:
        for page in _instructions(root, texts):
            if isinstance(page, Problem):
                problems.append(page)
            else:
                decisions.append(page.decision)
                problems += page.problems
    return Decisions(tuple(decisions), tuple(problems), source_roots(Path(root)))


def _read(root: str, path: str, texts: Mapping[str, str]) -> Read | Problem:
    text = texts.get(path)
    if text is None:
        found = _text_of(root, path)
        if isinstance(found, Problem):
            return found
        text = found
    last = _LAST.get(path)
    if last is not None and last[0] == text:
        return last[1]
    if len(_LAST) >= DECISIONS_MAX:
        _LAST.clear()
    read = read_decision(path, text)
    _LAST[path] = text, read
    return read


def _text_of(root: str, path: str) -> str | Problem:
    file = Path(root, path)
    source = Source(path, 1)
    try:
        if not file.is_file():
            # A pipe would never answer.
            return Problem(source, "it is not a file")
        if file.stat().st_size > FILE_BYTES_MAX:
            return Problem(source, f"a decision of more than {FILE_BYTES_MAX // 1024} KiB")
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return Problem(source, "this is not UTF-8")
    except OSError as problem:
        return Problem(source, f"it cannot be read: {problem.strerror}")


def _pages(root: str, folder: str, depth: int = 0) -> Iterator[str]:
    try:
        with os.scandir(Path(root, folder)) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        path = f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if depth < DEPTH_MAX and not entry.name.startswith("."):
                yield from _pages(root, path, depth + 1)
        elif not entry.name.endswith(".md") or _NOT_ONE.match(entry.name):
            continue
        elif not entry.is_symlink() or workspace.relative(root, Path(entry.path)) is not None:
            yield path


def _instructions(root: str, texts: Mapping[str, str]) -> Iterator[Read | Problem]:
    found = {path for path in texts if is_instructions(path)}
    for number, (folder, names, files) in enumerate(os.walk(root)):
        if number >= INSTRUCTION_FOLDERS_MAX:
            break
        names[:] = sorted(
            name
            for name in names
            if name not in workspace.SKIPPED_FOLDERS
            and (not name.startswith(".") or name == ".cursor")
            and not Path(folder, name, "pyvenv.cfg").exists()
        )
        base = Path(folder).relative_to(root).as_posix()
        for name in files:
            path = name if base == "." else f"{base}/{name}"
            if is_instructions(path):
                found.add(path)
    seen: set[str | None] = {None}
    for path in sorted(found):
        real = workspace.relative(root, Path(root, path))
        if real in seen:
            # It leads out, or is another name of one that was read: CLAUDE.md of AGENTS.md.
            continue
        seen.add(real)
        text = texts.get(path) or _text_of(root, path)
        if isinstance(text, Problem):
            yield text
        elif (read := read_instructions(path, text)) is not None:
            yield read


def is_instructions(path: str) -> bool:
    """Whether assistants read this file as instructions."""
    file = PurePosixPath(path)
    if file.name in _INSTRUCTIONS:
        return True
    return file.suffix == ".mdc" and file.parent.name == "rules" and ".cursor" in file.parts
