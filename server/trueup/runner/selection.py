"""Which tests can see a change, by what they were recorded to run.

A change inside a function selects the tests that called it. What the recording cannot answer is
answered by dependence, which is who imports the module: changes outside of functions, functions
that ran while a module was loaded, and functions that keep what they computed. A file that is not
Python selects the tests that opened it. Tests that start processes are selected by every change,
and so are stale ones; a test file that was never recorded is selected by its imports. Where nothing
is known, the whole suite is selected.

Misses what is opened without a word to Python's audit hooks (compiled readers of files), and what
tests see by `os.path.exists` alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from trueup.runner.affected import Affected, importers_of
from trueup.runner.suite import SOURCES, suite_of
from trueup.runner.testmap import Dependencies, FileState, Place, State, TestMap

Wanted = Callable[[Dependencies], bool]
Holds = Callable[[str], bool]

CONFIGURATION: Final = frozenset({"conftest.py", *(name for name, _ in SOURCES)})
"""By the name of the file: what these say reaches every test."""


@dataclass(slots=True)
class _Selected:
    """Test functions and whole test files; `everything` names what made it the whole suite."""

    tests: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    everything: str = ""
    by_dependence: bool = False


def select(
    known: TestMap | None, changed: Collection[str], before: State, after: State
) -> Affected:
    """The tests that can see `changed`, relative paths that differ between the two states."""
    suite = suite_of(before.root)
    overlay = {**before.overlay, **after.overlay}
    every = tuple(path for path in before.paths if suite.holds(path))
    if known is None:
        return importers_of(before.root, changed, overlay)
    chosen = _Question(known, before, after, suite.holds).answer(changed)
    if chosen.everything:
        return Affected(every, len(every), f"{chosen.everything}, so every test may depend on it")
    imported = importers_of(before.root, changed, overlay).tests if changed else ()
    recorded = {name.partition("::")[0] for name in (*known.tests, *known.stale)}
    chosen.files |= {path for path in imported if path not in known.complete}
    tests = _compact(chosen, known, before, recorded)
    return Affected(tests, len(every), _why(chosen, known, changed))


def changed_since(known: TestMap, now: State) -> frozenset[str]:
    """The recorded tests that can see what is another now than it was when they were recorded."""
    changed = differing(known, now)
    if not changed:
        return known.stale
    question = _Question(known, now, now, suite_of(now.root).holds)
    chosen = question.answer_since(changed)
    if chosen.everything:
        return frozenset({*known.tests, *known.stale})
    names = {*known.tests, *known.stale}
    return frozenset(
        name for name in names if name in chosen.tests or name.partition("::")[0] in chosen.files
    )


def differing(known: TestMap, now: State) -> tuple[str, ...]:
    """Files that are not what they were when the map was recorded; not only Python."""
    present = {path: file.digest for path in now.paths if (file := now.file(path)) is not None}
    python = [
        path
        for path in {*present, *known.files}
        if present.get(path) != (known.files[path].digest if path in known.files else None)
    ]
    other = [path for path, was in known.data.items() if now.data(path) != was]
    return tuple(sorted([*python, *other]))


class _Question:
    """One map and one change; what each changed file selects adds up in `chosen`."""

    def __init__(self, known: TestMap, before: State, after: State, holds: Holds) -> None:
        self.known, self.before, self.after, self.holds = known, before, after, holds
        self.chosen = _Selected()
        self.overlay = {**before.overlay, **after.overlay}
        self.numbers = {place: number for number, place in enumerate(known.functions)}

    def answer(self, changed: Collection[str]) -> _Selected:
        if stale := differing(self.known, self.before):
            self._since(stale)
        for path in sorted(changed):
            if path.endswith(".py"):
                self._python(path, self.before.file(path), self.after.file(path))
            else:
                self._data(path, self.before.data(path), self.after.data(path))
        self.chosen.tests |= self.known.stale
        return self.chosen

    def answer_since(self, changed: Collection[str]) -> _Selected:
        self._since(changed)
        self.chosen.tests |= self.known.stale
        return self.chosen

    def _since(self, changed: Iterable[str]) -> None:
        for path in changed:
            if path.endswith(".py"):
                self._python(path, self.known.files.get(path), self.before.file(path))
            else:
                self._data(path, self.known.data.get(path, ""), self.before.data(path))

    def _python(self, path: str, old: FileState | None, new: FileState | None) -> None:
        if old is not None and new is not None and old.digest == new.digest:
            return
        name = PurePosixPath(path).name
        if name in CONFIGURATION:
            self.chosen.everything = f"{path} is a part of every test"
        elif self.known.outside.spawned:
            self.chosen.everything = "a process was started while the tests were collected"
        elif old is None or new is None:
            self._whole_file(path, new)
        elif self.holds(path) or old.rest != new.rest:
            self._depending(path)
        else:
            for function, body in new.bodies.items():
                if old.bodies.get(function) != body:
                    cached = function in old.cached or function in new.cached
                    self._function(Place(path, function), cached=cached, seen=set())
        self._tests(lambda each: each.spawned or path in each.files)

    def _whole_file(self, path: str, new: FileState | None) -> None:
        """A module that is new or gone may answer an import, and shows in its folder."""
        folders = {str(folder) for folder in PurePosixPath(path).parents}
        if folders & self.known.outside.folders:
            self.chosen.everything = f"the folder of {path} was read while tests were collected"
        top = path.partition("/")[0].removesuffix(".py")
        below_src = path.removeprefix("src/").partition("/")[0].removesuffix(".py")
        if new is not None and {top, below_src} & sys.stdlib_module_names and not self.holds(path):
            self.chosen.everything = f"{path} has the name of a module that anyone may import"
        self._depending(path)
        self._tests(lambda each: bool(folders & each.folders))

    def _function(self, place: Place, *, cached: bool, seen: set[Place]) -> None:
        """Who called it; and who called what keeps its result."""
        number = self.numbers.get(place)
        seen.add(place)
        if number is not None:
            self._tests(lambda each: number in each.functions)
        if cached or number in self.known.outside.functions:
            self._depending(place.path)
        for keeper, inside in self.known.kept.items():
            above = self.known.functions[keeper]
            if number in inside and above not in seen:
                file = self.known.files.get(above.path)
                kept = file is None or above.name in file.cached
                self._function(above, cached=kept, seen=seen)

    def _depending(self, path: str) -> None:
        """Who imports the module, or ran anything of it."""
        self.chosen.by_dependence = True
        self.chosen.files |= set(importers_of(self.before.root, [path], self.overlay).tests)
        own = frozenset(number for place, number in self.numbers.items() if place.path == path)
        self._tests(lambda each: bool(own & each.functions))

    def _data(self, path: str, old: str, new: str) -> None:
        readers = [each for each in self.known.tests.values() if path in each.files]
        if PurePosixPath(path).name in CONFIGURATION or path in self.known.outside.files:
            self.chosen.everything = f"{path} was read before the first test"
        elif not (old and new):
            self.chosen.everything = f"{path} is new, or gone"
        elif not readers:
            self.chosen.everything = f"no test was seen to open {path}"
        else:
            self._tests(lambda each: each.spawned or path in each.files)

    def _tests(self, wanted: Wanted) -> None:
        self.chosen.tests |= {name for name, each in self.known.tests.items() if wanted(each)}


def _compact(
    chosen: _Selected, known: TestMap, before: State, recorded: Collection[str]
) -> tuple[str, ...]:
    """Whole files where that is the same, and nothing that pytest would not find."""
    of_file: dict[str, set[str]] = {}
    for name in (*known.tests, *known.stale):
        of_file.setdefault(name.partition("::")[0], set()).add(name)
    present = frozenset(before.paths)
    found = {path for path in chosen.files if path in present or path in before.overlay}
    for path in recorded:
        wanted = of_file[path] & chosen.tests
        if not wanted or path in found:
            continue
        old, new = known.files.get(path), before.file(path)
        if new is None and path.endswith(".py"):
            continue
        moved = old is not None and new is not None and old.digest != new.digest
        if moved or (path in known.complete and wanted == of_file[path]):
            found.add(path)
        else:
            found |= wanted
    return tuple(sorted(found))


def _why(chosen: _Selected, known: TestMap, changed: Collection[str]) -> str:
    names = ", ".join(sorted(changed)[:3]) + (" and more" if len(changed) > 3 else "")
    every = {*known.tests, *known.stale}
    selected = {
        name for name in every if name in chosen.tests or name.partition("::")[0] in chosen.files
    }
    if not selected and not chosen.files:
        return f"none of the {len(every)} recorded tests ran what is changed in {names}"
    if chosen.by_dependence:
        return f"{len(selected)} of {len(every)} recorded tests depend on {names}"
    return f"{len(selected)} of {len(every)} recorded tests ran what is changed in {names}"
