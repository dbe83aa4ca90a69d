"""The code that decisions speak of: where a dotted name is, and what else means the same.

Reads the project as it is on disk, each file at most once and only when it is asked for. A file
that cannot be read or is half typed is unknown, which is neither there nor gone.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from trueup import InputError, workspace
from trueup.memory.evaluate import SUFFIXES, module_of
from trueup.memory.normal import Digests, digests, prose_digest


class Place(NamedTuple):
    """A definition by its name in its module; "" is the whole file."""

    path: str
    symbol: str = ""


class CodeBase:
    """The code of one project at one moment. `roots` are the folders that it imports from."""

    def __init__(self, root: str, roots: tuple[str, ...]) -> None:
        self.root = root
        self.roots = roots
        self._read: dict[str, Digests | None] = {}

    @cached_property
    def files(self) -> tuple[str, ...]:
        return workspace.python_files(self.root)

    @cached_property
    def modules(self) -> tuple[tuple[str, str], ...]:
        """The dotted name of each file's module, and the file."""
        return tuple((module_of(path, self.roots)[0], path) for path in self.files)

    def has(self, path: str) -> bool:
        file = Path(self.root, path)
        # Not `Path.exists`, which raises for a name that no disk can hold.
        there = bool(path) and os.path.exists(file)  # noqa: PTH110
        return there and workspace.relative(self.root, file) is not None

    def digests(self, path: str) -> Digests | None:
        """None where it cannot be said."""
        if path not in self._read:
            try:
                text = workspace.read(self.root, path).text
            except InputError:
                self._read[path] = None
            else:
                python = path.endswith(SUFFIXES)
                self._read[path] = digests(text) if python else Digests(prose_digest(text))
        return self._read[path]

    def digest(self, place: Place) -> str:
        """Nothing where it cannot be said."""
        known = self.digests(place.path)
        if known is None:
            return ""
        return known.symbols.get(place.symbol, "") if place.symbol else known.whole

    def named(self, path: str, name: str) -> Place | None:
        """What a dotted name means in a file: a definition, or all of it where the name is that of
        its module, with or without the packages around it. None where it means nothing there.
        """
        if not name:
            return Place(path)
        symbols = known.symbols if (known := self.digests(path)) is not None else {}
        plain = PurePosixPath(path).with_suffix("").as_posix().removesuffix("/__init__")
        parts = plain.split("/")
        for at in range(len(parts)):
            module = ".".join(parts[at:])
            if name == module:
                return Place(path)
            if name.removeprefix(f"{module}.") in symbols and name.startswith(f"{module}."):
                return Place(path, name.removeprefix(f"{module}."))
        return Place(path, name) if name in symbols else None

    def meant(self, name: str) -> tuple[Place, ...] | None:
        """What a qualified name means anywhere; `a.b.*` is `a.b` with all below it. None where a
        file that might say cannot be read.
        """
        base = name.removesuffix(".*")
        found: list[Place] = []
        unknown = False
        for module, path in self.modules:
            if f"{module}.".startswith(f"{base}."):
                found.append(Place(path))
            elif module and base.startswith(f"{module}."):
                known, own = self.digests(path), base.removeprefix(f"{module}.")
                unknown |= known is None
                if known is not None and own in known.symbols:
                    found.append(Place(path, own))
        return tuple(found) if found or not unknown else None

    def called(self, place: Place) -> str:
        """The qualified name of a place."""
        return f"{module_of(place.path, self.roots)[0]}.{place.symbol}".strip(".")

    def same(self, digest: str) -> tuple[Place, ...]:
        """Everything in the project that has this digest."""
        return self._by_digest.get(digest, ())

    @cached_property
    def _by_digest(self) -> dict[str, tuple[Place, ...]]:
        found: defaultdict[str, list[Place]] = defaultdict(list)
        for place, digest in self._everything():
            found[digest].append(place)
        return {digest: tuple(places) for digest, places in found.items()}

    def _everything(self) -> Iterator[tuple[Place, str]]:
        for path in self.files:
            if (known := self.digests(path)) is None:
                continue
            # An empty file is like every other empty one.
            if known.symbols:
                yield Place(path), known.whole
            for symbol, digest in known.symbols.items():
                if symbol not in known.small:
                    yield Place(path, symbol), digest
