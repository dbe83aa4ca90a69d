"""What a run told about the tests that ran: called functions, opened files, started processes.

Values and their decoding. The words come from a process that runs the user's tests: whatever does
not read as expected is no recording at all, and a test that is missing from one is unknown.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

PACKED_BYTES_MAX: Final = 1 << 20
"""Unpacked size of one set: eight million functions are no project's."""

KINDS: Final = frozenset({"functions", "ran-outside", "kept", "ran", "recorded"})


@dataclass(frozen=True, slots=True)
class Function:
    """A code object: file relative to the root, 1-based first line (decorators included), name."""

    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Ran:
    """`functions` are numbers in the recording's table; files and folders are relative paths."""

    functions: frozenset[int] = frozenset()
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    spawned: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """`outside` is what ran in no test, or while a module was loaded by one. `kept` names, for a
    function that keeps what it computed, what ran inside of it.
    """

    functions: tuple[Function, ...]
    outside: Ran
    kept: Mapping[int, frozenset[int]]
    tests: Mapping[str, Ran]


@dataclass(slots=True)
class Listener:
    """Puts a recording together from the events of one run, in the order in which they came."""

    _functions: list[Function] = field(default_factory=list)
    _outside: Ran | None = None
    _kept: dict[int, frozenset[int]] = field(default_factory=dict)
    _tests: dict[str, Ran] = field(default_factory=dict)
    _whole: bool = False
    _broken: bool = False

    def take(self, event: list[object]) -> None:
        try:
            self._take(event)
        except ValueError:
            self._broken = True

    def _take(self, event: list[object]) -> None:
        match event:
            case ["functions", list(rows)]:
                self._functions += (_function(row) for row in rows)
            case ["ran-outside", *what]:
                self._outside = _ran(what)
            case ["kept", int(keeper), str(bits)]:
                self._kept[keeper] = _unpacked(bits)
            case ["ran", str(nodeid), *what]:
                self._tests[nodeid] = _ran(what)
            case ["recorded"]:
                self._whole = True
            case _:
                raise ValueError("not an event of a recording")

    def recording(self) -> Recording | None:
        """None where nothing was recorded, or not to its end."""
        if self._broken or not self._whole or self._outside is None:
            return None
        last = len(self._functions)
        numbers = {*self._kept, *self._outside.functions}
        numbers.update(*self._kept.values(), *(ran.functions for ran in self._tests.values()))
        if any(not 0 <= number < last for number in numbers):
            return None
        return Recording(tuple(self._functions), self._outside, self._kept, self._tests)


def _function(row: object) -> Function:
    match row:
        case [str(path), int(line), str(name)]:
            return Function(path, line, name)
    raise ValueError("not a function")


def _ran(what: list[object]) -> Ran:
    match what:
        case [str(bits), list(files), list(folders), bool(spawned), bool(unknown)]:
            return Ran(
                _unpacked(bits),
                frozenset(str(file) for file in files),
                frozenset(str(folder) for folder in folders),
                spawned,
                unknown,
            )
    raise ValueError("not what a test did")


def _unpacked(bits: str) -> frozenset[int]:
    try:
        unzip = zlib.decompressobj()
        raw = unzip.decompress(base64.b64decode(bits, validate=True), PACKED_BYTES_MAX)
    except (binascii.Error, zlib.error) as problem:
        raise ValueError(str(problem)) from None
    return frozenset(_ones(raw))


def _ones(raw: bytes) -> Iterator[int]:
    for position, byte in enumerate(raw):
        for bit in range(8):
            if byte >> bit & 1:
                yield position * 8 + bit
