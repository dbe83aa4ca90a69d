"""Functions and classes of a source text, broken or whole.

Knows tree-sitter and nothing else, so the front can use it on every keystroke: a text of 10,000
lines takes some milliseconds once and a fraction of one after an edit. What is about to be changed
is parsed exactly, by libcst, elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Point, Tree

from trueup.snapshot import Span

_LANGUAGE: Final = Language(tree_sitter_python.language())
_DEFINITIONS: Final = frozenset({"function_definition", "class_definition"})


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition: its qualified name in the module, its whole text (decorators included)."""

    qualified: str
    kind: str
    span: Span
    name: Span
    body: Span
    documented: bool


class Outline:
    """The definitions of one text. Spans are characters, whatever the text is made of."""

    def __init__(
        self, text: str, previous: Tree | None = None, encoded: bytes | None = None
    ) -> None:
        raw = text.encode("utf-8", "surrogatepass") if encoded is None else encoded
        self._ascii = len(raw) == len(text)
        self._text, self._raw = text, raw
        self._previous = previous
        self._tree: Tree | None = None

    @property
    def tree(self) -> Tree:
        """The syntax tree, parsed when it is first asked for."""
        if self._tree is None:
            parser, previous = Parser(_LANGUAGE), self._previous
            self._tree = parser.parse(self._raw, previous) if previous else parser.parse(self._raw)
        return self._tree

    @property
    def is_broken(self) -> bool:
        """Whether the text is not Python as it stands."""
        return self.tree.root_node.has_error

    def edited(self, text: str, span: Span, replacement: str) -> Outline:
        """The outline of `text`, which is this one's with `span` replaced; parses only the rest.

        This outline must not be used afterwards.
        """
        tree = self._tree or self._previous
        if tree is None:
            return Outline(text)
        start = self._byte(span.start)
        old_end = start if span.start == span.end else self._byte(span.end)
        inserted = replacement.encode("utf-8", "surrogatepass")
        start_point = _point(self._raw, start)
        tree.edit(
            start_byte=start,
            old_end_byte=old_end,
            new_end_byte=start + len(inserted),
            start_point=start_point,
            old_end_point=_after(start_point, self._raw[start:old_end]),
            new_end_point=_after(start_point, inserted),
        )
        return Outline(text, tree, self._raw[:start] + inserted + self._raw[old_end:])

    def _char(self, offset: int) -> int:
        if self._ascii:
            return offset
        return len(self._raw[:offset].decode("utf-8", "surrogatepass"))

    def _byte(self, text_offset: int) -> int:
        if self._ascii:
            return text_offset
        return len(self._text[:text_offset].encode("utf-8", "surrogatepass"))

    def _span(self, node: Node) -> Span:
        return Span(self._char(node.start_byte), self._char(node.end_byte))

    def _symbol(self, node: Node) -> Symbol:
        parent = node.parent
        whole = parent if parent is not None and parent.type == "decorated_definition" else node
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        return Symbol(
            qualified=".".join(reversed(tuple(_names_upwards(node)))),
            kind=node.type.removesuffix("_definition"),
            span=self._span(whole),
            name=self._span(name) if name else self._span(node),
            body=self._span(body) if body else self._span(node),
            documented=body is not None and _starts_with_string(body),
        )

    def enclosing(self, span: Span) -> Symbol | None:
        """The innermost function or class around `span`, or None at module level.

        A cursor behind the last character of a line belongs to what ends there.
        """
        start = span.start
        if span.start == span.end and self._ends_line(start):
            start -= 1
        node = self.tree.root_node.descendant_for_byte_range(
            self._byte(start), self._byte(span.end)
        )
        while node is not None:
            if node.type in _DEFINITIONS and _name_of(node):
                return self._symbol(node)
            if node.type == "decorated_definition":
                inner = node.child_by_field_name("definition")
                if inner is not None and _name_of(inner):
                    return self._symbol(inner)
            node = node.parent
        return None

    def _ends_line(self, offset: int) -> bool:
        behind, ahead = self._text[max(0, offset - 1) : offset], self._text[offset : offset + 1]
        return behind not in {"", "\n", "\r"} and ahead in {"", "\n", "\r"}

    def node_span(self, span: Span) -> Span:
        """The innermost expression or statement around an empty `span`; `span` itself otherwise."""
        if span.start != span.end:
            return span
        offset = self._byte(span.start)
        node = self.tree.root_node.descendant_for_byte_range(offset, offset)
        while node is not None and not node.is_named:
            node = node.parent
        return self._span(node) if node is not None and node.parent is not None else span

    def identifier_at(self, offset: int) -> Span | None:
        """The identifier that the cursor stands in or just behind, or None."""
        place = self._byte(offset)
        for start in (place, max(0, place - 1)):
            node = self.tree.root_node.descendant_for_byte_range(start, min(start + 1, place + 1))
            if node is not None and node.type == "identifier":
                return self._span(node)
        return None

    def __iter__(self) -> Iterator[Symbol]:
        """Every definition, in the order of the text."""
        stack = [self.tree.root_node]
        while stack:
            node = stack.pop()
            if node.type in _DEFINITIONS and _name_of(node):
                yield self._symbol(node)
            stack.extend(reversed(node.named_children))

    def find(self, qualified: str) -> tuple[Symbol, ...]:
        """All definitions of that name; more than one where the module redefines it."""
        return tuple(symbol for symbol in self if symbol.qualified == qualified)


def _point(raw: bytes, offset: int) -> Point:
    """Row and column in bytes, rows ending at LF as tree-sitter counts them."""
    return Point(raw.count(b"\n", 0, offset), offset - (raw.rfind(b"\n", 0, offset) + 1))


def _after(start: Point, text: bytes) -> Point:
    rows = text.count(b"\n")
    if not rows:
        return Point(start.row, start.column + len(text))
    return Point(start.row + rows, len(text) - (text.rfind(b"\n") + 1))


def _starts_with_string(body: Node) -> bool:
    first = _first_of(body)
    while first is not None and first.type == "expression_statement":
        first = _first_of(first)
    return first is not None and first.type == "string"


def _first_of(node: Node) -> Node | None:
    # Not `named_child(0)`, which raises for the body of a function that is being typed.
    return next(iter(node.named_children), None)


def _name_of(node: Node) -> str:
    name = node.child_by_field_name("name")
    return (name.text or b"").decode("utf-8", "surrogatepass") if name is not None else ""


def _names_upwards(node: Node) -> Iterator[str]:
    current: Node | None = node
    while current is not None:
        if current.type in _DEFINITIONS:
            yield _name_of(current)
        current = current.parent
