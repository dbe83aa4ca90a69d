"""The code of a project, ready to be searched, kept in step with its files.

Files are the truth. What is kept in the cache folder is derived, and may vanish, be damaged or be
impossible to write at any moment: then it is built again, or for small projects held in memory, and
the answers are the same. One process writes at a time; the others read, and never wait.

Nothing here raises for the state of the disk: `Freshness` says it, in a sentence where the user
should know. An Index is for one thread at a time.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import apsw

from trueup.architecture.sources import text_of
from trueup.memory.damage import DamagedError, UnusableError, told_apart
from trueup.memory.database import MEMORY, SCHEMA, StoreError
from trueup.memory.generations import Generations, folder_of
from trueup.memory.store import Row, Store
from trueup.memory.sweep import bytes_of, digest_of, look, sweep
from trueup.memory.tracking import Tracked

MEMORY_SOURCE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Source that is indexed in memory where the cache folder cannot be used."""
RETRIES: Final = 3
_ANOTHER: Final = "another Trueup is updating the index; some files are not searched yet"

log = logging.getLogger("trueup.memory.index")
T = TypeVar("T")


class Home(StrEnum):
    """Where the index is."""

    DISK = "disk"
    MEMORY = "memory"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How the index stands to the files. `behind` are files that are not searched as they are now;
    `says` is what the user should know, "" for nothing.
    """

    home: Home
    files: int = 0
    chunks: int = 0
    changed: int = 0
    behind: int = 0
    rebuilt: bool = False
    says: str = ""


class Index:
    """The index of the project at `root` (an absolute path); close it, or use it as a context.

    `most` are the files that one refresh may read, None for all that there are: where more have
    changed, it says how far behind the index is, and somebody else has to bring it in step.
    """

    def __init__(self, root: str, folder: Path | None = None, *, most: int | None = None) -> None:
        self.root = os.path.realpath(root)
        self._generations = Generations(folder or folder_of(root, SCHEMA))
        self._store: Store | None = None
        self._open: Path | None = None
        self._home = Home.DISK
        self._says = ""
        self._files = Tracked(self.root)
        self._most = most

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; using the index again opens it."""
        store, self._store, self._open = self._store, None, None
        self._files.forget()
        if store is not None:
            try:
                store.close()
            except apsw.Error as problem:
                log.warning("the index could not be closed: %s", problem)

    @property
    def folder(self) -> Path:
        return self._generations.folder

    def refresh(self, paths: Iterable[str] | None = None, *, wait: bool = False) -> Freshness:
        """Bring the index in step with the disk: all of it, or the files at `paths`.

        Where another process is writing, the answer is how far behind we are; `wait` waits for it.
        """
        chosen = None if paths is None else tuple(paths)
        if self._home is Home.DISK:
            try:
                return self._on_disk(chosen, wait=wait)
            except UnusableError as problem:
                self._give_up(str(problem))
        return self._in_memory(chosen)

    def rebuild(self) -> Freshness:
        """Forget the index and make another from the files."""
        self.close()
        self._home, self._says = Home.DISK, ""
        try:
            with told_apart():
                self._generations.forget()
        except UnusableError as problem:
            self._give_up(str(problem))
        return self.refresh(wait=True)

    def is_sound(self) -> bool:
        """Whether the whole database can be read; takes about a second for a large one."""
        if self._store is None:
            return True
        try:
            return self._store.check()
        except apsw.Error:
            return False

    def ask(self, question: Callable[[Store], T], nothing: T, *, wait: bool = False) -> T:
        """What the store answers; `nothing` where there is none. A damaged one is made again."""
        for _ in range(RETRIES):
            if self._store is None:
                return nothing
            try:
                return question(self._store)
            except (apsw.Error, StoreError) as problem:
                log.warning("the index is damaged and is built again: %s", problem)
                self._distrust()
                self.refresh(wait=wait)
        return nothing

    def is_current(self, row: Row) -> bool:
        """Whether the file of a result still holds the bytes that were indexed."""
        raw = bytes_of(self.root, row.path)
        return raw is not None and digest_of(raw) == row.digest

    def text(self, row: Row) -> str | None:
        """The chunk as it stands in its file; None where the file is another by now."""
        raw = bytes_of(self.root, row.path)
        if raw is None or digest_of(raw) != row.digest:
            return None
        return text_of(raw)[row.span.start : row.span.end]

    def text_at(self, path: str) -> str | None:
        """A file of the project as it is now; None where there is none."""
        raw = bytes_of(self.root, path) if look(self.root, path) is not None else None
        return None if raw is None else text_of(raw)

    def _distrust(self) -> None:
        """Let go of a database that is damaged, and let nobody else find it."""
        broken = self._open
        self.close()
        if broken is None:
            return
        try:
            with told_apart():
                # Without the lease, for nobody waits for it here. If another one was published
                # in between, it is forgotten too, and built once more.
                if self._generations.current() == broken:
                    self._generations.forget()
        except UnusableError as problem:
            self._give_up(str(problem))

    def _give_up(self, why: str) -> None:
        self.close()
        self._home = Home.MEMORY
        self._says = f"the index cannot be kept in {self.folder}: {why}"
        log.warning("%s", self._says)

    def _on_disk(self, paths: tuple[str, ...] | None, *, wait: bool) -> Freshness:
        why = ""
        for _ in range(RETRIES):
            try:
                with told_apart():
                    return self._in_step(paths, wait=wait)
            except DamagedError as problem:
                why = str(problem)
                log.warning("the index is built again: %s", why)
                self._distrust()
        raise UnusableError(why)

    def _in_step(self, paths: tuple[str, ...] | None, *, wait: bool) -> Freshness:
        self._attach()
        due = self._files.due(self._store, paths)
        if self._store is not None and not due:
            return self._state()
        if self._is_too_much(due):
            return replace(self._state(), behind=len(due))
        with self._generations.lease(wait=wait) as ours:
            if not ours:
                return self._behind(paths)
            # Somebody may have written while we waited.
            self._attach()
            if self._store is None:
                return self._build()
            due = self._files.due(self._store, paths)
            if self._is_too_much(due):
                return replace(self._state(), behind=len(due))
            self._files.bring_in_step(self._store, due)
            return self._state(changed=len(due))

    def _is_too_much(self, due: Mapping[str, object]) -> bool:
        return self._most is not None and len(due) > self._most

    def _attach(self) -> None:
        """Have the current database open, or none where there is none that can be used."""
        current = self._generations.current()
        if current is not None and current == self._open and self._store is not None:
            return
        self.close()
        if current is None or not current.exists():
            return
        self._open = current
        try:
            self._store = Store.open(str(current), self.root)
        except StoreError as problem:
            log.info("%s; it is built again", problem)
            self._open = None

    def _build(self) -> Freshness:
        """A new database from all files, which then counts."""
        made = self._generations.begin()
        try:
            self._generations.clean()
            store = Store.create(str(made), self.root)
            try:
                count = self._files.fill(store)
                store.finish()
            finally:
                store.close()
            self._generations.publish(made)
        except BaseException:
            # Also on Ctrl-C: half an index helps nobody.
            made.unlink(missing_ok=True)
            raise
        self._attach()
        return self._state(changed=count, rebuilt=True)

    def _in_memory(self, paths: tuple[str, ...] | None) -> Freshness:
        if self._home is Home.NOWHERE:
            return Freshness(Home.NOWHERE, says=self._says)
        if self._store is None:
            files = sweep(self.root)
            size = sum(stamp.size for stamp in files.values())
            if size > MEMORY_SOURCE_BYTES_MAX or self._is_too_much(dict(files)):
                self._home = Home.NOWHERE
                self._says += "; the project is too large to be indexed in memory"
                return Freshness(Home.NOWHERE, behind=len(files), says=self._says)
            self._store = Store.create(MEMORY, self.root)
        due = self._files.due(self._store, paths)
        self._files.bring_in_step(self._store, due)
        return self._state(changed=len(due))

    def _behind(self, paths: tuple[str, ...] | None) -> Freshness:
        state = self._state()
        if self._store is None:
            return replace(state, behind=len(sweep(self.root)), says=_ANOTHER)
        behind = self._files.behind(self._files.due(self._store, paths))
        return replace(state, behind=behind, says=_ANOTHER) if behind else state

    def _state(self, changed: int = 0, *, rebuilt: bool = False) -> Freshness:
        files, count = self._store.counts() if self._store is not None else (0, 0)
        return Freshness(self._home, files, count, changed, 0, rebuilt, self._says)
