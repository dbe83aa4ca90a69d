"""Reading and replacing files of a workspace without following a link anywhere.

A file is replaced whole or not at all, and only while it holds what the caller believes it holds. A
link, a file with a second name, and one that may not be written are refused: through the first two
a change would reach where nobody looked, and the third is somebody's decision.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from secrets import token_hex
from typing import Final

from trueup import InputError

_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
TEMPORARY: Final = ".trueup-"
"""How the names of files begin that are not finished."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The calls that fail on a bad disk."""

    write: Callable[[int, bytes], int] = os.write
    fsync: Callable[[int], None] = os.fsync
    rename: Callable[..., None] = os.rename
    unlink: Callable[..., None] = os.unlink


KERNEL: Final = Kernel()


def write_all(handle: int, raw: bytes, kernel: Kernel = KERNEL) -> None:
    """Write and wait until the disk has it. Raises OSError."""
    while raw:
        raw = raw[kernel.write(handle, raw) :]
    kernel.fsync(handle)


def read(root: str, path: str) -> bytes | None:
    """The bytes of a file, None where there is none. Raises InputError, with the reason."""
    with _errors(path), _parent(root, path) as parent:
        return _read(parent, PurePosixPath(path).name, path)[0] if parent is not None else None


def replace(
    root: str, path: str, old: bytes | None, new: bytes | None, kernel: Kernel = KERNEL
) -> bool:
    """Make the file hold `new` where it holds `old`; None stands for no file. Whether it did.

    Raises InputError, with the reason; then the file is as it was.
    """
    name = PurePosixPath(path).name
    with _errors(path), _parent(root, path) as parent:
        if parent is None:
            return False
        held, before = _read(parent, name, path)
        if held != old:
            return False
        if before is not None and not before.st_mode & 0o222:
            raise InputError(f"{path} is read-only")
        if new is None:
            if before is not None:
                kernel.unlink(name, dir_fd=parent)
        else:
            _put(parent, name, new, before, kernel)
        # What was written is on the disk already; that its name is, no failure can take back.
        with contextlib.suppress(OSError):
            kernel.fsync(parent)
        return True


def sweep(root: str, path: str) -> None:
    """Remove what a process that was killed left unfinished beside a file of ours."""
    with contextlib.suppress(InputError, OSError), _parent(root, path) as parent:
        for name in os.listdir(parent) if parent is not None else ():  # noqa: PTH208 - by handle
            if re.fullmatch(rf"{re.escape(TEMPORARY)}[0-9a-f]{{16}}", name):
                os.unlink(name, dir_fd=parent)


def _put(parent: int, name: str, new: bytes, before: os.stat_result | None, kernel: Kernel) -> None:
    made = f"{TEMPORARY}{token_hex(8)}"
    handle = os.open(made, _CREATE, 0o600, dir_fd=parent)
    try:
        try:
            write_all(handle, new, kernel)
            os.fchmod(handle, stat.S_IMODE(before.st_mode) if before is not None else 0o644)
            if before is not None:
                # Nobody but root may give files away, and only to root does it matter.
                with contextlib.suppress(PermissionError):
                    os.fchown(handle, before.st_uid, before.st_gid)
        finally:
            os.close(handle)
        _still(parent, name, before)
        kernel.rename(made, name, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(made, dir_fd=parent)
        raise


def _still(parent: int, name: str, before: os.stat_result | None) -> None:
    """Raises InputError where the file is not the one that was read."""
    if _identity(parent, name) != (_identity_of(before) if before is not None else None):
        raise InputError(f"{name} was changed at this moment")


def _identity(parent: int, name: str) -> tuple[int, ...] | None:
    try:
        return _identity_of(os.stat(name, dir_fd=parent, follow_symlinks=False))
    except FileNotFoundError:
        return None


def _identity_of(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


def _read(parent: int, name: str, path: str) -> tuple[bytes | None, os.stat_result | None]:
    try:
        handle = os.open(name, _READ, dir_fd=parent)
    except FileNotFoundError:
        return None, None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path} is not a file")
        if found.st_nlink > 1:
            raise InputError(f"{path} has a second name elsewhere (a hard link)")
        return file.read(), found


@contextmanager
def _parent(root: str, path: str) -> Iterator[int | None]:
    """The folder of `path`, reached without a link below `root`; None where there is none."""
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or PurePosixPath(path).is_absolute():
        raise InputError(f"{path} leads out of the workspace")
    with contextlib.ExitStack() as opened:
        at: int | None = None
        for part in (root, *parts[:-1]):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            # The root itself is where the user opened it, over links or not.
            flags |= 0 if at is None else os.O_NOFOLLOW
            try:
                at = os.open(part, flags, dir_fd=at)
            except FileNotFoundError:
                at = None
                break
            opened.callback(os.close, at)
        yield at


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        # ELOOP and ENOTDIR: what was opened without following links is one.
        linked = problem.errno in {40, 20}
        why = "it is reached over a link" if linked else problem.strerror
        raise InputError(f"{path} cannot be read or written: {why}") from None
