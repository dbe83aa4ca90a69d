"""The imports of one file as tach counts them: which names it asks for, and where.

A relative import becomes a full name. With `ignore_type_checking_imports`, all branches of an
`if TYPE_CHECKING:` are left out; with `include_string_imports`, a string that names a module
counts as an import of it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from trueup.architecture.scan import Imported
from trueup.architecture.tach.blocks import TOP, Place, places
from trueup.lines import line_starts

_LITERAL: Final = re.compile(
    r'''(?P<prefix>\b[A-Za-z]{1,2})?(?P<string>"""(?:[^\\"]++|\\.|"(?!""))*+"""|'''
    r"""\'{3}(?:[^\\']++|\\.|'(?!''))*+\'{3}|"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+')"""
    r"""|\#[^\n]*+""",
    re.DOTALL,
)
_PLAIN_PREFIXES: Final = frozenset({"", "r", "u"})
_DOTS: Final = 2
"""A string with fewer names no module, whatever modules there are."""


class Asked(NamedTuple):
    """A name that a file asks for; lines count from 1."""

    name: str
    imported: Imported
    statement: int
    """The line where the statement begins."""
    line: int
    """The line of the name itself."""
    nested: bool
    """Whether this is a local import; False too where nobody wants to know."""


def asked(
    text: str,
    imports: Sequence[Imported],
    module: str,
    *,
    package: bool,
    ignore_typing: bool,
    want_nested: bool,
    names_module: Callable[[str], bool] | None,
) -> Iterator[Asked]:
    """Those of the `imports` of `text` that count, in the order of the text; then those of strings,
    where `names_module` says which strings name a module.

    `module` is the file's dotted name; `package` says whether it is an `__init__.py`.
    """
    ignore_typing = ignore_typing and "TYPE_CHECKING" in text
    where: Mapping[int, Place] = {}
    if want_nested or ignore_typing:
        # What begins a line is in nothing.
        statements = dict.fromkeys(each.statement for each in imports)
        inner = [start for start in statements if start and text[start - 1] not in "\r\n"]
        where = places(text, inner)
    starts = line_starts(text)

    def line(offset: int) -> int:
        return bisect_right(starts, offset)

    for imported in imports:
        name = _full_name(imported, module, package=package)
        place = where.get(imported.statement, TOP)
        if name is None or (place.typing and ignore_typing):
            continue
        yield Asked(name, imported, line(imported.statement), line(imported.start), place.nested)
    if names_module is not None:
        for written, start, end in _strings(text):
            if names_module(written):
                imported = Imported(
                    "",
                    written,
                    "",
                    start,
                    start,
                    start,
                    start,
                    end,
                    typing=False,
                    statement_end=end,
                )
                yield Asked(written, imported, line(start), line(start), nested=False)


def _full_name(imported: Imported, module: str, *, package: bool) -> str | None:
    """None for a relative import of nothing, and for one that leaves the source root."""
    rest = imported.module.lstrip(".")
    level = len(imported.module) - len(rest)
    if not level:
        return imported.written
    parts = module.split(".")
    dropped = level - package
    if dropped > len(parts):
        return None
    parts = parts[: len(parts) - dropped]
    if rest:
        parts.append(rest)
    return ".".join((*parts, imported.name)) if parts else None


def _strings(text: str) -> Iterator[tuple[str, int, int]]:
    for found in _LITERAL.finditer(text):
        string = found["string"]
        if string is None or string.count(".") < _DOTS:
            continue
        if (found["prefix"] or "").lower() in _PLAIN_PREFIXES:
            quotes = 3 if string[:3] in {'"""', "'''"} else 1
            yield string[quotes:-quotes], found.start(), found.end()
