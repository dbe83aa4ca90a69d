"""The disk, read only.

Knows which files belong to a project, how their bytes become text, and which interpreter is the
project's. Never writes, never runs anything, never follows a link out of the root.
"""

from __future__ import annotations

import io
import os
import tokenize
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import InputError
from trueup.guards import beneath
from trueup.snapshot import Document, Snapshot

FILE_BYTES_MAX: Final = 2 * 1024 * 1024
FILES_MAX: Final = 20_000
BYTES: Final = "latin-1"
"""The encoding in which every byte is one character."""

TEST_FILES: Final = ("test_*.py", "*_test.py", "conftest.py")
TEST_FOLDERS: Final = frozenset({"test", "testing", "tests"})

SKIPPED_FOLDERS: Final = frozenset(
    {
        "__pycache__",
        "build",
        "dist",
        "env",
        "node_modules",
        "site-packages",
        "venv",
    }
)


def root_of(path: Path) -> Path:
    """The nearest folder at or above `path` that looks like a project, else the folder itself."""
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if any((folder / name).exists() for name in ("pyproject.toml", "setup.cfg", "setup.py")):
            return folder
        if (folder / ".git").exists():
            return folder
    return start


def relative(root: str, path: Path) -> str | None:
    """`path` as documents name it, or None where it lies outside `root` (links resolved)."""
    base, real = Path(root).resolve(), path.resolve()
    return real.relative_to(base).as_posix() if real.is_relative_to(base) else None


def encoding_of(raw: bytes) -> str:
    """The encoding that Python would read these bytes with ("utf-8-sig" for a byte order mark)."""
    try:
        return tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
    except SyntaxError as problem:
        raise InputError(f"its encoding is not known: {problem.msg}") from None


def read(root: str, path: str) -> Document:
    """The document on disk. Raises InputError with the reason where it cannot be read as Python."""
    try:
        return document_of(path, beneath.read(root, path, FILE_BYTES_MAX))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} is not a file") from None
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from None
    except (UnicodeError, LookupError):
        # LookupError: a codec that is not one of text, such as rot13.
        raise InputError(f"{path} is not text in its own encoding") from None


def document_of(path: str, raw: bytes) -> Document:
    """Bytes as a document that becomes the same bytes again. Raises InputError, UnicodeDecodeError.

    Python says how its files are encoded; any other file is UTF-8, or else bytes for which
    characters stand in.
    """
    if path.endswith((".py", ".pyi")):
        encoding = encoding_of(raw)
        return Document(path, raw.decode(encoding), encoding=encoding)
    try:
        return Document(path, raw.decode())
    except UnicodeDecodeError:
        return Document(path, raw.decode(BYTES), encoding=BYTES)


def disk_encoding(root: str, path: str) -> str:
    """The encoding of a file that an editor holds open; UTF-8 where the disk does not say."""
    try:
        with Path(root, path).open("rb") as file:
            return encoding_of(file.read(4096))
    except (OSError, InputError):
        return "utf-8"


def python_files(root: str) -> tuple[str, ...]:
    """Every Python file that could belong to the project, sorted; at most FILES_MAX of them."""
    return tuple(sorted(path for path, _ in zip(_walk(root), range(FILES_MAX), strict=False)))


def _walk(root: str) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            name
            for name in names
            if name not in SKIPPED_FOLDERS
            and not name.startswith(".")
            and not Path(folder, name, "pyvenv.cfg").exists()
        )
        for file in sorted(files):
            if file.endswith(".py"):
                yield Path(folder, file).relative_to(root).as_posix()


def is_test(path: str) -> bool:
    """Whether a file plays a part in judging: tests, conftests, and what lies beside them."""
    parts = PurePosixPath(path).parts
    return any(fnmatch(parts[-1], pattern) for pattern in TEST_FILES) or bool(
        TEST_FOLDERS & set(parts[:-1])
    )


def is_documentation(root: str, path: str) -> bool:
    """Whether a file is for people only: prose that no Python file of the project names."""
    file = PurePosixPath(path)
    prose = file.suffix in {".md", ".rst"} or file.stem in {"AUTHORS", "CHANGELOG", "LICENSE"}
    if not prose or file.suffix == ".py":
        return False
    for other in python_files(root):
        try:
            if file.name.encode() in Path(root, other).read_bytes():
                return False
        except OSError:
            continue
    return True


def interpreter_of(root: str, chosen: str | None = None) -> Path | None:
    """The project's own interpreter: the user's choice, else its virtual environment, else None.

    Nothing is executed to find out.
    """
    if chosen:
        path = Path(chosen).expanduser()
        return path if os.access(path, os.X_OK) and path.is_file() else None
    for name in (".venv", "venv", "env"):
        for python in ("bin/python", "Scripts/python.exe"):
            path = Path(root, name, python)
            if path.is_file() and os.access(path, os.X_OK):
                return path
    return None


def unsaved(snapshot: Snapshot) -> dict[str, bytes]:
    """Bytes of every document that differs from its file on disk, by path.

    Raises UnicodeEncodeError where a document's own encoding cannot hold its text.
    """
    changed: dict[str, bytes] = {}
    for document in snapshot:
        raw = document.to_bytes()
        try:
            if Path(snapshot.root, document.path).read_bytes() == raw:
                continue
        except OSError:
            pass  # A file that is not there yet differs from what the document says.
        changed[document.path] = raw
    return changed
