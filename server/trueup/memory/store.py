"""Files and their chunks in one database, and the questions that are put to it.

Knows what is asked and how it is ranked, and nothing of where the database is, who may write it and
how old it is. Everything in it is derived from files. Errors are apsw's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

import apsw

from trueup.memory import database, words
from trueup.memory.chunks import Chunk
from trueup.snapshot import Span

CHUNKS_MAX: Final = 30_000
"""Chunks that one question ranks; its commonest words, which tell least, are left out for it."""
TELLING_MIN: Final = 2


class Weights(NamedTuple):
    """How much a word counts, by where it stands."""

    name: float = 4.0
    place: float = 2.0
    head: float = 2.0
    body: float = 1.0


WEIGHTS: Final = Weights()


class Stamp(NamedTuple):
    """What the file system says of a file; while it is the same, so are the bytes."""

    mtime_ns: int
    ctime_ns: int
    size: int


class Known(NamedTuple):
    """A file as it was indexed. `settled`: so long after it was written that its stamp tells every
    later change.
    """

    stamp: Stamp
    settled: bool
    digest: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A chunk that answers a question; `score` is bm25's, the smaller the better."""

    path: str
    qualified: str
    kind: str
    span: Span
    line: int
    head: str
    digest: bytes
    score: float = 0.0

    @property
    def key(self) -> tuple[str, int, str]:
        return self.path, self.span.start, self.qualified


_LISTED: Final = "SELECT value FROM json_each(?)"
_ROW: Final = (
    "SELECT file.path, qualified, kind, start, end, line, head, digest, chunk.id"
    " FROM chunk JOIN file ON file.id = chunk.file"
)


