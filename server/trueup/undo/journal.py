"""The records of changes, in the user's own state folder.

A record is complete or not there. What became of its change is in its name, so that writing it down
needs no room on the disk. Whoever makes a change holds a lock on its record; one that says *sent*
and that nobody holds was interrupted. The limits below count all workspaces together.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Final

from trueup import JournalError, settings
from trueup.undo.change import Change, ChangedFile, State
from trueup.undo.disk import KERNEL, TEMPORARY, Kernel, write_all

CHANGES_MAX: Final = 200
"""Records that are kept."""
BYTES_MAX: Final = 200 * 1024 * 1024
"""Size of all records before the oldest are removed."""
CHANGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Size of one record; a larger change is not made."""
DAYS_MAX: Final = 30
"""Age of a record before it is removed, but for the last KEPT_MIN: clocks jump."""
KEPT_MIN: Final = 10

_NAME: Final = re.compile(r"(?P<number>\d{6,})-(?P<root>[0-9a-f]{16})-(?P<state>[a-z]+)\.json")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record by its name."""

    number: int
    root: str
    state: State
    path: Path


class Journal:
    """All records of this user; `folder` is made when the first is written."""

    def __init__(self, folder: Path | None = None, kernel: Kernel = KERNEL) -> None:
        self._folder = folder or settings.state_folder() / "changes"
        self._kernel = kernel
        self._held: dict[int, int] = {}

    def begin(self, root: str, title: str, files: tuple[ChangedFile, ...]) -> Change:
        """Write down a change that is about to be made, and hold its record until `settle`.

        Raises JournalError; then it must not be made.
        """
        change = Change(0, root, title, time.time(), State.SENT, files)
        try:
            raw = _encoded(change)
            if len(raw) > CHANGE_BYTES_MAX:
                raise JournalError("the change is too large to be undone, so it was not made")
            with self._locked():
                self._clear(room=len(raw))
                number = max((entry.number for entry in self._entries()), default=0) + 1
                self._held[number] = self._write(number, root, raw)
        except OSError as problem:
            raise JournalError(
                f"nothing was changed: how to undo it cannot be written down: {problem.strerror}"
            ) from None
        return replace(change, number=number)

    def settle(self, change: Change, state: State) -> Change:
        """Write down what became of it, and let go of the record. Never fails: what is not written
        is found out again from the files.
        """
        with contextlib.suppress(OSError):
            for entry in self._entries(change.root):
                if entry.number == change.number and entry.state is not state:
                    self._kernel.rename(entry.path, self._path(change.number, change.root, state))
        self.release(change)
        return replace(change, state=state)

    def forget(self, change: Change) -> None:
        """Remove the record of a change that was not made after all."""
        with contextlib.suppress(OSError):
            for entry in self._entries(change.root):
                if entry.number == change.number:
                    self._kernel.unlink(entry.path)
        self.release(change)

    def release(self, change: Change) -> None:
        """Let go of the record as it is."""
        held = self._held.pop(change.number, None)
        if held is not None:
            os.close(held)

    def changes(self, root: str) -> tuple[Change, ...]:
        """Those of one workspace, the last first; records that cannot be read are left out."""
        found = (self._read(entry) for entry in reversed(self._entries(root)))
        return tuple(change for change in found if change is not None)

    def interrupted(self, root: str) -> tuple[Change, ...]:
        """Changes that somebody began to make who is not there any more, the last first."""
        return tuple(
            change
            for entry in reversed(self._entries(root))
            if entry.state is State.SENT
            and not _is_held(entry.path)
            and (change := self._read(entry)) is not None
        )

    def _entries(self, root: str | None = None) -> list[_Entry]:
        """The records by their names, the oldest first."""
        found = []
        wanted = _root_name(root) if root is not None else None
        names = os.listdir(self._folder) if self._folder.is_dir() else []  # noqa: PTH208 - names
        for name in names:
            match = _NAME.fullmatch(name)
            if (
                match is None
                or match["state"] not in {*State}
                or wanted not in {None, match["root"]}
            ):
                continue
            number, state = int(match["number"]), State(match["state"])
            found.append(_Entry(number, match["root"], state, self._folder / name))
        return sorted(found, key=lambda entry: entry.number)

    def _path(self, number: int, root: str, state: State) -> Path:
        return self._folder / f"{number:06d}-{_root_name(root)}-{state.value}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(self._folder / "lock", flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, number: int, root: str, raw: bytes) -> int:
        """The open file that holds the lock of the new record."""
        made = self._folder / f"{TEMPORARY}{token_hex(8)}"
        record = self._path(number, root, State.SENT)
        handle = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            write_all(handle, raw, self._kernel)
            self._kernel.rename(made, record)
            self._sync()
        except BaseException:
            os.close(handle)
            with contextlib.suppress(OSError):
                made.unlink(missing_ok=True)
                # The change will not be made, so there must be no record of it either.
                record.unlink(missing_ok=True)
            raise
        return handle

    def _sync(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._kernel.fsync(handle)
        finally:
            os.close(handle)

    def _clear(self, *, room: int) -> None:
        """Remove what is over a limit, and what somebody left unfinished; called with the lock."""
        for left in self._folder.glob(f"{TEMPORARY}*"):
            left.unlink(missing_ok=True)
        size, now = room, time.time()
        for place, entry in enumerate(reversed(self._entries()), 1):
            found = entry.path.stat()
            size += found.st_size
            old = now - found.st_mtime > DAYS_MAX * 86_400 and place > KEPT_MIN
            if (old or place >= CHANGES_MAX or size > BYTES_MAX) and not _is_held(entry.path):
                entry.path.unlink(missing_ok=True)

    def _read(self, entry: _Entry) -> Change | None:
        try:
            return replace(
                _decoded(entry.path.read_bytes()), number=entry.number, state=entry.state
            )
        except (OSError, ValueError, KeyError, TypeError, zlib.error):
            return None


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _root_name(root: str) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:16]


def _encoded(change: Change) -> bytes:
    """JSON behind a digest of it: a record that was damaged must not be restored from."""
    body = json.dumps(
        {
            "root": change.root,
            "title": change.title,
            "at": change.at,
            "files": [
                {
                    "path": file.path,
                    "encoding": file.encoding,
                    "base": _packed(file.base),
                    "result": _packed(file.result),
                }
                for file in change.files
            ],
        }
    ).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _decoded(raw: bytes) -> Change:
    """Raises ValueError, KeyError, TypeError or zlib.error where it is not a record."""
    said, _, body = raw.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != said:
        raise ValueError("a damaged record")
    made = json.loads(body)
    files = tuple(
        ChangedFile(
            item["path"], _unpacked(item["base"]), _unpacked(item["result"]), item["encoding"]
        )
        for item in made["files"]
    )
    return Change(0, made["root"], made["title"], made["at"], State.SENT, files)


def _packed(text: str | None) -> str | None:
    if text is None:
        return None
    return base64.b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 1)).decode()


def _unpacked(packed: str | None) -> str | None:
    if packed is None:
        return None
    return zlib.decompress(base64.b64decode(packed)).decode("utf-8", "surrogatepass")
