"""What a project says about its imports, and one place where it is not so.

Values only: who reads them from which file, and who judges them, is elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters. An import that breaks a contract by itself is an error; one that
    is a later link in the chain of another module is information.
    """

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is written: a path relative to the root, and its 1-based line."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about a configuration file, at its line. The contracts that it does not concern
    are judged all the same.
    """

    source: Source
    message: str
    severity: Severity = Severity.ERROR
    contract: str = ""
    """The contract that cannot be judged for it, by id; "" where it is another kind of remark."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One import that a contract forbids. It is known by (contract, importer, imported)."""

    contract: str
    importer: str
    imported: str
    message: str
    chain: tuple[str, ...] = ()
    """Modules from the importer to the one that it must not reach; of two where it is direct."""
    severity: Severity = Severity.ERROR

    @property
    def key(self) -> tuple[str, str, str]:
        return self.contract, self.importer, self.imported
