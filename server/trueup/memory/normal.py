"""The digest of code as it means, not as it is laid out.

Formatting, comments, docstrings, quotes and the name of the definition itself do not count; all
else does, in its structure. The same on every version of Python, since tree-sitter reads it. A text
that is half typed has no digests: nobody knows what it will mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trueup.symbols import Outline

if TYPE_CHECKING:
    from tree_sitter import Node

VERSION: Final = "v1-"
"""What a digest begins with; one that begins otherwise is not ours to compare."""
HEX_DIGITS: Final = 16
PARTS_MIN: Final = 16
"""Parts below which two equal definitions may well be equal by chance."""

_DEFINITIONS: Final = frozenset({"function_definition", "class_definition"})
_UNSEEN: Final = frozenset({"comment", "line_continuation", "string_end"})
_LAYOUT: Final = frozenset({",", "(", ")", ";"})
_CASELESS: Final = frozenset({"integer", "float"})


@dataclass(frozen=True, slots=True)
class Digests:
    """Of a whole text, and of its definitions by qualified name (the last where one is redefined).

    `small` are the names of those that say too little to be recognised elsewhere.
    """

    whole: str
    symbols: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    small: frozenset[str] = frozenset()


def digests(text: str) -> Digests | None:
    """None for what is not Python as it stands."""
    root = Outline(text).tree.root_node
    if root.has_error:
        return None
    walk = _Walk()
    walk.through(root)
    small = (name for name, (start, end) in walk.ranges.items() if end - start < PARTS_MIN)
    return Digests(
        _digest(walk.parts), {name: walk.digest(name) for name in walk.ranges}, frozenset(small)
    )


def prose_digest(text: str) -> str:
    """Of what is no Python: its words, however they are laid out."""
    return _digest(text.split())


def _digest(parts: list[str]) -> str:
    raw = "\0".join(parts).encode("utf-8", "surrogatepass")
    return VERSION + hashlib.sha256(raw).hexdigest()[:HEX_DIGITS]


class _Walk:
    """The parts of a text in order, and which of them each definition is made of."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.ranges: dict[str, tuple[int, int]] = {}
        self._named: dict[str, int] = {}
        """Where in the parts a definition says its own name."""
        self._around: list[tuple[str, int]] = []

    def digest(self, name: str) -> str:
        start, end = self.ranges[name]
        parts = self.parts[start:end]
        parts[self._named[name] - start] = ""
        return _digest(parts)

    def through(self, root: Node) -> None:
        # Not recursive: an expression may be nested deeper than Python's own stack.
        stack: list[Node | str] = [root]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                self._leave(item)
                continue
            kind = item.type
            if kind in _UNSEEN:
                continue
            children = [] if kind == "string_content" else item.children
            if not children:
                self._leaf(item, kind)
                continue
            if kind != "parenthesized_expression":
                stack.append(self._enter(item, kind))
            inner = [
                child
                for child in reversed(children)
                if child.type not in _LAYOUT or (kind == "subscript" and child.type == ",")
            ]
            if kind in {"block", "module"}:
                _drop_docstring(inner)
            stack += inner

    def _enter(self, node: Node, kind: str) -> str:
        """Begin a node; what is to be left when it ends."""
        decorated = kind in _DEFINITIONS and _is_decorated(node)
        inner = node.child_by_field_name("definition") if kind == "decorated_definition" else node
        ends = ">"
        if inner is not None and inner.type in _DEFINITIONS and not decorated:
            name = _text(inner.child_by_field_name("name"))
            above = f"{self._around[-1][0]}." if self._around else ""
            self._around.append((above + name, len(self.parts)))
            ends = "definition"
        self.parts.append(f"<{kind}")
        return ends

    def _leave(self, ends: str) -> None:
        self.parts.append(">")
        if ends == "definition":
            name, start = self._around.pop()
            self.ranges[name] = start, len(self.parts)

    def _leaf(self, node: Node, kind: str) -> None:
        said = _text(node)
        if kind == "identifier" and node.parent is not None and node.parent.type in _DEFINITIONS:
            # The one identifier that is directly in a definition is its name.
            self._named[self._around[-1][0]] = len(self.parts)
        elif kind == "string_start":
            said = "'" + said.rstrip("'\"").casefold().replace("u", "")
        elif kind == "string_content":
            said = said.replace("\\'", "'").replace('\\"', '"')
        elif kind in _CASELESS:
            said = said.casefold()
        self.parts.append(said)


def _is_decorated(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "decorated_definition"


def _drop_docstring(inner: list[Node]) -> None:
    """`inner` is in reverse."""
    at = len(inner) - 1
    while at >= 0 and inner[at].type == "comment":
        at -= 1
    if at < 0 or inner[at].type != "expression_statement":
        return
    if [child.type for child in inner[at].children if child.type != "comment"] == ["string"]:
        del inner[at]


def _text(node: Node | None) -> str:
    return (node.text or b"").decode("utf-8", "surrogatepass") if node is not None else ""
