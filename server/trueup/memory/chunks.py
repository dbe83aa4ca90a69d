"""The functions, methods and classes of a text, as what can be found.

Knows tree-sitter, so that half-typed code still has its chunks. A function inside a function is a
part of it; a class is what it says itself, without its methods, which are chunks of their own.
Offsets count characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from trueup.snapshot import Span

VERSION: Final = 1
CHARACTERS_MAX: Final = 40_000
"""Of one chunk that is read; tables of data are that long, and say it in the beginning."""
HEAD_CHARACTERS_MAX: Final = 240

_LANGUAGE: Final = Language(tree_sitter_python.language())
_DEFINITIONS: Final = Query(
    _LANGUAGE, "(function_definition) @definition (class_definition) @definition"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One definition. `head` is its signature in one line, `line` where that begins, 1-based.

    `documentation` and `body` are without each other, and without methods that are chunks.
    """

    qualified: str
    kind: str
    span: Span
    line: int
    head: str
    documentation: str
    body: str

    @property
    def name(self) -> str:
        return self.qualified.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class _Definition:
    node: Node
    whole: Node
    qualified: str
    kind: str
    inner: list[Node]


def chunks(text: str) -> tuple[Chunk, ...]:
    """Every chunk of a Python text, in its order."""
    raw = text.encode("utf-8", "surrogatepass")
    root = Parser(_LANGUAGE).parse(raw).root_node
    found = QueryCursor(_DEFINITIONS).captures(root).get("definition", ())
    definitions = tuple(_definitions(sorted(found, key=lambda node: node.start_byte)))
    place = _characters(raw, len(raw) == len(text), definitions)
    return tuple(_chunk(raw, place, definition) for definition in definitions)


def _definitions(nodes: Iterable[Node]) -> Iterator[_Definition]:
    """Each with its name; what stands in a function is a part of it."""
    around: list[_Definition] = []
    for node in nodes:
        name = node.child_by_field_name("name")
        if name is None or not name.text:
            continue
        while around and around[-1].node.end_byte <= node.start_byte:
            around.pop()
        if around and around[-1].kind != "class":
            continue
        parent = node.parent
        decorated = parent is not None and parent.type == "decorated_definition"
        whole = parent if decorated and parent is not None else node
        said = name.text.decode("utf-8", "replace")
        kind = "class" if node.type == "class_definition" else "function"
        if around:
            around[-1].inner.append(whole)
            said = f"{around[-1].qualified}.{said}"
            kind = "method" if kind == "function" else kind
        definition = _Definition(node, whole, said, kind, [])
        around.append(definition)
        yield definition


def _characters(raw: bytes, plain: bool, definitions: Iterable[_Definition]) -> dict[int, int]:
    """The places of definitions in characters, by their places in bytes."""
    places = sorted({at for item in definitions for at in (item.whole.start_byte,
                                                           item.whole.end_byte)})  # fmt: skip
    if plain:
        return dict(zip(places, places, strict=True))
    found: dict[int, int] = {}
    last = characters = 0
    for at in places:
        # A definition begins and ends at whole characters.
        characters += len(raw[last:at].decode("utf-8", "surrogatepass"))
        found[at] = characters
        last = at
    return found


def _chunk(raw: bytes, place: dict[int, int], definition: _Definition) -> Chunk:
    node, whole = definition.node, definition.whole
    body = node.child_by_field_name("body")
    start = body.start_byte if body is not None else node.end_byte
    documentation = _documentation(body)
    code_start = documentation.end_byte if documentation is not None else start
    return Chunk(
        definition.qualified,
        definition.kind,
        Span(place[whole.start_byte], place[whole.end_byte]),
        node.start_point.row + 1,
        " ".join(_text(raw[node.start_byte : start]).split())[:HEAD_CHARACTERS_MAX],
        _text(documentation.text or b"") if documentation is not None else "",
        _own(raw, code_start, node.end_byte, definition.inner),
    )


def _documentation(body: Node | None) -> Node | None:
    first = next(iter(body.named_children), None) if body is not None else None
    if first is not None and first.type == "expression_statement":
        first = next(iter(first.named_children), None)
    return first if first is not None and first.type == "string" else None


def _own(raw: bytes, start: int, end: int, inner: Iterable[Node]) -> str:
    parts = []
    for node in inner:
        parts.append(_text(raw[start : max(start, node.start_byte)]))
        start = node.end_byte
    return "".join((*parts, _text(raw[start:end])))[:CHARACTERS_MAX]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
