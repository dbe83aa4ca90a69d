"""The part of YAML that decisions are written in: maps, lists and texts, each with its place.

Built from the events of PyYAML, so that nothing is ever constructed: a number or a date stays the
text that it is, aliases, anchors and tags are refused, and so is what is deep or large. Whoever
reads a value knows what it is to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

from trueup.snapshot import Span

DEPTH_MAX: Final = 12
NODES_MAX: Final = 5000
CHARACTERS_MAX: Final = 64 * 1024

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    line: int
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    line: int
    span: Span
    flow: bool


@dataclass(frozen=True, slots=True)
class Table:
    entries: tuple[tuple[Text, Node], ...]
    line: int
    span: Span

    def get(self, key: str) -> Node | None:
        return next((node for name, node in self.entries if name.value == key), None)


Node = Text | Sequence | Table


class YamlError(Exception):
    """Why a text is not read: one sentence, and the 1-based line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def read(text: str, *, line: int = 1, offset: int = 0) -> Node | None:
    """The value of a document, None for an empty one. Raises YamlError.

    `line` and `offset` are where the text begins in its file, so that all places are of the file.
    """
    if len(text) > CHARACTERS_MAX:
        raise YamlError(f"longer than {CHARACTERS_MAX // 1024} KiB", line)
    try:
        return _Reader(yaml.parse(text, Loader=_LOADER), line, offset).document()
    except yaml.MarkedYAMLError as problem:
        at = problem.problem_mark or problem.context_mark
        said = problem.problem or problem.context or "it cannot be read"
        hint = "; put the text in quotes" if "cannot start" in said or "not allowed" in said else ""
        raise YamlError(f"this is not YAML: {said}{hint}", line + (at.line if at else 0)) from None
    except yaml.reader.ReaderError as problem:
        before = text[: problem.position] if isinstance(problem.position, int) else ""
        raise YamlError(
            "there is a character that YAML does not allow", line + before.count("\n")
        ) from None
    except RecursionError:
        raise YamlError("nested too deeply", line) from None


class _Reader:
    """Builds nodes from events, without recursion beyond DEPTH_MAX."""

    def __init__(self, events: Iterator[yaml.Event], line: int, offset: int) -> None:
        self._events = events
        self._line = line
        self._offset = offset
        self._nodes = 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.NodeEvent):
                if root is not None:
                    raise YamlError("there is more than one document", self._at(event))
                root = self._node(event, 0)
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = self._at(event)
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise YamlError(f"more than {NODES_MAX} values", line)
        if depth > DEPTH_MAX:
            raise YamlError("nested too deeply", line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError("anchors and aliases (`&`, `*`) are not read; quote the text", line)
        if getattr(event, "tag", None) not in {None, "!"}:
            raise YamlError("tags (`!`) are not read; quote the text", line)
        if isinstance(event, yaml.ScalarEvent):
            return Text(event.value, line, self._span(event, event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        return self._table(event, depth)

    def _sequence(self, start: yaml.SequenceStartEvent, depth: int) -> Sequence:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                flow = bool(start.flow_style)
                return Sequence(tuple(items), self._at(start), self._span(start, event), flow)
            items.append(self._node(event, depth + 1))
        raise YamlError("a list does not end", self._at(start))

    def _table(self, start: yaml.Event, depth: int) -> Table:
        entries: list[tuple[Text, Node]] = []
        known: set[str] = set()
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                return Table(tuple(entries), self._at(start), self._span(start, event))
            key = self._node(event, depth + 1)
            if not isinstance(key, Text):
                raise YamlError("a key is a word", self._at(event))
            if key.value in known:
                raise YamlError(f"{key.value!r} is given twice", key.line)
            known.add(key.value)
            entries.append((key, self._node(next(self._events), depth + 1)))
        raise YamlError("a map does not end", self._at(start))

    def _at(self, event: yaml.Event) -> int:
        return self._line + (event.start_mark.line if event.start_mark else 0)

    def _span(self, first: yaml.Event, last: yaml.Event) -> Span:
        start = first.start_mark.index if first.start_mark else 0
        end = last.end_mark.index if last.end_mark else start
        return Span(self._offset + start, self._offset + max(start, end))
