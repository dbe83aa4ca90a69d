"""Names of modules and imports as contracts write them: `shop.*`, `shop.** -> shop.api`.

`*` stands for one part of a dotted name, `**` for one or more; so `shop.**` is all below `shop`
and not `shop`. The notation is import-linter's. Knows the names of a graph and nothing of what a
contract does with them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trueup.architecture.contracts import Source
from trueup.architecture.graph import ImportGraph

# A file may be a module without its name being a word, so a plain name is nearly anything.
_NAME: Final = re.compile(r"[^\s.*]+(?:\.[^\s.*]+)*")
_PATTERN: Final = re.compile(r"(?:\w+|\*{1,2})(?:\.(?:\w+|\*{1,2}))*")
_ARROW: Final = "->"
Matches = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Modules:
    """One module, or all that a pattern matches, and where it is written."""

    text: str
    source: Source

    def __str__(self) -> str:
        return self.text

    @property
    def is_pattern(self) -> bool:
        return "*" in self.text

    def matches(self, name: str) -> bool:
        return bool(_matcher(self.text)(name)) if self.is_pattern else name == self.text

    def found(self, graph: ImportGraph) -> Iterator[str]:
        """The modules of the graph that are meant; a plain name is looked up and nothing more."""
        if not self.is_pattern:
            return iter((self.text,) if self.text in graph else ())
        first, *rest = self.text.split(".")
        if "*" in first:
            match = _matcher(self.text)
            return (name for name in graph.modules() if match(name))
        # Down the packages, which are few where a pattern begins with a name.
        reached = {first: None}
        for part in rest:
            reached = dict.fromkeys(_below(graph, reached, part))
        return (name for name in reached if name in graph)


@dataclass(frozen=True, slots=True)
class Imports:
    """Imports of some modules by others: `importer -> imported`, either may be a pattern."""

    importer: Modules
    imported: Modules

    def __str__(self) -> str:
        return f"{self.importer} {_ARROW} {self.imported}"

    @property
    def source(self) -> Source:
        return self.importer.source

    @property
    def is_pattern(self) -> bool:
        return self.importer.is_pattern or self.imported.is_pattern

    def matches(self, importer: str, imported: str) -> bool:
        return self.importer.matches(importer) and self.imported.matches(imported)

    def found(self, graph: ImportGraph) -> Iterator[tuple[int, int]]:
        """The edges of the graph that are meant."""
        importers = {graph.ids[name] for name in self.importer.found(graph)}
        for imported in (graph.ids[name] for name in self.imported.found(graph)):
            for importer in graph.into[imported] & importers:
                yield importer, imported


def modules(text: str, source: Source) -> Modules:
    """Raises ValueError, with a sentence for the user, where `text` names no modules."""
    parts = text.split(".")
    for one, following in itertools.pairwise(parts):
        if (one, following) in {("*", "**"), ("**", "*"), ("**", "**")}:
            raise ValueError(f"in {text!r}, {one} must not be followed by {following}")
    if any("*" in part and part not in {"*", "**"} for part in parts):
        raise ValueError(f"in {text!r}, a wildcard must stand for a whole part of the name")
    if not (_PATTERN if "*" in text else _NAME).fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a module")
    return Modules(text, source)


def imports(text: str, source: Source) -> Imports:
    """Raises ValueError, with a sentence for the user, where `text` names no imports."""
    importer, arrow, imported = (part.strip() for part in text.partition(_ARROW))
    if not (importer and arrow and imported):
        raise ValueError(f"{text!r} is not of the form importer -> imported")
    return Imports(modules(importer, source), modules(imported, source))


def _below(graph: ImportGraph, names: Iterable[str], part: str) -> Iterator[str]:
    """The modules that a part of a pattern leads to, from the packages before it."""
    for name in names:
        if part == "*":
            yield from graph.children(name)
        elif part == "**":
            below = (graph.names[number] for number in graph.below(name))
            yield from (one for one in below if one != name)
        else:
            yield f"{name}.{part}"


@lru_cache(maxsize=4096)
def _matcher(text: str) -> Matches:
    parts = {"*": r"[^.]+", "**": r"[^.]+(?:\.[^.]+)*"}
    pattern = r"\.".join(parts.get(part, re.escape(part)) for part in text.split("."))
    return re.compile(pattern).fullmatch
