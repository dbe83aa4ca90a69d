"""Rope's view of the workspace: a project that it can read and nothing else.

Every door through which rope runs or writes something is closed here. No project folder: its
`config.py` is code, its object database a pickle. No configuration at all: `[tool.rope]` can name
a class to import. No extension modules: rope inspects them by importing them. No Python path: the
server's own libraries say nothing about the user's. Writing raises.

Invariant: the bytes that rope reads are LF, without a byte order mark, in the encoding that the
file's own cookie names, whatever the file on disk or the buffer in the editor looks like.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NoReturn

from rope.base.exceptions import InterruptedTaskError, RopeError
from rope.base.prefs import ImportPrefs, Prefs
from rope.base.project import Project
from rope.base.resources import File, Folder

from trueup import InputError, workspace
from trueup.parsing import parse_module
from trueup.propose.hunks import with_line_feeds
from trueup.snapshot import Document, Snapshot


class Overlay:
    """The file system as rope may see it: the snapshot first, the disk behind it, no writing.

    `stopped` ends a refactoring that runs in a thread: the next read raises.
    """

    def __init__(self, snapshot: Snapshot, stopped: threading.Event) -> None:
        self._snapshot = snapshot
        self._stopped = stopped
        self._root = os.path.realpath(snapshot.root)
        self._documents: dict[str, Document] = {}

    def document(self, path: str) -> Document:
        """The document at `path`. Raises InputError."""
        if path not in self._documents:
            held = self._snapshot.get(path)
            self._documents[path] = held or workspace.read(self._snapshot.root, path)
        return self._documents[path]

    def read(self, path: str) -> bytes:
        """What rope takes for the file's bytes."""
        if self._stopped.is_set():
            raise InterruptedTaskError("stopped")
        name = Path(os.path.relpath(path, self._root)).as_posix()
        try:
            document = self.document(name)
            return with_line_feeds(document.text).encode(_plain(document.encoding))
        except InputError as problem:
            raise RopeError(str(problem)) from None
        except UnicodeEncodeError:
            raise RopeError(f"{name} holds characters that its encoding cannot") from None

    def parses(self, path: str) -> bool:
        """Whether the file is Python without syntax errors, and readable."""
        try:
            parse_module(with_line_feeds(self.document(path).text))
        except (InputError, SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return True

    def mentions(self, path: str, name: str) -> bool:
        """Whether the text holds `name`, as a word or within one."""
        try:
            return name in self.document(path).text
        except InputError:
            return False

    def write(self, path: str, data: bytes) -> NoReturn:  # noqa: ARG002 - rope's interface
        raise RopeError("rope is not allowed to write")

    def create_file(self, path: str) -> NoReturn:
        self.write(path, b"")

    create_folder = remove = create_file

    def move(self, path: str, new_location: str) -> NoReturn:  # noqa: ARG002 - the same
        self.write(path, b"")


def compiles(text: str) -> bool:
    """Whether Python takes `text`; stricter than a parse: it knows where `await` may stand."""
    try:
        compile(text, "text", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _plain(encoding: str) -> str:
    return encoding.removesuffix("-sig")


def open_project(overlay: Overlay, root: str, files: Iterable[str]) -> ReadOnlyProject:
    """A rope project of exactly these Python files. Nothing is created, in memory or on disk."""
    return ReadOnlyProject(root, tuple(files), overlay)


class ReadOnlyProject(Project):  # type: ignore[misc] # rope has no types
    def __init__(self, root: str, files: tuple[str, ...], overlay: Overlay) -> None:
        self.overlay = overlay
        self._files = files
        super().__init__(root, fscommands=overlay, ropefolder=None)
        self._sources = tuple(Folder(self, path) for path in import_roots(files))

    def _init_prefs(self, prefs: Mapping[str, object]) -> None:  # noqa: ARG002 - none are taken
        """In place of reading configuration files, the machine's and the project's."""
        self.prefs = Prefs(
            ignored_resources=[],
            automatic_soa=False,
            save_history=False,
            perform_doa=False,
            extension_modules=[],
            import_dynload_stdmods=False,
            ignore_syntax_errors=True,
            pull_imports_to_top=False,
            # Uses of a moved name stay as they are written.
            imports=ImportPrefs(preferred_import_style="from-global"),
        )
        self._init_other_parts()

    def get_files(self) -> set[File]:
        return {File(self, path) for path in self._files}

    def get_source_folders(self) -> list[Folder]:
        return list(self._sources)

    def get_python_path_folders(self) -> list[Folder]:
        return []

    def do(self, changes: object, task_handle: object = None) -> NoReturn:  # noqa: ARG002 - rope's
        raise RopeError("rope is not allowed to change anything")


def import_roots(files: Iterable[str]) -> tuple[str, ...]:
    """The folders from which the project's top-level modules are imported, the root first.

    Rope's own search stops at the first folder that holds a package, and so misses `src` wherever
    the tests are a package.
    """
    known = set(files)
    roots = {""}
    for path in known:
        folder = PurePosixPath(path).parent
        while (folder / "__init__.py").as_posix() in known:
            folder = folder.parent
        roots.add("" if folder == PurePosixPath() else folder.as_posix())
    # Folders without an __init__.py may be parts of a namespace package under `src`.
    if any(path.startswith("src/") for path in known):
        roots.add("src")
    return tuple(sorted(roots))
