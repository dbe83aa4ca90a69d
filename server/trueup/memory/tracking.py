"""What an index holds of each file, what the disk has by now, and bringing the one up to the other.

By stat first, then by digest, so that a sweep of an unchanged project reads no file. Knows neither
where the index is nor who else writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from trueup.architecture.sources import text_of
from trueup.memory.chunks import Chunk, chunks
from trueup.memory.store import Known, Stamp, Store
from trueup.memory.sweep import bytes_of, digest_of, known_now, look, sweep

BATCH_FILES: Final = 32
"""Files that one transaction writes, so that no other writer waits for long."""


class Tracked:
    """The files of the project at `root` as one store knows them."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._files: dict[str, Known] = {}
        self._version = -1

    def forget(self) -> None:
        """Another store is asked about next."""
        self._files, self._version = {}, -1

    def fill(self, store: Store) -> int:
        """Put all files into an empty store; how many there are."""
        files = sweep(self._root)
        with store.transaction():
            for path, stamp in files.items():
                known, raw = known_now(self._root, path, stamp)
                if raw is not None:
                    store.put(path, known, chunks(text_of(raw)))
        return len(files)

    def due(self, store: Store | None, paths: tuple[str, ...] | None) -> dict[str, Stamp | None]:
        """The files that may not be what they were, None for those that are gone: among all, or
        those at `paths`.
        """
        known = self._known(store)
        if paths is None:
            now: Mapping[str, Stamp | None] = sweep(self._root)
            gone = known.keys() - now.keys()
        else:
            now = {path: look(self._root, path) for path in paths if path.endswith(".py")}
            gone = {path for path, stamp in now.items() if stamp is None and path in known}
        due: dict[str, Stamp | None] = dict.fromkeys(sorted(gone))
        for path, stamp in now.items():
            if stamp is None:
                continue
            before = known.get(path)
            if before is None or before.stamp != stamp or not before.settled:
                due[path] = stamp
        return due

    def behind(self, due: Mapping[str, Stamp | None]) -> int:
        """How many of those are not what the store holds: one may be due only because it is so new
        that its stamp does not tell.
        """
        return sum(
            stamp is None or path not in self._files or self._differs(path)
            for path, stamp in due.items()
        )

    def bring_in_step(self, store: Store, due: Mapping[str, Stamp | None]) -> None:
        waiting = iter(due.items())
        while batch := tuple(islice(waiting, BATCH_FILES)):
            # Parsed first, so that the lock on the database is short.
            read = [(path, self._read(path, stamp)) for path, stamp in batch]
            with store.transaction():
                for path, found in read:
                    if found is None:
                        store.remove(path)
                    elif found[1] is None:
                        store.touch(path, found[0])
                    else:
                        store.put(path, *found)
            for path, found in read:
                self._files.pop(path, None)
                if found is not None:
                    self._files[path] = found[0]

    def _known(self, store: Store | None) -> dict[str, Known]:
        if store is None:
            return {}
        version = store.version
        if version != self._version:
            self._files, self._version = store.files(), version
        return self._files

    def _read(
        self, path: str, stamp: Stamp | None
    ) -> tuple[Known, None] | tuple[Known, tuple[Chunk, ...]] | None:
        """What is known of a file now, with its chunks if they are others than before."""
        if stamp is None:
            return None
        known, raw = known_now(self._root, path, stamp)
        if raw is None:
            return None
        before = self._files.get(path)
        if before is not None and before.digest == known.digest:
            return known, None
        return known, chunks(text_of(raw))

    def _differs(self, path: str) -> bool:
        raw = bytes_of(self._root, path)
        return raw is None or digest_of(raw) != self._files[path].digest
