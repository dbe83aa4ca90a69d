"""What each module file imports, kept in step with the disk and with open buffers.

Names only: where they stand is found by scanning the one file that is shown. What was read from the
disk is remembered in one file of the user's cache directory, by size and time; it is derived, and
can be deleted at any moment. An open buffer counts before the disk.
"""

from __future__ import annotations

import hashlib
import logging
import marshal
import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from trueup import __version__, settings
from trueup.architecture import scan
from trueup.architecture.modules import ModuleFile, Portion, Walk, walk
from trueup.architecture.scan import Names

FILE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Longer files are not scanned: they import nothing, as far as contracts know."""
GRAPHS_MAX: Final = 3
"""Graphs of one project that are remembered: of other packages, or with other imports."""
_DIGEST_BYTES: Final = 32
_COOKIE: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_NOTHING: Final = Names(())

log = logging.getLogger("trueup.architecture")

_Stamp = tuple[int, int]
_Named = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
_Targets = dict[str, tuple[tuple[str, ...], dict[str, tuple[int, ...]]]]


class _Cache(NamedTuple):
    """What an earlier process knew: the stamp of each file, its names as they were packed, and the
    graphs that were built from them.
    """

    stamps: dict[str, _Stamp]
    packed: bytes
    edges: _Targets


def magic(version: str) -> bytes:
    """What a cache begins with. Another version may read texts in another way."""
    return f"trueup imports 2 {version}\n".encode()


_MAGIC: Final = magic(__version__)


class Edges(NamedTuple):
    """A graph as it was built: the names of what is not ours, and the numbers that each file
    imports. They hold for the files that did not change since.
    """

    externals: tuple[str, ...]
    targets: dict[str, tuple[int, ...]]


def cache_file(root: Path) -> Path:
    """Where the imports of a project are remembered between sessions."""
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
    return settings.cache_folder() / "imports" / name


def text_of(raw: bytes) -> str:
    """The text of a Python file, whatever its bytes are: what cannot be decoded imports nothing,
    and the rest still does.
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for line in raw.split(b"\n", 2)[:2]:
        cookie = _COOKIE.match(line)
        if cookie:
            try:
                return raw.decode(cookie[1].decode("ascii"))
            except (LookupError, UnicodeError):
                break
    return raw.decode("latin-1")


def read_text(file: Path) -> str | None:
    """The text on disk, None where it cannot be read or is too long."""
    try:
        with file.open("rb") as source:
            raw = source.read(FILE_BYTES_MAX + 1)
    except OSError:
        return None
    return text_of(raw) if len(raw) <= FILE_BYTES_MAX else None


