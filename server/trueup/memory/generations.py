"""Which file is the index now, and who may write it.

In one folder of the user's cache, by project and by what an index looks like, so that two
versions of Trueup do not take turns in building it anew: database files that are never renamed, a
file CURRENT with the name of one of them, and a lock. Whoever builds the index anew makes another
file and then points CURRENT at it; readers go on with the old one until they look again. The lock
goes with the process that holds it, however that ends. All of it can be deleted at any moment.

Raises OSError where the folder cannot be used. The lock is advisory, of POSIX.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from trueup.files import write_atomically
from trueup.settings import cache_folder

CURRENT: Final = "CURRENT"
LEASE: Final = "writer.lock"
_NAME: Final = re.compile(r"index-[0-9a-f]{16}\.db")
_FILE: Final = re.compile(r"index-[0-9a-f]{16}\.db(?:-wal|-shm|-journal)?")


def folder_of(root: str, schema: str) -> Path:
    """Where the index of the project at `root` is kept; links are resolved, so one for each."""
    real = os.path.realpath(root)
    return cache_folder() / "index" / sha256(os.fsencode(real)).hexdigest()[:16] / schema


class Generations:
    """The files of one project's index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Path | None:
        """The database that counts, None where none does."""
        try:
            name = (self.folder / CURRENT).read_bytes()[:64].decode("ascii", "replace").strip()
        except OSError:
            return None
        if not _NAME.fullmatch(name):
            return None
        return self.folder / name

    def begin(self) -> Path:
        """The name of a new database; nobody reads it until `publish`."""
        return self.folder / f"index-{secrets.token_hex(8)}.db"

    def publish(self, made: Path) -> None:
        """Let `made` count from now on, and remove all that did before."""
        # Pages that the disk does not hold yet would be missed after a power failure.
        with made.open("rb") as file:
            os.fsync(file.fileno())
        write_atomically(self.folder / CURRENT, made.name.encode())
        self.clean()

    def clean(self) -> None:
        """Remove what does not count; who has it open keeps what they have open."""
        current = self.current()
        kept = current.name if current is not None else ""
        for path in self.folder.iterdir():
            own = _FILE.fullmatch(path.name) is not None
            if own and not (kept and path.name.startswith(kept)):
                path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Let no database count."""
        (self.folder / CURRENT).unlink(missing_ok=True)

    @contextmanager
    def lease(self, *, wait: bool) -> Iterator[bool]:
        """Whether this process may write for as long as the context lasts.

        `wait` until it may; without that, no is an answer.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / LEASE).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True
