"""The SQLite database of an index: its tables, its version, and a checksum on each page.

The checksum is verified whenever a page is read, so that a damaged page is an error and never an
answer. Knows nothing of what is asked. Errors are apsw's, and StoreError where the database is
another than ours.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Final

import apsw
import apsw.sqlite_extra

from trueup.memory import chunks as chunking
from trueup.memory import words

VERSION: Final = 1
SCHEMA: Final = f"{VERSION}.{chunking.VERSION}.{words.VERSION}"
"""What an index was built by; another one is built again."""
BUSY_MILLISECONDS: Final = 5000
WAL_BYTES_MAX: Final = 64 << 20
MEMORY: Final = ":memory:"

_CHECKSUMS: Final = "cksmvfs"
_CHECKSUM_BYTES: Final = 8
_LOADED: Final = threading.Lock()
_COLUMNS: Final = ("name", "place", "head", "body")
_TABLES: Final = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE file (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, mtime_ns INTEGER NOT NULL,
                   ctime_ns INTEGER NOT NULL, size INTEGER NOT NULL, settled INTEGER NOT NULL,
                   digest BLOB NOT NULL);
CREATE TABLE chunk (id INTEGER PRIMARY KEY, file INTEGER NOT NULL, qualified TEXT NOT NULL,
                    name TEXT NOT NULL, kind TEXT NOT NULL, start INTEGER NOT NULL,
                    end INTEGER NOT NULL, line INTEGER NOT NULL, head TEXT NOT NULL);
CREATE INDEX chunk_file ON chunk (file);
CREATE INDEX chunk_name ON chunk (name);
CREATE VIRTUAL TABLE words USING fts5 ({", ".join(_COLUMNS)}, content='', contentless_delete=1,
                                       tokenize="{words.TOKENIZER}");
"""


class StoreError(Exception):
    """The database is not one of ours, or of another version."""


def created(name: str, root: str) -> apsw.Connection:
    """A new database for the project at `root`, to be filled and then finished."""
    connection = _connect(name, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        if name != MEMORY:
            reserved = ctypes.c_int(_CHECKSUM_BYTES)
            connection.file_control(
                "main", apsw.SQLITE_FCNTL_RESERVE_BYTES, ctypes.addressof(reserved)
            )
            # Until it is finished nobody else reads it; what is left of it is thrown away.
            connection.pragma("journal_mode", "off")
            connection.pragma("synchronous", "off")
        connection.execute(_TABLES)
        rows = (("schema", SCHEMA), ("root", root))
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    except BaseException:
        connection.close()
        raise
    return connection


def opened(name: str, root: str) -> apsw.Connection:
    """The database that is there. Raises StoreError, apsw.Error."""
    connection = _connect(name, apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.pragma("synchronous", "normal")
        connection.pragma("journal_size_limit", WAL_BYTES_MAX)
        meta = dict(connection.execute("SELECT key, value FROM meta"))
    except BaseException:
        connection.close()
        raise
    if meta != {"schema": SCHEMA, "root": root}:
        connection.close()
        raise StoreError("the index is of another version or of another project")
    return connection


def finish(connection: apsw.Connection) -> None:
    """Make a new database one that others may read while it is written."""
    connection.pragma("synchronous", "normal")
    connection.pragma("journal_mode", "wal")


def _connect(name: str, flags: int) -> apsw.Connection:
    if name == MEMORY:
        return apsw.Connection(name)
    with _LOADED:
        if _CHECKSUMS not in apsw.vfs_names():
            with apsw.Connection(MEMORY) as loader:
                apsw.sqlite_extra.load(loader, "cksumvfs")
            loader.close()
    connection = apsw.Connection(name, flags, vfs=_CHECKSUMS)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    return connection
