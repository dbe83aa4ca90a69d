"""From each test to the code that it ran: what was recorded, for one state of the workspace.

Derived data, kept in the cache folder, one file for each workspace and interpreter; a file that
does not read as expected is no map. A test whose dependencies may have changed since it was
recorded is `stale`: it is selected by every change until it is recorded again. A test that was
never recorded is not in the map at all, and its file is not `complete`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from trueup import InputError, workspace
from trueup.runner.recording import Ran, Recording
from trueup.runner.results import RunStatus, TestRun
from trueup.runner.units import Module, Unit, module_of
from trueup.snapshot import digest

FORMAT: Final = 1
FILE_BYTES_MAX: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A function of the workspace, by its file and its name there."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file was when the map was recorded: its digest, the module, each function's body."""

    digest: str
    rest: str
    bodies: Mapping[str, str]
    cached: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What one test function did, in all of its parameters together."""

    functions: frozenset[int] = frozenset()
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    spawned: bool = False


@dataclass(frozen=True, slots=True)
class TestMap:
    """`functions` is the table that numbers refer to. `imported` ran outside of any test; `kept`
    says what ran inside of a function that keeps things. Tests are node ids without parameters.
    """

    __test__ = False

    files: Mapping[str, FileState]
    data: Mapping[str, str]
    """Digests of the files that are not Python and that some test opened; "" for one missing."""
    functions: tuple[Place, ...]
    outside: Dependencies
    kept: Mapping[int, frozenset[int]]
    tests: Mapping[str, Dependencies]
    stale: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """The Python files of a workspace at one moment, read when they are asked for."""

    root: str
    overlay: Mapping[str, str]
    """The text of files that differ from the disk."""
    deleted: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    _texts: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, root: str, overlay: Mapping[str, str], deleted: Collection[str] = ()) -> State:
        new = (path for path in overlay if path.endswith(".py"))
        paths = tuple(sorted({*workspace.python_files(root), *new} - set(deleted)))
        own = {part.removesuffix(".py") for path in paths for part in path.split("/")}
        return cls(root, overlay, frozenset(deleted), paths, frozenset(own))

    def text(self, path: str) -> str | None:
        """None where there is no such file, or none that can be read."""
        if path in self.deleted:
            return None
        if path in self.overlay:
            return self.overlay[path]
        if path not in self._texts:
            try:
                self._texts[path] = workspace.read(self.root, path).text
            except InputError:
                self._texts[path] = None
        return self._texts[path]

    def module(self, path: str) -> Module | None:
        text = self.text(path)
        return None if text is None else module_of(text, self.own)

    def file(self, path: str) -> FileState | None:
        if path in self.overlay or path in self.deleted:
            return self._read(path)
        try:
            status = Path(self.root, path).stat()
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, self.own)
        place = str(Path(self.root, path))
        known = _BY_STAMP.get(place)
        if known is None or known[0] != stamp:
            if len(_BY_STAMP) >= STAMPS_MAX:
                _BY_STAMP.clear()
            _BY_STAMP[place] = known = (stamp, self._read(path))
        return known[1]

    def _read(self, path: str) -> FileState | None:
        text, module = self.text(path), self.module(path)
        if text is None or module is None:
            return None
        cached = frozenset(unit.name for unit in module.units if unit.cached)
        return FileState(digest(text), module.rest, module.bodies, cached)

    def data(self, path: str) -> str:
        """The digest of a file that may be anything; "" where it is not there."""
        text = self.text(path)
        return "" if text is None else digest(text)


_BY_STAMP: Final[dict[str, tuple[object, FileState | None]]] = {}
STAMPS_MAX: Final = 50_000


def keepers(state: State) -> dict[str, dict[int, tuple[str, ...]]]:
    """What functions keep, in the words of `keeping`, by first line; for the recorder."""
    found = {}
    for path in state.paths:
        if workspace.is_test(path):
            continue
        module = state.module(path)
        lines = {unit.first: unit.keeps for unit in module.units if unit.keeps} if module else None
        if lines:
            found[path] = lines
    return found


def without_parameters(nodeid: str) -> str:
    path, separator, name = nodeid.partition("::")
    return path + separator + name.partition("[")[0]


class _Numbers:
    """The table of functions of a map that is being made."""

    def __init__(self, state: State, recording: Recording) -> None:
        self.state = state
        self._numbers: dict[Place, int] = {}
        self._of_recording = [self._place(*each) for each in _rows(recording)]

    def _place(self, path: str, line: int, name: str) -> int | None:
        module = self.state.module(path)
        unit: Unit | None = module.at(line, name) if module else None
        return None if unit is None else self.number(Place(path, unit.name))

    def number(self, place: Place) -> int:
        return self._numbers.setdefault(place, len(self._numbers))

    def recorded(self, numbers: Iterable[int]) -> frozenset[int]:
        found = (self._of_recording[number] for number in numbers)
        return frozenset(number for number in found if number is not None)

    def one(self, number: int) -> int | None:
        return self._of_recording[number]

    def table(self) -> tuple[Place, ...]:
        return tuple(self._numbers)


def _rows(recording: Recording) -> Iterable[tuple[str, int, str]]:
    return ((each.path, each.line, each.name) for each in recording.functions)


def recorded(run: TestRun, recording: Recording, state: State, tests: tuple[str, ...]) -> TestMap:
    """The map of one run of `tests` (pytest's arguments; empty: the whole suite)."""
    numbers = _Numbers(state, recording)
    found: dict[str, Dependencies] = {}
    unknown: set[str] = set()
    for nodeid in run.results:
        name, ran = without_parameters(nodeid), recording.tests.get(nodeid)
        if ran is None or ran.unknown:
            unknown.add(name)
        else:
            found[name] = _joined(found.get(name), _dependencies(ran, numbers))
    opened = {path for each in found.values() for path in each.files} | recording.outside.files
    whole = {test for test in tests if "::" not in test}
    complete = frozenset(
        path
        for path in {name.partition("::")[0] for name in (*found, *unknown)}
        if not tests or path in whole
    )
    kept: dict[int, frozenset[int]] = {}
    for keeper, inside in recording.kept.items():
        if (number := numbers.one(keeper)) is not None:
            kept[number] = kept.get(number, frozenset()) | numbers.recorded(inside)
    files = {path: known for path in state.paths if (known := state.file(path)) is not None}
    return TestMap(
        files=files,
        data={path: state.data(path) for path in sorted(opened - set(files))},
        functions=numbers.table(),
        outside=_dependencies(recording.outside, numbers),
        kept=kept,
        tests={name: each for name, each in found.items() if name not in unknown},
        stale=frozenset(unknown),
        complete=complete,
    )


def _dependencies(ran: Ran, numbers: _Numbers) -> Dependencies:
    return Dependencies(numbers.recorded(ran.functions), ran.files, ran.folders, ran.spawned)


def _joined(one: Dependencies | None, other: Dependencies) -> Dependencies:
    if one is None:
        return other
    return Dependencies(
        one.functions | other.functions,
        one.files | other.files,
        one.folders | other.folders,
        one.spawned or other.spawned,
    )


def merged(old: TestMap | None, new: TestMap, changed_since: frozenset[str]) -> TestMap:
    """`new`, with what `old` knows of tests that did not run now.

    `changed_since` are the tests of `old` that can see what changed between the two.
    """
    if old is None:
        return new
    table = {place: number for number, place in enumerate(new.functions)}

    def numbers(of: Iterable[int]) -> frozenset[int]:
        return frozenset(table.setdefault(old.functions[one], len(table)) for one in of)

    again = {*new.tests, *new.stale}
    gone = {name for name in (*old.tests, *old.stale) if name.partition("::")[0] in new.complete}
    stale = ((old.stale | changed_since) & {*old.tests, *old.stale}) - again - gone
    tests = dict(new.tests)
    for name, each in old.tests.items():
        if name not in again and name not in stale and name not in gone:
            tests[name] = replace(each, functions=numbers(each.functions))
    kept = dict(new.kept)
    for keeper, inside in old.kept.items():
        (number,) = numbers([keeper])
        kept[number] = kept.get(number, frozenset()) | numbers(inside)
    outside = replace(old.outside, functions=numbers(old.outside.functions))
    return replace(
        new,
        data={**old.data, **new.data},
        outside=_joined(outside, new.outside),
        kept=kept,
        tests=tests,
        functions=tuple(table),
        stale=new.stale | stale,
        complete=new.complete | {path for path in old.complete if path in new.files},
    )


def learned(old: TestMap | None, run: TestRun, state: State, tests: tuple[str, ...],
            changed_since: frozenset[str]) -> TestMap | None:  # fmt: skip
    """The map after `run`, or `old` where the run has nothing to tell."""
    if run.recording is None or run.status is not RunStatus.FINISHED:
        return old
    return merged(old, recorded(run, run.recording, state, tests), changed_since)


# -- the store ------------------------------------------------------------------------------------


def place_of(folder: Path, root: str, interpreter: Path) -> Path:
    name = hashlib.sha256(f"{root}\0{interpreter}".encode()).hexdigest()[:32]
    return folder / "testmaps" / f"{name}.json"


def load(file: Path) -> TestMap | None:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            return None
        found = json.loads(file.read_bytes())
        return _read(found) if found["format"] == FORMAT else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None


def save(file: Path, known: TestMap) -> None:
    """Written beside and moved into place, so that a reader sees the old map or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=file.parent, prefix=".map-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(_written(known), stream, separators=(",", ":"))
        Path(beside).replace(file)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _written(known: TestMap) -> dict[str, object]:
    return {
        "format": FORMAT,
        "files": {
            path: [each.digest, each.rest, each.bodies, sorted(each.cached)]
            for path, each in known.files.items()
        },
        "data": known.data,
        "functions": [[place.path, place.name] for place in known.functions],
        "outside": _row(known.outside),
        "kept": {str(keeper): sorted(inside) for keeper, inside in known.kept.items()},
        "tests": {name: _row(each) for name, each in known.tests.items()},
        "stale": sorted(known.stale),
        "complete": sorted(known.complete),
    }


def _row(each: Dependencies) -> list[object]:
    return [sorted(each.functions), sorted(each.files), sorted(each.folders), each.spawned]


def _from_row(row: Any) -> Dependencies:  # noqa: ANN401 - the same
    functions, files, folders, spawned = row
    numbers = frozenset(int(number) for number in functions)
    return Dependencies(numbers, frozenset(files), frozenset(folders), bool(spawned))


def _read(found: Any) -> TestMap:  # noqa: ANN401 - JSON, and every surprise in it is caught
    files = {}
    for path, (known, rest, bodies, cached) in found["files"].items():
        files[path] = FileState(str(known), str(rest), dict(bodies), frozenset(cached))
    read = TestMap(
        files=files,
        data={path: str(known) for path, known in found["data"].items()},
        functions=tuple(Place(path, name) for path, name in found["functions"]),
        outside=_from_row(found["outside"]),
        kept={int(key): frozenset(map(int, inside)) for key, inside in found["kept"].items()},
        tests={name: _from_row(row) for name, row in found["tests"].items()},
        stale=frozenset(map(str, found["stale"])),
        complete=frozenset(map(str, found["complete"])),
    )
    last = len(read.functions)
    sets = [read.outside.functions, frozenset(read.kept), *read.kept.values()]
    sets += [each.functions for each in read.tests.values()]
    if any(not 0 <= number < last for numbers in sets for number in numbers):
        raise ValueError("a number without a function")
    return read
