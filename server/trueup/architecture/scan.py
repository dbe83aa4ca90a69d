"""The imports that a Python text states, found without parsing it.

One regular expression walks over strings, comments and import statements, so that the text may be
half typed: what stands whole is found. It agrees with `ast` on every file that parses. Knows no
files and no modules: names are as written, relative ones with their dots.

Offsets count characters of the text that was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from keyword import iskeyword
from typing import Final, NamedTuple

MODULE_CHARACTERS_MAX: Final = 400
"""The longest module name after `from`, spaces and continued lines included."""

# What a token begins with stands first, as one set, so that the search skips to the next of these
# characters. Possessive quantifiers: nothing that was read is read again, whatever the text.
_STRING: Final = r"""
    (?<=") (?:""(?:[^\\"]++|\\.|"(?!""))*+"{3} | (?:[^"\\\n]++|\\.)*+")
  | (?<=') (?:\'\'(?:[^\\']++|\\.|'(?!''))*+'{3} | (?:[^'\\\n]++|\\.)*+')
  | (?<=\#) [^\n]*+
"""
_BETWEEN: Final = r"(?:[ \t]|\\\n)"
_IMPORT: Final = rf"""
    (?<=[\n;:]) [ \t\f]*+ (?:lazy[ \t]++)?+ (?:
        import(?=[ \t\\]) (?P<names>(?:[^\n\#;\\]++|\\\n)++)
      | from(?=[ \t.\\]) (?P<module>(?:[\w. \t]|\\\n){{1,{MODULE_CHARACTERS_MAX}}}?) {_BETWEEN}*+
        (?<![\w]) import (?=[ \t(*\\]) {_BETWEEN}*+
        (?P<members>
            \( (?:[\w, \t\f\\]++|\#[^\n]*+
                 |\n(?![ \t]*+(?:import|from|def|class|if|for|while|with|try|return)\b))*+ \)?+
          | (?:[^\n\#;\\(]++|\\\n)++
        )
    )
"""
_TOKEN: Final = re.compile(rf"""["'\#\n;:] (?:{_STRING}|{_IMPORT})""", re.DOTALL | re.VERBOSE)
_STRINGS: Final = re.compile(rf"""["'\#] (?:{_STRING})""", re.DOTALL | re.VERBOSE)
_ITEM: Final = re.compile(r"(\w+(?:\s*\.\s*\w+)*|\*)(?:\s+as\s+(\w+))?")
_SPACE: Final = re.compile(r"[ \t]+")
_NO_LINE_END: Final = re.compile(r"[^\n]")
_COMMENT: Final = re.compile(r"#[^\n]*")
_TYPING_BLOCK: Final = re.compile(
    r"^([ \t]*)(?:el)?if[ \t]*\(?[ \t]*(?:\w+(?:\.\w+)*\.)?TYPE_CHECKING[ \t]*\)?[ \t]*:",
    re.MULTILINE,
)
# A replacement field that is still open at the quote which would end its string: since Python 3.12
# an f-string may hold its own quotes and line ends there.
_NESTED: Final = re.compile(
    r"""[fFtT][rR]?+(?:
        "(?:[^"\\\n{]++|\\.|\{\{|\{[^"{}\n]*+\})*+\{[^"}\n]*+["\n{]
      | '(?:[^'\\\n{]++|\\.|\{\{|\{[^'{}\n]*+\})*+\{[^'}\n]*+['\n{]
      | \"{3}(?:[^"\\{]++|\\.|\{\{|"(?!"")|\{[^"{}]*+\})*+\{[^"}]*+["{]
      | '{3}(?:[^'\\{]++|\\.|\{\{|'(?!'')|\{[^'{}]*+\})*+\{[^'}]*+['{]
    )""",
    re.VERBOSE,
)
_FORMATTED: Final = r"""\b(?:[fFtT][rR]?|[rR][fFtT])(?P<quote>"{3}|'{3}|"|')"""
_PIECE: Final = re.compile(rf"""{_FORMATTED} | ["'\#] (?:{_STRING})""", re.DOTALL | re.VERBOSE)


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that one statement imports.

    `module` is what stands after `from`, "" in `import a.b`; `name` is the imported name, "*"
    included. The offsets are of the statement, of `module` (where it stands) and of `name`.
    """

    module: str
    name: str
    alias: str
    statement: int
    module_start: int
    module_end: int
    start: int
    end: int
    typing: bool
    """Under `if TYPE_CHECKING:`, so that only type checkers follow it."""
    statement_end: int
    """Where the statement ends, a closing parenthesis included."""

    @property
    def written(self) -> str:
        """The dotted name that is asked for, with the dots of a relative import in front."""
        return joined(self.module, self.name)

    @property
    def bound(self) -> str:
        """The name that the statement binds."""
        return self.alias or (self.name if self.module else self.name.partition(".")[0])


class Names(NamedTuple):
    """What a text asks for: names that running it imports, and names for type checkers only."""

    running: tuple[str, ...]
    typing: tuple[str, ...] = ()


class _Statement(NamedTuple):
    start: int
    end: int
    module: str
    module_start: int
    names: str
    names_start: int


def joined(module: str, name: str) -> str:
    """The dotted name of a member; `from .. import x` asks for `..x`."""
    if not module:
        return name
    return module + name if module.endswith(".") else f"{module}.{name}"


def names(text: str) -> Names:
    """Every name that `text` imports, each once, in the order of the text."""
    text = _readable(text)
    blocks = _typing_blocks(text)
    running: dict[str, None] = {}
    typing: dict[str, None] = {}
    for statement in _statements(text):
        found = typing if _within(blocks, statement.start) else running
        module, listed = statement.module, statement.names
        if "#" in listed:
            listed = _COMMENT.sub("", listed)
        for part in listed.replace("\\\n", " ").strip("()").split(","):
            name = part.strip()
            if not name.isidentifier():
                item = _ITEM.fullmatch(name)
                if item is None:
                    continue
                name = "".join(item[1].split())
            if iskeyword(name):
                break
            found[joined(module, name)] = None
    return Names(tuple(running), tuple(name for name in typing if name not in running))


class Scanned(NamedTuple):
    """The imports of a text, and where in it stands what only type checkers follow."""

    imports: tuple[Imported, ...]
    typing: tuple[tuple[int, int], ...]


def imports(text: str) -> tuple[Imported, ...]:
    """Every imported name with its places."""
    return scanned(text).imports


def scanned(text: str) -> Scanned:
    text = _readable(text)
    blocks = _typing_blocks(text)
    found = (
        imported
        for statement in _statements(text)
        for imported in _imported(statement, _within(blocks, statement.start))
    )
    return Scanned(tuple(found), blocks)


def names_of(found: Iterable[Imported]) -> Names:
    """The same as `names` says, of what `imports` found."""
    running: dict[str, None] = {}
    typing: dict[str, None] = {}
    for item in found:
        (typing if item.typing else running)[item.written] = None
    return Names(tuple(running), tuple(name for name in typing if name not in running))


def _imported(statement: _Statement, typing: bool) -> Iterator[Imported]:
    written = statement.module_start
    listed = _COMMENT.sub(lambda found: " " * len(found[0]), statement.names)
    listed = listed.replace("\\\n", "  ")
    start = 0
    for part in listed.strip("()").split(","):
        item = _ITEM.fullmatch(part.strip())
        at = listed.index(part, start)
        start = at + len(part)
        if item is None:
            continue
        name = "".join(item[1].split())
        if iskeyword(name):
            return
        at += statement.names_start + len(part) - len(part.lstrip())
        yield Imported(
            statement.module,
            name,
            item[2] or "",
            statement.start,
            written,
            written + len(statement.module),
            at,
            at + item.end(1),
            typing,
            statement.end,
        )


def _statements(text: str) -> Iterator[_Statement]:
    # A statement is found by the line end before it; the first line has none.
    padded = f"\n{text}"
    for found in _TOKEN.finditer(padded):
        kind = found.lastgroup
        if kind is None:
            continue
        before = found.start() + 1
        whole = padded[before : found.end()]
        start = before + len(whole) - len(whole.lstrip(" \t\f")) - 1
        if kind == "names":
            yield _Statement(
                start, found.end() - 1, "", start, found["names"], found.start("names") - 1
            )
        else:
            written = found["module"]
            module_start = found.start("module") - 1
            module_start += len(written) - len(written.lstrip(" \t\\\n"))
            module = _SPACE.sub("", written.replace("\\\n", ""))
            if module:
                members = found["members"]
                yield _Statement(
                    start,
                    found.end() - 1,
                    module,
                    module_start,
                    members,
                    found.start("members") - 1,
                )


def _readable(text: str) -> str:
    """The text with other line ends as LF and nested f-strings blanked, every offset kept."""
    if "\r" in text:
        text = text.replace("\\\r\n", "\\\n ").replace("\r\n", " \n").replace("\r", "\n")
    if _NESTED.search(text):
        text = _without_nested(text)
    return text


def _without_nested(text: str) -> str:
    """The text with every f-string blanked."""
    parts: list[str] = []
    at = position = 0
    while (piece := _PIECE.search(text, position)) is not None:
        position = piece.end()
        if piece["quote"] is not None:
            position = _end_of_formatted(text, position, piece["quote"])
            parts += [text[at : piece.start()], _blank(text[piece.start() : position])]
            at = position
    return "".join((*parts, text[at:]))


def _blank(text: str) -> str:
    return _NO_LINE_END.sub("x", text)


def _end_of_formatted(text: str, position: int, quote: str) -> int:
    """Where the f-string whose content begins at `position` ends, by the grammar of PEP 701.

    What is open is either a string, as its quote, or a replacement field, as its depth of braces.
    """
    waiting: list[str | int] = [quote]
    while position < len(text) and waiting:
        within = waiting[-1]
        if isinstance(within, int):
            position = _in_field(text, position, waiting, within)
        elif text.startswith(within, position):
            waiting.pop()
            position += len(within)
        elif text[position] == "\\" or text.startswith("{{", position):
            position += 2
        elif text[position] == "{":
            waiting.append(1)
            position += 1
        elif text[position] == "\n" and len(within) == 1:
            return position
        else:
            position += 1
    return min(position, len(text))


def _in_field(text: str, position: int, waiting: list[str | int], depth: int) -> int:
    """One step inside of a replacement field: the position behind it."""
    piece = _PIECE.match(text, position)
    if piece is not None:
        if piece["quote"] is not None:
            waiting.append(piece["quote"])
        return piece.end()
    depth += {"{": 1, "}": -1}.get(text[position], 0)
    waiting.pop()
    if depth:
        waiting.append(depth)
    return position + 1


def _within(blocks: tuple[tuple[int, int], ...], offset: int) -> bool:
    return any(start <= offset < end for start, end in blocks)


def _typing_blocks(text: str) -> tuple[tuple[int, int], ...]:
    """The bodies of `if TYPE_CHECKING:`, without their `else`."""
    if "TYPE_CHECKING" not in text:
        return ()
    plain = _STRINGS.sub(
        lambda found: "x" * len(found[0]) if found[0][0] != "#" else " " * len(found[0]), text
    )
    return tuple(
        (header.end(), _end_of_block(plain, header.end(), len(header[1].expandtabs())))
        for header in _TYPING_BLOCK.finditer(plain)
    )


def _end_of_block(plain: str, position: int, indent: int) -> int:
    """The first line of code that is not deeper than the header's; strings are blanked."""
    depth = 0
    start = position
    first = plain.find("\n", position)
    if plain[position : first if first >= 0 else len(plain)].strip():
        # `if TYPE_CHECKING: import x` has its body on its own line.
        indent = -1
    while position < len(plain):
        end = plain.find("\n", position)
        end = len(plain) if end < 0 else end
        line = plain[position:end]
        if position != start and not depth and line.strip():
            deep = len(line.expandtabs()) - len(line.expandtabs().lstrip())
            if indent < 0 or deep <= indent:
                return position
        depth = max(0, depth + sum(map(line.count, "([{")) - sum(map(line.count, ")]}")))
        if line.endswith("\\") and not depth:
            end = plain.find("\n", end + 1)
            end = len(plain) if end < 0 else end
        position = end + 1
    return len(plain)
