"""The Python files of a project: what the file system says of each, and what is in one.

Follows no link out of the project, and goes where `workspace.python_files` goes.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from trueup import workspace
from trueup.memory.store import Known, Stamp

SUFFIX: Final = ".py"
FILE_BYTES_MAX: Final = 2 * 1024 * 1024
"""Longer files are taken for empty."""
TICK_NS: Final = 100_000_000
"""A file that changed this shortly before it was read may change again without another stamp."""
_DIGEST_BYTES: Final = 16


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


def known_now(root: str, path: str, stamp: Stamp) -> tuple[Known, bytes | None]:
    """The file as it is read now, with the stamp from before it was read."""
    settled = time.time_ns() > max(stamp.mtime_ns, stamp.ctime_ns) + TICK_NS
    raw = bytes_of(root, path)
    return Known(stamp, settled, b"" if raw is None else digest_of(raw)), raw


def bytes_of(root: str, path: str) -> bytes | None:
    """What is in a file; None where it cannot be read."""
    try:
        with Path(root, path).open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError:
        return None
    return raw if len(raw) <= FILE_BYTES_MAX else b""


def digest_of(raw: bytes) -> bytes:
    """What tells two contents apart."""
    return hashlib.blake2b(raw, digest_size=_DIGEST_BYTES).digest()


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
