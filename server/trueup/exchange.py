"""Two files of one folder that take each other's names in one step, where the system can do that.

Whoever replaces a file by a rename throws away what was written to it since it was last read. An
exchange throws nothing away: what was replaced is there to be looked at, and can be put back. Knows
names and open files, nothing of what is in them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

_AT_FDCWD: Final = {"linux": -100, "darwin": -2}
_CALLS: Final = {"linux": "renameat2", "darwin": "renameatx_np"}
_EXCHANGE: Final = 2
"""RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS are the same number."""
_MISSING: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM})


def exchange(one: Path, other: Path) -> bool:
    """Whether both files have changed names; False where this system or its disk cannot.

    Raises OSError, FileNotFoundError where one of them is gone.
    """
    call = _call()
    if call is None:
        return False
    here = _AT_FDCWD[sys.platform]
    if call(here, os.fsencode(one), here, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    # What is missing is the call itself, or a file system that knows it.
    if number in _MISSING:
        return False
    raise OSError(number, os.strerror(number), str(one))


@cache
def _call() -> Callable[..., int] | None:
    name = _CALLS.get(sys.platform)
    if name is None:
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), name, None)


def is_being_written(path: Path) -> bool:
    """Whether somebody has the file open for writing; False where this system does not tell.

    Linux tells by a lease, which it gives on no file that is open for writing.
    """
    if sys.platform != "linux":
        return False
    with path.open("rb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        except OSError:
            # A disk without leases, or a file of somebody else.
            return False
    return False


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """One of our own writers in a folder at a time, on POSIX. The lock is advisory and leaves no
    file.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Not on a disk without locks; what others write is looked at all the same.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