class Store:
    """One open database. For one thread at a time, as its connection is."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        name, *arguments = words.TOKENIZER.split()
        self._tokenizer = connection.fts5_tokenizer(name, arguments)
        # How many chunks hold a word; kept by this connection and nowhere else.
        connection.execute("CREATE VIRTUAL TABLE temp.frequency USING fts5vocab (main, words, row)")

    @classmethod
    def create(cls, name: str, root: str) -> Store:
        """A new database for the project at `root`, to be filled and then finished."""
        return cls(database.created(name, root))

    @classmethod
    def open(cls, name: str, root: str) -> Store:
        """The database that is there. Raises StoreError, apsw.Error."""
        return cls(database.opened(name, root))

    def finish(self) -> None:
        """Make a new database one that others may read while it is written."""
        database.finish(self._connection)

    def close(self) -> None:
        self._connection.close()

    def check(self) -> bool:
        """Whether the whole database is sound; reads all of it."""
        return str(self._connection.execute("PRAGMA quick_check(1)").get) == "ok"

    @property
    def version(self) -> int:
        """Another number after somebody else has written."""
        return cast("int", self._connection.pragma("data_version"))

    def counts(self) -> tuple[int, int]:
        """How many files and chunks there are."""
        row = self._connection.execute(
            "SELECT (SELECT count(*) FROM file), (SELECT count(*) FROM chunk)"
        ).get
        return cast("tuple[int, int]", row)

    def files(self) -> dict[str, Known]:
        return {
            path: Known(Stamp(mtime, ctime, size), bool(settled), digest)
            for path, mtime, ctime, size, settled, digest in self._connection.execute(
                "SELECT path, mtime_ns, ctime_ns, size, settled, digest FROM file"
            )
        }

    def transaction(self) -> apsw.Connection:
        """A context: all that is written in it, or nothing."""
        self._connection.transaction_mode = "IMMEDIATE"
        return self._connection

    def put(self, path: str, known: Known, chunks: Iterable[Chunk]) -> None:
        """Make a file what it is now; inside a transaction."""
        execute = self._connection.execute
        self.remove(path)
        execute(
            "INSERT INTO file (path, mtime_ns, ctime_ns, size, settled, digest)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (path, *known.stamp, known.settled, known.digest),
        )
        file = self._connection.last_insert_rowid()
        of_path = words.indexed(path.removesuffix(".py"))
        for chunk in chunks:
            execute(
                "INSERT INTO chunk (file, qualified, name, kind, start, end, line, head)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (file, chunk.qualified, chunk.name, chunk.kind, chunk.span.start, chunk.span.end,
                 chunk.line, chunk.head),
            )  # fmt: skip
            execute(
                "INSERT INTO words (rowid, name, place, head, body) VALUES (?, ?, ?, ?, ?)",
                (
                    self._connection.last_insert_rowid(),
                    words.indexed(chunk.name),
                    f"{of_path} {words.indexed(chunk.qualified.rpartition('.')[0])}",
                    words.indexed(f"{chunk.head} {chunk.documentation}"),
                    words.indexed(chunk.body),
                ),
            )

    def touch(self, path: str, known: Known) -> None:
        """Note that a file is what it was, whatever its times say; inside a transaction."""
        self._connection.execute(
            "UPDATE file SET mtime_ns = ?, ctime_ns = ?, size = ?, settled = ? WHERE path = ?",
            (*known.stamp, known.settled, path),
        )

    def remove(self, path: str) -> None:
        """Forget a file; inside a transaction."""
        execute = self._connection.execute
        file = execute("SELECT id FROM file WHERE path = ?", (path,)).get
        if file is None:
            return
        execute("DELETE FROM words WHERE rowid IN (SELECT id FROM chunk WHERE file = ?)", (file,))
        execute("DELETE FROM chunk WHERE file = ?", (file,))
        execute("DELETE FROM file WHERE id = ?", (file,))

    def paths(self) -> tuple[str, ...]:
        return tuple(path for (path,) in self._connection.execute("SELECT path FROM file"))

    def matching(
        self,
        wanted: Iterable[str],
        limit: int,
        *,
        hidden: Iterable[str] = (),
        weights: Weights = WEIGHTS,
    ) -> tuple[Row, ...]:
        """The chunks that hold one of `wanted` words, best first by BM25; about `limit` of them.

        Chunks of `hidden` files are left out before anything is ranked. What scores the same is in
        the order of paths and places, so that the answer does not tell how the index came about.
        BM25 as in FTS5, with a weight for each column: Robertson and Zaragoza (2009),
        doi:10.1561/1500000019.
        """
        match = " OR ".join(f'"{word}"' for word in self._telling(wanted))
        if not match:
            return ()
        visible = " AND rowid NOT IN (SELECT value FROM json_each(?))" if hidden else ""
        left_out = [json.dumps(tuple(self._chunks_of(hidden)))] if hidden else []
        ranked = (
            f"SELECT rowid, bm25(words, ?, ?, ?, ?) AS score FROM words"  # noqa: S608
            f" WHERE words MATCH ?{visible} ORDER BY score LIMIT ?"
        )
        bound = (*weights, match, *left_out)
        scores = dict(self._connection.execute(ranked, (*bound, limit)))
        if len(scores) >= limit:
            worst = max(scores.values())
            kept = {chunk: score for chunk, score in scores.items() if score < worst}
            # Which of those that tie would be cut off depends on the order of insertion.
            scores = kept or dict(self._connection.execute(ranked, (*bound, -1)))
        return self._rows(scores)

    def _telling(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """The rarest of `wanted` words, as many as can be looked up at once."""
        held: dict[str, int] = {}
        for word in wanted:
            stem = self._stem(word)
            row = self._connection.execute("SELECT doc FROM frequency WHERE term = ?", (stem,)).get
            if row:
                held[word] = cast("int", row)
        kept: list[str] = []
        chunks = 0
        for word in sorted(held, key=lambda word: (held[word], word)):
            chunks += held[word]
            if chunks > CHUNKS_MAX and len(kept) >= TELLING_MIN:
                break
            kept.append(word)
        return tuple(kept)

    def _stem(self, word: str) -> str:
        found = self._tokenizer(
            word.encode(),
            apsw.FTS5_TOKENIZE_DOCUMENT,
            None,
            include_offsets=False,
            include_colocated=False,
        )
        return str(next(iter(found), ""))

    def named(self, names: Iterable[str], limit: int) -> tuple[Row, ...]:
        """The chunks with one of these last names, in the order of paths."""
        query = f"{_ROW} WHERE name IN ({_LISTED}) ORDER BY path, start LIMIT ?"
        rows = self._connection.execute(query, (json.dumps(tuple(names)), limit))
        return tuple(_row(row) for row in rows)

    def chunk_text(self, path: str, names: Iterable[str], text: str) -> str:
        """The part of a file's `text` that the first known of `names` is, else all of it."""
        query = (
            "SELECT start, end FROM chunk JOIN file ON file.id = chunk.file"
            " WHERE path = ? AND qualified = ? ORDER BY start LIMIT 1"
        )
        for name in names:
            found = self._connection.execute(query, (path, name)).fetchone()
            if found is not None:
                start, end = cast("tuple[int, int]", found)
                return text[start:end]
        return text

    def _rows(self, scores: Mapping[int, float]) -> tuple[Row, ...]:
        query = f"{_ROW} WHERE chunk.id IN ({_LISTED})"
        rows = self._connection.execute(query, (json.dumps(tuple(scores)),))
        found = (_row(row, scores[cast("int", row[8])]) for row in rows)
        return tuple(sorted(found, key=lambda row: (row.score, row.key)))

    def _chunks_of(self, paths: Iterable[str]) -> Iterator[int]:
        query = (
            "SELECT chunk.id FROM chunk JOIN file ON file.id = chunk.file"
            " WHERE path IN (SELECT value FROM json_each(?))"
        )
        rows = self._connection.execute(query, (json.dumps(tuple(paths)),))
        return (cast("int", chunk) for (chunk,) in rows)


def _row(row: tuple[object, ...], score: float = 0.0) -> Row:
    path, qualified, kind, start, end, line, head, digest, _ = row
    return Row(
        cast("str", path),
        cast("str", qualified),
        cast("str", kind),
        Span(cast("int", start), cast("int", end)),
        cast("int", line),
        cast("str", head),
        cast("bytes", digest),
        score,
    )
