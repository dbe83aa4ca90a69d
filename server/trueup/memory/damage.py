"""Two ways in which the index cannot be used: it is damaged, or nothing can be kept there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw

_DAMAGE: Final = (
    apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.FormatError, apsw.CantOpenError,
    FileNotFoundError,
)  # fmt: skip
# A page whose checksum is wrong; a file that was removed while it was open.
_DAMAGE_CODES: Final = frozenset({apsw.SQLITE_IOERR_DATA, apsw.SQLITE_READONLY_DBMOVED})


class DamagedError(Exception):
    """The database cannot be trusted, or is gone; another one is needed."""


class UnusableError(Exception):
    """Nothing can be kept where the index should be; says why."""


@contextmanager
def told_apart() -> Iterator[None]:
    """Raise DamagedError or UnusableError for all that SQLite and the disk may raise."""
    try:
        yield
    except (apsw.Error, FileNotFoundError) as problem:
        # What was removed under us is made again, as what is damaged is.
        damaged = isinstance(problem, _DAMAGE) or (
            getattr(problem, "extendedresult", 0) in _DAMAGE_CODES
        )
        says = getattr(problem, "strerror", "") or str(problem)
        raise (DamagedError if damaged else UnusableError)(says) from problem
    except OSError as problem:
        raise UnusableError(problem.strerror or str(problem)) from problem