class Sources:
    """The names that every module file of some packages imports."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        self.root = root
        self._cache = cache
        self._stamps: dict[str, _Stamp] = {}
        self._packed = b""
        self._named: _Named | None = {}
        self._edges: _Targets = {}
        self._reread: set[str] = set()
        self._dirty = False
        self._buffers: dict[str, tuple[str, Names]] = {}
        self.walks: dict[Portion, Walk] = {}

    def load(self, portions: Iterable[Portion]) -> None:
        """Walk `portions` and read what is not known of them yet; then remember it."""
        if self._cache is not None and not self._stamps:
            held = _read_cache(self._cache)
            if held is not None:
                self._stamps, self._packed, self._edges = held
                self._named = None
        for portion in portions:
            self.refresh(portion)
        self.save()

    def refresh(self, portion: Portion) -> tuple[str, ...]:
        """Walk a portion again; the paths of files that changed on disk, came or went."""
        before = self.walks.get(portion)
        after = self.walks[portion] = walk(self.root, portion)
        known = self._stamps.get
        changed = [file[1] for file in after.files if known(file[1]) != file[2:]]
        for file in after.files if changed else ():
            self._read(file)
        if before is not None:
            now = {file.path for file in after.files}
            gone = [file.path for file in before.files if file.path not in now]
            for path in gone:
                self._forget(path)
            changed += gone
        return tuple(changed)

    def supposed(self, portion: Portion, extra: frozenset[str], absent: frozenset[str]) -> Walk:
        """What a walk would find if the files `extra` were there and `absent` were not."""
        known = {file.path for file in self.walks[portion].files}
        # An `__init__.py` that goes takes its folder along, also where `x.py` stands for it.
        opens = any(path.endswith("/__init__.py") for path in absent)
        if extra <= known and known.isdisjoint(absent) and not opens:
            return self.walks[portion]
        found = walk(self.root, portion, extra, absent)
        for file in found.files:
            if file.path not in self._buffers:
                # Its folder may not have been entered before.
                self._read(file)
        return found

    def _read(self, file: ModuleFile) -> bool:
        stamp = (file.mtime_ns, file.size)
        if self._stamps.get(file.path) == stamp:
            return False
        text = read_text(self.root / file.path) if file.size <= FILE_BYTES_MAX else None
        names = scan.names(text) if text is not None else _NOTHING
        self._stamps[file.path] = stamp
        self._all_names()[file.path] = (names.running, names.typing)
        self._reread.add(file.path)
        self._dirty = True
        return True

    def _forget(self, path: str) -> bool:
        self._dirty |= path in self._stamps
        return self._stamps.pop(path, None) is not None

    def _all_names(self) -> _Named:
        """Every file's names: unpacked when one of them is asked for, which a start does not."""
        if self._named is None:
            self._named = marshal.loads(self._packed)  # noqa: S302 - as `_read_cache`
            self._packed = b""
        return self._named

    def edges(self, key: str) -> Edges:
        """What was remembered under `key` of files that are still as they were then."""
        held = self._edges.get(key)
        if held is None:
            return Edges((), {})
        externals, targets = held
        for path in self._reread | self._buffers.keys():
            targets.pop(path, None)
        return Edges(externals, targets)

    def remember(self, key: str, edges: Edges) -> None:
        """Keep a graph that was built from what the disk says."""
        if self._cache is None or self._buffers:
            return
        self._drop_reread()
        others = [item for item in self._edges.items() if item[0] != key]
        self._edges = dict(others[-(GRAPHS_MAX - 1) :])
        self._edges[key] = (edges.externals, edges.targets)
        self._dirty = True
        self.save()

    def _drop_reread(self) -> None:
        """Graphs say nothing of files that are not as they were when these were built."""
        for _, targets in self._edges.values():
            for path in self._reread:
                targets.pop(path, None)
        self._reread.clear()

    def names(self, path: str) -> Names:
        """What the file imports now: as in its buffer, else as on disk."""
        buffer = self._buffers.get(path)
        if buffer is not None:
            return buffer[1]
        kept = self._all_names().get(path) if path in self._stamps else None
        return Names(*kept) if kept is not None else _NOTHING

    def stamp(self, path: str) -> object:
        """Something that is another when the text is."""
        buffer = self._buffers.get(path)
        if buffer is not None:
            return buffer[0]
        kept = self._stamps.get(path)
        if kept is not None:
            return kept
        try:
            status = os.stat(self.root / path)  # noqa: PTH116 - as above
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def text(self, path: str) -> str | None:
        buffer = self._buffers.get(path)
        if buffer is not None:
            return buffer[0]
        file = self.root / path
        return read_text(file) if file.is_file() else None

    def open(self, path: str, text: str, names: Names) -> None:
        """Let a buffer count from now on. `names` are given, so that one scan serves all."""
        self._buffers[path] = (text, names)

    def close(self, path: str) -> None:
        """Let the disk count again, as it is now."""
        self._buffers.pop(path, None)
        self.look(path)

    def look(self, path: str) -> bool:
        """Whether the file on disk differs from what was known of it; now it is known."""
        try:
            status = os.stat(self.root / path)  # noqa: PTH116 - on the path of every save
        except OSError:
            status = None
        # Whoever opens a pipe waits for its writer.
        if status is None or not stat.S_ISREG(status.st_mode):
            return self._forget(path)
        return self._read(ModuleFile("", path, status.st_mtime_ns, status.st_size))

    def is_open(self, path: str) -> bool:
        return path in self._buffers

    def save(self) -> None:
        """Write what is known to the cache, whole or not at all; a cache that cannot be written is
        only slower.
        """
        if self._cache is None or not self._dirty:
            return
        self._drop_reread()
        names = self._all_names()
        packed = marshal.dumps({path: names[path] for path in self._stamps if path in names})
        payload = marshal.dumps((self._stamps, packed, self._edges))
        digest = hashlib.blake2b(payload, digest_size=_DIGEST_BYTES).digest()
        made = self._cache.with_suffix(f".{os.getpid()}")
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            made.write_bytes(_MAGIC + digest + payload)
            made.replace(self._cache)
            self._dirty = False
        except OSError as problem:
            log.warning("the import cache cannot be written: %s", problem)
            with suppress(OSError):
                made.unlink()


def _read_cache(cache: Path) -> _Cache | None:
    """What an earlier process knew, None where the file is not whole or of another version."""
    try:
        raw = cache.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST_BYTES
    payload = memoryview(raw)[start:]
    digest = hashlib.blake2b(payload, digest_size=_DIGEST_BYTES).digest()
    if raw[:start] != _MAGIC + digest:
        return None
    # Bytes that carry the digest are bytes that this program wrote.
    return _Cache(*marshal.loads(payload))  # noqa: S302
