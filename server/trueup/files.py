"""Writing our own files so that a reader sees the old bytes or the new ones, never half of each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from trueup import exchange


def write_atomically(path: Path, raw: bytes, *, mode: int = 0o600) -> None:
    """Write `raw` to `path`, creating its folder. Raises OSError; on error the old file stands."""
    _write(path, raw, mode, lambda made: made.replace(path))


def replace_unchanged(path: Path, old: bytes | None, raw: bytes, *, mode: int = 0o644) -> bool:
    """Write `raw` to `path` if it still holds `old` (None: if there is no such file yet).

    Whether it was written. A file that is there keeps its mode, and a link to it stays a link.
    What somebody else writes at the same moment is not lost where the system exchanges files and
    tells who has one open (Linux). On macOS, which does not tell, a writer that had opened the file
    before can still lose what it writes behind our last look; where there is no exchange either,
    whoever writes between our look and the rename loses it. Raises OSError.
    """
    path = path.resolve()

    def put(made: Path) -> bool:
        if old is None:
            try:
                # Unlike a rename, a link does not replace what somebody else just wrote.
                os.link(made, path)
            except FileExistsError:
                return False
            return True
        with exchange.turn(path.parent):
            return _exchanged(made, path, old, raw)

    if old is not None and path.exists():
        mode = path.stat().st_mode & 0o777
    return _write(path, raw, mode, put)


def _exchanged(made: Path, path: Path, old: bytes, raw: bytes) -> bool:
    """Let `made`, which holds `raw`, be the file at `path`, unless that was anything but `old`."""
    try:
        if path.read_bytes() != old:
            return False
        if not exchange.exchange(made, path):
            made.replace(path)
            return True
    except FileNotFoundError:
        return False
    if _holds(made, old):
        return True
    # Somebody wrote between the look and the exchange: theirs goes back, and if somebody wrote
    # even after that, what came last stays.
    exchange.exchange(made, path)
    if not _holds(made, raw):
        exchange.exchange(made, path)
    return False


def _holds(path: Path, raw: bytes) -> bool:
    """Whether that is all that a file holds, and nobody is about to write to it."""
    return not exchange.is_being_written(path) and path.read_bytes() == raw


def _write(path: Path, raw: bytes, mode: int, put: Callable[[Path], object]) -> bool:
    """Whether `put` accepted a complete file beside `path`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        return put(Path(name)) is not False
    finally:
        # Gone already where it was renamed.
        Path(name).unlink(missing_ok=True)
