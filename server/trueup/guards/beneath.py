"""Files below a folder, never through a link.

A path is walked one component at a time, each opened relative to the folder before it and none of
them followed where it is a link: what was looked at is what is read, also when somebody swaps a
folder for a link in between. This is what Linux calls RESOLVE_BENEATH with RESOLVE_NO_SYMLINKS
(openat2(2)), in calls that every POSIX system has. Where there are none of these, the resolved path
is compared instead, which somebody quick enough could outrun.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import InputError

_WALKS: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
# Not blocking: to open a named pipe would wait for somebody to write to it.
_FILE: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def read(root: str | Path, path: str, bytes_max: int) -> bytes:
    """The bytes of a regular file. Raises InputError where the path leads out of `root` or over a
    link, where it is no file or a longer one; OSError where the system cannot read it.
    """
    descriptor = _opened(Path(root), path)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is not a file")
        if status.st_size > bytes_max:
            raise InputError(f"{path} is larger than {bytes_max // 1024} KiB")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            # One more than allowed, so that a file that grows meanwhile is noticed.
            raw = file.read(bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(raw) > bytes_max:
        raise InputError(f"{path} is larger than {bytes_max // 1024} KiB")
    return raw


def _opened(root: Path, path: str) -> int:
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or path.startswith("/") or "\0" in path:
        raise InputError(f"{path} leads out of the workspace")
    if not _WALKS:
        if root.joinpath(path).resolve() != root.resolve().joinpath(path):
            raise InputError(f"{path} leads through a link")
        return os.open(root / path, _FILE)
    folder = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = _open_in(folder, part, _FOLDER, path)
            os.close(folder)
            folder = inner
        return _open_in(folder, parts[-1], _FILE, path)
    finally:
        os.close(folder)


def _open_in(folder: int, part: str, flags: int, path: str) -> int:
    try:
        return os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as problem:
        # A link to a folder is "not a directory" where only directories are opened.
        is_link = problem.errno in {errno.ELOOP, errno.EMLINK, errno.ENOTDIR} and stat.S_ISLNK(
            os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
        )
        if is_link:
            raise InputError(f"{path} leads through a link") from None
        raise
