"""The import graph of some packages, built from what their files ask for.

Resolves names by grimp's rules: `a.b.c` is the module of that name, else `a.b`, else, where
externals count, the distribution's top package. Follows changes of files one at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trueup.architecture.graph import ImportGraph
from trueup.architecture.modules import (
    ModuleFile,
    Portion,
    Walk,
    is_orphan,
    locate,
    module_name,
)
from trueup.architecture.scan import Imported, Names
from trueup.architecture.sources import Edges, Sources


@dataclass(frozen=True, slots=True)
class Universe:
    """Which imports count: those of `packages`, with or without externals and with or without
    those that only type checkers follow.
    """

    packages: tuple[str, ...]
    externals: bool = False
    typing: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """Edges that came and went, as numbers, and the modules that came: other people's."""

    added: tuple[tuple[int, int], ...] = ()
    removed: tuple[tuple[int, int], ...] = ()
    modules: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.modules)


class Imports:
    """A graph that follows its sources."""

    def __init__(
        self, sources: Sources, universe: Universe, roots: tuple[str, ...] | None = None
    ) -> None:
        self.universe = universe
        self.sources = sources
        found = {package: locate(sources.root, package, roots) for package in universe.packages}
        self.missing = tuple(package for package in universe.packages if not found[package])
        """Packages that are not in this workspace."""
        self.portions: tuple[Portion, ...] = tuple(
            portion for portions in found.values() for portion in portions
        )
        sources.load(portion for portion in self.portions if portion not in sources.walks)
        self.graph = ImportGraph()
        self.by_path: dict[str, ModuleFile] = {}
        self.by_name: dict[str, ModuleFile] = {}
        self._internal: set[str] = set()
        self._numbers: dict[str, int | None] = {}
        self._supposed: dict[Portion, Walk] = {}
        self.build()

    def build(self) -> None:
        """Make the graph anew from what the sources know."""
        self.graph = ImportGraph()
        self.by_path.clear()
        self.by_name.clear()
        self._numbers.clear()
        namespaces: set[str] = set()
        for portion in self.portions:
            walked = self._supposed.get(portion, self.sources.walks[portion])
            namespaces.update(walked.namespaces)
            for file in walked.files:
                self.by_path[file.path] = file
                self.by_name[file.name] = file
        self._internal = namespaces | self.by_name.keys()
        ours = sorted(self._internal)
        for name in ours:
            self.graph.add_module(name)
        self._connect(_key(self.universe, ours), len(ours))

    def _connect(self, key: str, ours: int) -> None:
        """Add the edges: as remembered, where a file is as it was then."""
        held = self.sources.edges(key)
        for name in held.externals:
            self.graph.add_module(name)
        known, into, edges = held.targets, self.graph.into, {}
        for path, file in self.by_path.items():
            importer = self.graph.ids[file.name]
            numbers = known.get(path)
            if numbers is None:
                targets = self._targets(file, self.sources.names(path))
            else:
                targets = set(numbers)
            self.graph.out[importer] = targets
            edges[path] = targets
            for target in targets:
                into[target].add(importer)
        if len(known) < len(self.by_path) and not self._supposed:
            kept = {path: tuple(targets) for path, targets in edges.items()}
            self.sources.remember(key, Edges(tuple(self.graph.names[ours:]), kept))

    def suppose(self, extra: frozenset[str], absent: frozenset[str]) -> None:
        """Build as if files were there that are not on disk, and others were not."""
        for portion in self.portions:
            inside = frozenset(path for path in extra if module_name(portion, path) is not None)
            self._supposed[portion] = self.sources.supposed(portion, inside, absent)
        self.build()

    def misses(self, path: str) -> bool:
        """Whether a file of this path would be a module here, and is not known yet."""
        return path not in self.by_path and any(
            name is not None
            # Beside `x.py`, a package `x` is none.
            and not (name in self.by_name and path.endswith("/__init__.py"))
            and not is_orphan(self.sources.root, portion, path)
            for portion in self.portions
            for name in (module_name(portion, path),)
        )

    def path_of(self, module: str) -> str | None:
        file = self.by_name.get(module)
        return file.path if file is not None else None

    def update(self, path: str, parses: Callable[[], bool] = lambda: True) -> Change:
        """Follow the sources in one file. Edges that are not asked for any more stay while the text
        does not parse, which is asked only then: nobody knows yet what it will ask for.
        """
        file = self.by_path.get(path)
        if file is None:
            return Change()
        importer = self.graph.ids[file.name]
        old = self.graph.out[importer]
        known = len(self.graph.names)
        new = self._targets(file, self.sources.names(path))
        lost = old - new
        removed = tuple((importer, target) for target in lost) if lost and parses() else ()
        added = tuple((importer, target) for target in new - old)
        for edge in removed:
            self.graph.remove(*edge)
        for edge in added:
            self.graph.add(*edge)
        return Change(added, removed, tuple(self.graph.names[known:]))

    def target(self, file: ModuleFile, imported: Imported) -> str | None:
        """The module that one imported name resolves to, None where it is not of this graph."""
        if imported.typing and not self.universe.typing:
            return None
        name = self.absolute(file, imported.written)
        return self._resolved(name) if name else None

    @staticmethod
    def absolute(file: ModuleFile, written: str) -> str:
        """The name that is asked for without its dots; "" where it has more than there are."""
        rest = written.lstrip(".")
        if rest == written:
            return written
        base = _base(file, len(written) - len(rest))
        return f"{base}.{rest}" if base is not None else ""

    def _targets(self, file: ModuleFile, names: Names) -> set[int]:
        """The numbers of the modules that a file asks for. This is most of a warm start, so what a
        dotted name resolves to is remembered.
        """
        numbers = self._numbers
        asked = names.running
        if self.universe.typing and names.typing:
            asked = (*asked, *names.typing)
        bases: dict[int, str | None] = {}
        found: set[int] = set()
        for written in asked:
            name = written
            if name[0] == ".":
                rest = name.lstrip(".")
                dots = len(name) - len(rest)
                if dots not in bases:
                    bases[dots] = _base(file, dots)
                base = bases[dots]
                if base is None:
                    continue
                name = f"{base}.{rest}"
            if name in numbers:
                number = numbers[name]
            else:
                target = self._resolved(name)
                number = None if target is None else self.graph.add_module(target)
                numbers[name] = number
            if number is not None:
                found.add(number)
        return found

    def _resolved(self, name: str) -> str | None:
        if name in self._internal:
            return name
        parent = name.rpartition(".")[0]
        if parent in self._internal:
            return parent
        return self._external(name) if self.universe.externals else None

    def _external(self, name: str) -> str | None:
        """The top package of what is not ours; beside a namespace of ours, one level below it.

        As grimp's `distill_external_module`.
        """
        parts = name.split(".")
        best: tuple[str, ...] = (parts[0],)
        for package in self.universe.packages:
            ours = package.split(".")
            if len(ours) < 2 or ours[0] != parts[0]:
                continue
            if ours[: len(parts)] == parts:
                # A parent of ours is no module of anyone's.
                return None
            shared = 0
            while shared < min(len(ours), len(parts)) and ours[shared] == parts[shared]:
                shared += 1
            best = max(best, tuple(parts[: shared + 1]), key=len)
        return ".".join(best)


def _key(universe: Universe, ours: list[str]) -> str:
    """What the numbers of a graph depend on: which modules there are, and which imports count."""
    digest = hashlib.blake2b(repr(universe).encode(), digest_size=16)
    digest.update("\n".join(ours).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _base(file: ModuleFile, dots: int) -> str | None:
    """The package that a relative import of so many dots starts from, None where there is none."""
    up = dots - (1 if file.is_package else 0)
    parts = file.name.split(".")
    return ".".join(parts[: len(parts) - up]) if up < len(parts) else None


def imports_of(
    root: Path, universe: Universe, cache: Path | None = None, roots: tuple[str, ...] | None = None
) -> Imports:
    """The graph of a project's packages, from its cache where there is one."""
    return Imports(Sources(root, cache), universe, roots)
