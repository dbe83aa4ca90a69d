"""What one text states: its imports with their places, kept while it is edited.

Most edits of a text touch no import. Then nothing is scanned: what stands behind the edit has
moved, and that is all. Knows texts and imports; what they lead to is asked of a graph.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from trueup.architecture import scan
from trueup.architecture.graph import ImportGraph
from trueup.architecture.imports import Imports
from trueup.architecture.scan import Imported, Names, Scanned
from trueup.snapshot import Document

_TELLING: Final = re.compile(r"""["'\\\r]|import|from|TYPE_CHECKING""")
"""What can begin, end or hide an import statement, or a string, on the lines that were edited."""


class Stated:
    """The imports of one text, and what they lead to. `stamp` is another when the text is."""

    def __init__(
        self,
        stamp: object,
        path: str,
        text: str,
        *,
        document: Document | None = None,
        found: Scanned | None = None,
    ) -> None:
        self.stamp = stamp
        self.document = document if document is not None else Document(path, text)
        self.imports, self.typing = scan.scanned(text) if found is None else found
        self._to: dict[int, tuple[ImportGraph, dict[str, list[Imported]]]] = {}

    @property
    def names(self) -> Names:
        return scan.names_of(self.imports)

    def edited(self, text: str, document: Document | None = None) -> Stated | None:
        """The same for another text of the file, where one can tell without scanning it."""
        old = self.document.text
        start, old_end, new_end = _changed(old, text)
        line = old.rfind("\n", 0, start) + 1
        whole = line == start and _starts_line(old, old_end) and _starts_line(text, new_end)
        if not whole:
            # Whole lines that come or go leave the one behind them as it is.
            old_end, new_end = _end_of_line(old, old_end), _end_of_line(text, new_end)
        start = line
        if any(begin <= old_end and start <= end for begin, end in self.typing):
            # A line that ends the block need not look like anything.
            return None
        if _TELLING.search(old, start, old_end) or _TELLING.search(text, start, new_end):
            return None
        moved: list[Imported] = []
        by = new_end - old_end
        for item in self.imports:
            if item.statement_end < start:
                if not _closed(old, item):
                    return None
                moved.append(item)
            elif item.statement >= old_end:
                moved.append(_shifted(item, by) if by else item)
            else:
                return None
        typing = tuple(
            (begin + by, end + by) if begin > old_end else (begin, end)
            for begin, end in self.typing
        )
        found = Scanned(tuple(moved), typing)
        return Stated(text, self.document.path, text, document=document, found=found)

    def to(self, imports: Imports, module: str) -> list[Imported]:
        """The names that lead to `module`, in the order of the text."""
        held = self._to.get(id(imports))
        if held is None or held[0] is not imports.graph:
            # The graph was built anew: names may lead elsewhere.
            found: dict[str, list[Imported]] = {}
            file = imports.by_path[self.document.path]
            for item in self.imports:
                target = imports.target(file, item)
                if target is not None:
                    found.setdefault(target, []).append(item)
            held = self._to[id(imports)] = imports.graph, found
        return held[1].get(module, [])


def _changed(old: str, new: str) -> tuple[int, int, int]:
    """Where both begin to differ, and where they differ for the last time, in each.

    By halving: comparing slices is faster than comparing characters, however often it is done.
    """
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    start = low
    low, high = 0, min(len(old), len(new)) - start
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    return start, len(old) - low, len(new) - low


def _end_of_line(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def _starts_line(text: str, offset: int) -> bool:
    return not offset or text[offset - 1] == "\n"


def _closed(text: str, item: Imported) -> bool:
    """Whether the parenthesis of a statement is closed: else it may reach for what follows."""
    stated = text[item.statement : item.statement_end]
    return stated.count("(") == stated.count(")")


def _shifted(item: Imported, by: int) -> Imported:
    return replace(
        item,
        statement=item.statement + by,
        module_start=item.module_start + by,
        module_end=item.module_end + by,
        start=item.start + by,
        end=item.end + by,
        statement_end=item.statement_end + by,
    )
