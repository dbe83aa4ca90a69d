"""The file in which every call of a model is entered, shared by all processes of one user.

An entry is *held* (reserved, nothing sent), *sent* (asked, not yet answered), *settled* (what it
took is known) or *assumed*. When a process dies, what it held is given back, and what it had sent
is assumed to have taken all that was reserved: whoever serves the model may bill for it, and a
crash must not be a way to spend more. A lease ends the same way what is older, dead or not: death
cannot be seen everywhere. Whoever was too late to send is told so; whoever settles late is heard.

Clocks jump, so an entry is dated by its age. Within one boot that is exact: its date is the present
one less the seconds that the boot clock counted since. Entries of other boots that lie in the
future were made by now at the latest, and are dated so. No jump makes an entry of a minute ago one
of last month, and none leaves a day used up for ever.

Knows SQLite and the two clocks, not what may be spent. Errors are those of `apsw` and OSError;
`trouble` says them in words.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import apsw

from trueup.operations.clock import Holder, Moment

BUSY_MS: Final = 5_000
"""How long a transaction waits for those of other processes."""
LEASE_SECONDS: Final = 1_800.0
"""How long a reservation lasts, longer than any call."""
KEPT_SECONDS: Final = 400 * 86_400
"""Entries older than this are removed; the longest window is a month."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    suggestion TEXT NOT NULL, session TEXT NOT NULL, model TEXT NOT NULL,
    wall REAL NOT NULL, ticks REAL NOT NULL, boot TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'sent', 'settled', 'assumed')),
    holder TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    nano INTEGER -- NULL: the price is not known
) STRICT;
-- The sums of a window are read from an index alone.
CREATE INDEX IF NOT EXISTS by_suggestion ON entry (suggestion, tokens, nano);
CREATE INDEX IF NOT EXISTS by_session ON entry (session, tokens, nano);
CREATE INDEX IF NOT EXISTS by_ticks ON entry (boot, ticks, tokens, nano);
CREATE INDEX IF NOT EXISTS by_wall ON entry (wall, boot, tokens, nano);
CREATE INDEX IF NOT EXISTS unsettled ON entry (tokens) WHERE state IN ('held', 'sent');
"""

# When an entry was made, by the present wall clock.
_DATED: Final = "CASE boot WHEN :boot THEN :wall - (:ticks - ticks) ELSE wall END"

_SUMS: Final = """
SELECT coalesce(sum(tokens), 0), coalesce(sum(nano), 0),
    coalesce(sum(CASE WHEN nano IS NULL THEN tokens END), 0)
