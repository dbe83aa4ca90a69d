"""The Python files of a project with what the file system says of each; reads no contents.

Follows no link out of the project, and goes where `workspace.python_files` goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from trueup import workspace
from trueup.memory.store import Stamp

SUFFIX: Final = ".py"


def sweep(root: str) -> dict[str, Stamp]:
    """Every Python file by its path relative to `root`; at most workspace.FILES_MAX."""
    return dict(islice(_below(root, root, ""), workspace.FILES_MAX))


def look(root: str, path: str) -> Stamp | None:
    """One file, None where it is not a file of the project (any more)."""
    file = Path(root, path)
    try:
        if not file.is_file() or (file.is_symlink() and workspace.relative(root, file) is None):
            return None
        return _stamp(file.stat())
    except OSError:
        return None


def _below(root: str, folder: str, prefix: str) -> Iterator[tuple[str, Stamp]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    if prefix and any(entry.name == "pyvenv.cfg" for entry in found):
        return
    for entry in found:
        path = f"{prefix}{entry.name}"
        try:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in workspace.SKIPPED_FOLDERS and not entry.name.startswith("."):
                    yield from _below(root, entry.path, f"{path}/")
            elif entry.name.endswith(SUFFIX) and (stamp := _of_entry(root, path, entry)):
                yield path, stamp
        except OSError:
            # It went while we looked.
            continue


def _of_entry(root: str, path: str, entry: os.DirEntry[str]) -> Stamp | None:
    if entry.is_symlink():
        return look(root, path)
    return _stamp(entry.stat()) if entry.is_file() else None


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_mtime_ns, status.st_ctime_ns, status.st_size)