"""
"""The fields of an Amount, in their order."""
_OF_SUGGESTION: Final = f"{_SUMS} FROM entry WHERE suggestion = :suggestion"
_OF_SESSION: Final = f"{_SUMS} FROM entry WHERE session = :session"
_SINCE: Final = f"""{_SUMS} FROM (
    SELECT tokens, nano FROM entry WHERE boot = :boot AND ticks >= :ticks - (:wall - :since)
    UNION ALL
    SELECT tokens, nano FROM entry WHERE wall >= :since AND boot != :boot
)"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Amount:
    """What one window has taken, calls that are not settled yet included in full; `unpriced` are
    tokens whose price is not known.
    """

    tokens: int = 0
    nano: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What the entries of one suggestion, one session, today and this month have taken.

    `reserved` are the tokens of all calls that are not settled yet.
    """

    suggestion: Amount = Amount()
    session: Amount = Amount()
    day: Amount = Amount()
    month: Amount = Amount()
    reserved: int = 0


class Ledger:
    """The open file. Safe to use from threads; opened again where somebody removed it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder = str(Holder.of(os.getpid()))
        self._lock = threading.Lock()
        self._connection: apsw.Connection | None = None
        self._file = (0, 0)

    def close(self) -> None:
        with self._lock:
            self._forget()

    @contextmanager
    def transaction(self, moment: Moment) -> Iterator[Transaction]:
        """What happens inside happens at once, or on any exception not at all."""
        with self._lock:
            try:
                connection = self._opened(moment)
                connection.execute("BEGIN IMMEDIATE")
                yield Transaction(connection, moment, self._holder)
                connection.execute("COMMIT")
            except BaseException:
                # Closing undoes what was begun, and whatever is wrong may be mended by next time.
                self._forget()
                raise

    def _opened(self, moment: Moment) -> apsw.Connection:
        if self._connection is not None and self._identity() == self._file:
            return self._connection
        # What is counted in a file that was removed, nobody else sees.
        self._forget()
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The files that SQLite puts beside it inherit its mode.
        self._path.touch(mode=0o600)
        self._file = self._identity()
        self._connection = connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA journal_mode = WAL")
        # A call costs money and seconds: what it took survives a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_SCHEMA)
        connection.execute(
            f"DELETE FROM entry WHERE {_DATED} < :wall - {KEPT_SECONDS}",  # noqa: S608 - constants
            _of(moment),
        )
        return connection

    def _identity(self) -> tuple[int, int]:
        """Which file the path names; (0, 0) for none."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_dev, status.st_ino

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def trouble(self, problem: apsw.Error | OSError) -> str:
        """What is wrong with the file, as the end of a sentence."""
        match problem:
            case apsw.NotADBError() | apsw.CorruptError():
                return f"{self._path} is damaged; remove it to count anew"
            case apsw.FullError():
                return f"no space is left for {self._path}"
            case apsw.BusyError():
                return f"{self._path} has been in use for {BUSY_MS // 1000} s"
            case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError():
                return f"{self._path} cannot be written"
            case OSError():
                return f"{self._path} cannot be written: {problem.strerror}"
            case _:
                return f"{self._path}: {problem}"


class Transaction:
    """The ledger at one moment, alone."""

    def __init__(self, connection: apsw.Connection, moment: Moment, holder: str) -> None:
        self._connection, self._moment, self._holder = connection, moment, holder
        self._now = _of(moment)

    def spent(self, suggestion: str, session: str) -> Spent:
        """The sums, after what the dead have left is accounted for."""
        self._tidy()
        (reserved,) = self._numbers(
            "SELECT coalesce(sum(tokens), 0) FROM entry WHERE state IN ('held', 'sent')"
        )
        return Spent(
            Amount(*self._numbers(_OF_SUGGESTION, suggestion=suggestion)),
            Amount(*self._numbers(_OF_SESSION, session=session)),
            Amount(*self._numbers(_SINCE, since=self._moment.start_of_day)),
            Amount(*self._numbers(_SINCE, since=self._moment.start_of_month)),
            reserved,
        )

    def _numbers(self, query: str, **bindings: float | str) -> list[int]:
        """The only row of `query`."""
        (row,) = self._connection.execute(query, self._now | bindings).fetchall()
        return [cast("int", item) for item in row]

    def _tidy(self) -> None:
        """End what dead processes held, and date what lies in the future."""
        self._connection.execute(
            "UPDATE entry SET wall = :wall, ticks = :ticks, boot = :boot"
            " WHERE wall > :wall AND boot != :boot",
            self._now,
        )
        unsettled = self._connection.execute(
            f"SELECT id, state, holder, :wall - {_DATED} FROM entry"  # noqa: S608 - a constant
            " WHERE state IN ('held', 'sent')",
            self._now,
        ).fetchall()
        dead = {holder: Holder.parse(cast("str", holder)).is_dead for _, _, holder, _ in unsettled}
        for number, state, holder, age in unsettled:
            if not dead[holder] and cast("float", age) <= LEASE_SECONDS:
                continue
            if state == "held":
                self._connection.execute("DELETE FROM entry WHERE id = ?", (number,))
            else:
                self._connection.execute(
                    "UPDATE entry SET state = 'assumed' WHERE id = ?", (number,)
                )

    def hold(self, suggestion: str, session: str, model: str, tokens: int, nano: int | None) -> int:
        """A new entry of this process; its number."""
        self._connection.execute(
            "INSERT INTO entry (suggestion, session, model, wall, ticks, boot, state, holder,"
            " tokens, nano) VALUES (:suggestion, :session, :model, :wall, :ticks, :boot, 'held',"
            " :holder, :tokens, :nano)",
            {
                **self._now,
                "suggestion": suggestion,
                "session": session,
                "model": model,
                "holder": self._holder,
                "tokens": tokens,
                "nano": nano,
            },
        )
        return self._connection.last_insert_rowid()

    def send(self, number: int) -> bool:
        """Whether the entry was still held; now it is sent."""
        self._connection.execute(
            "UPDATE entry SET state = 'sent' WHERE id = ? AND state = 'held'", (number,)
        )
        return self._connection.changes() > 0

    def settle(self, number: int, model: str, tokens: int, nano: int | None) -> None:
        """What it took, in place of what was reserved, once; an entry of nothing is removed."""
        if tokens:
            self._connection.execute(
                "UPDATE entry SET state = 'settled', model = ?, tokens = ?, nano = ?"
                " WHERE id = ? AND state != 'settled'",
                (model, tokens, nano, number),
            )
        else:
            self._connection.execute(
                "DELETE FROM entry WHERE id = ? AND state != 'settled'", (number,)
            )


def _of(moment: Moment) -> dict[str, float | str]:
    return {"wall": moment.wall, "ticks": moment.ticks, "boot": moment.boot}
