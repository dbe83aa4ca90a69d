"""One Python text, parsed once, and what rules ask of it: matches of patterns, and definitions.

The parser and the patterns are ast-grep's; nothing of it is imported before a rule asks. A text
that is half typed has what stands whole in it. Offsets count characters.

A pattern is looked for only around its rarest word: a text without one of a pattern's words cannot
match it, and most files hold few of the words of most rules. What `within` asks is compared by
places, because ast-grep's own `inside` takes cubic time in a deep expression.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from trueup.architecture.scan import Imported, imports
from trueup.memory.patterns import META, in_order, is_match, root_of, rule_of, span_of, words_of
from trueup.memory.rules import Named, Pattern
from trueup.snapshot import Document, Span
from trueup.symbols import Outline

if TYPE_CHECKING:
    from ast_grep_py import SgNode

REGION_CHARACTERS_MAX: Final = 1500
"""What is longer is searched part by part."""
REGION_DEPTH_MAX: Final = 30
RARE_MAX: Final = 4
"""Places up to which it is quicker to look at each than at the whole text."""

_WORD: Final = re.compile(r"(?<!\w)[^\W\d]\w*")
_RUN: Final = re.compile(r"\w+")
_NAMING: Final = ("function_definition", "class_definition", "assignment")
_LITERALS: Final = frozenset({"integer", "float", "string", "concatenated_string"})


@dataclass(frozen=True, slots=True)
class Definition:
    """Something that has a name. `public` is what others may use: no name around it begins with an
    underscore, and it is not inside a function. `node` is what ast-grep parsed.
    """

    what: Named
    name: str
    span: Span
    whole: Span
    public: bool
    node: SgNode


class Code:
    """A text with its path. Not to be shared between threads, as what ast-grep parsed is not.

    The limits are about speed alone: whatever they are, the same is found.
    """

    def __init__(
        self,
        path: str,
        text: str,
        *,
        region_characters: int = REGION_CHARACTERS_MAX,
        rare: int = RARE_MAX,
    ) -> None:
        self._region_characters = region_characters
        self._rare = rare
        self.document = Document(path, text)
        # A lone surrogate is no Unicode; what stands in for it is one character too.
        self.text = text if text.isascii() else text.encode("utf-8", "replace").decode()
        self._found: dict[Pattern, tuple[Span, ...]] = {}

    @property
    def path(self) -> str:
        return self.document.path

    @cached_property
    def is_blank(self) -> bool:
        """Whether nothing but comments and a docstring is in it."""
        children = [node for node in self.root.named_children() if node.kind() != "comment"]
        return not children or (len(children) == 1 and _is_string(children[0]))

    @cached_property
    def words(self) -> Counter[str]:
        return Counter(_RUN.findall(self.text))

    @cached_property
    def root(self) -> SgNode:
        return root_of(self.text)

    def matches(self, patterns: tuple[Pattern, ...], within: Pattern | None) -> tuple[Span, ...]:
        """Where any of the patterns matches, inside of what matches `within`; in order."""
        found = in_order(span for pattern in patterns for span in self.spans(pattern))
        if within is None or not found:
            return found
        around = self.spans(within)
        return tuple(
            span for span in found if any(one.contains(span) and one != span for one in around)
        )

    def spans(self, pattern: Pattern) -> tuple[Span, ...]:
        if pattern not in self._found:
            self.look_for((pattern,))
        return self._found[pattern]

    def look_for(self, patterns: Iterable[Pattern]) -> None:
        """Find all of these at once: the tree is walked one time for those whose words are common,
        however many they are.
        """
        common: list[Pattern] = []
        for pattern in dict.fromkeys(patterns):
            if pattern in self._found:
                continue
            if pattern.kind:
                # Apart from the others: a whole class holds the words of many patterns.
                nodes = self._of_kind(pattern.kind)
                self._found[pattern] = in_order(span_of(node) for node in nodes)
                continue
            words = words_of(pattern)
            rarest = min(words, key=self.words.__getitem__, default="")
            if rarest and not self.words[rarest]:
                self._found[pattern] = ()
            elif rarest and self.words[rarest] <= self._rare:
                nodes = self._around(rarest, rule_of(pattern))
                self._found[pattern] = in_order(span_of(node) for node in nodes)
            else:
                common.append(pattern)
        if common:
            self._found.update(self._everywhere(common))

    def _everywhere(self, patterns: list[Pattern]) -> dict[Pattern, tuple[Span, ...]]:
        rules = [rule_of(pattern) for pattern in patterns]
        words = [words_of(pattern) for pattern in patterns]
        found: list[set[Span]] = [set() for _ in patterns]
        # All that matches a pattern is of one kind, which is known from its first match on.
        kinds = [""] * len(patterns)
        wanted: Any = {"rule": {"any": rules} if len(rules) > 1 else rules[0]}
        for node in self.root.find_all(wanted):
            kind, text, span = node.kind(), node.text(), span_of(node)
            for number, pattern in enumerate(patterns):
                if kinds[number] and kinds[number] != kind:
                    continue
                if len(rules) > 1:
                    if any(word not in text for word in words[number]):
                        continue
                    if not is_match(node, rules[number]):
                        continue
                found[number].add(span)
                if not META.fullmatch(pattern.text):
                    kinds[number] = kind
        return {pattern: in_order(spans) for pattern, spans in zip(patterns, found, strict=True)}

    def _around(self, word: str, rule: Mapping[str, object]) -> list[SgNode]:
        """What matches where a word stands: in the regions that hold it, and what holds those."""
        wanted: Any = {"rule": rule}
        regions, large = self._regions
        starts = [region[0].start for region in regions]
        touched: dict[int, SgNode] = {}
        above: dict[int, SgNode] = {}
        at = self.text.find(word)
        while at >= 0:
            place = bisect.bisect_right(starts, at) - 1
            if place >= 0 and at < regions[place][0].end:
                touched[place] = regions[place][1]
            above |= {
                n: node for n, (span, node) in enumerate(large) if span.start <= at < span.end
            }
            at = self.text.find(word, at + len(word))
        found = [node for part in touched.values() for node in part.find_all(wanted)]
        return found + [node for node in above.values() if is_match(node, rule)]

    @cached_property
    def _regions(self) -> tuple[list[tuple[Span, SgNode]], list[tuple[Span, SgNode]]]:
        """The text in parts that do not overlap, and the nodes that hold more than one part."""
        regions: list[tuple[Span, SgNode]] = []
        large: list[tuple[Span, SgNode]] = []
        waiting = [(span_of(self.root), self.root, 0)]
        while waiting:
            span, node, depth = waiting.pop()
            if span.end - span.start <= self._region_characters or depth == REGION_DEPTH_MAX:
                regions.append((span, node))
                continue
            large.append((span, node))
            waiting += ((span_of(child), child, depth + 1) for child in node.named_children())
        regions.sort(key=lambda region: region[0])
        return regions, large

    @cached_property
    def comments(self) -> tuple[Span, ...]:
        return self.spans(Pattern("", kind="comment"))

    def _of_kind(self, kind: str) -> list[SgNode]:
        return self._naming[kind] if kind in _NAMING else self.root.find_all(kind=kind)

    @cached_property
    def _naming(self) -> dict[str, list[SgNode]]:
        """What gives names, by kind, from one walk of the tree."""
        kinds: Any = {"rule": {"any": [{"kind": kind} for kind in _NAMING]}}
        found: dict[str, list[SgNode]] = {kind: [] for kind in _NAMING}
        for node in self.root.find_all(kinds):
            found[node.kind()].append(node)
        return found

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """Functions, methods and classes, in the order of the text."""
        found: list[Definition] = []
        stack: list[Definition] = []
        nodes = [
            (span_of(node), node)
            for kind in ("function_definition", "class_definition")
            for node in self._naming[kind]
        ]
        nodes.sort(key=lambda item: (item[0].start, -item[0].end))
        for whole, node in nodes:
            while stack and stack[-1].whole.end <= whole.start:
                stack.pop()
            name = node.field("name")
            if name is None:
                continue
            around = stack[-1] if stack else None
            what = Named.CLASS
            if node.kind() == "function_definition":
                inside = around is not None and around.what is Named.CLASS
                what = Named.METHOD if inside else Named.FUNCTION
            own = name.text()
            hidden = own.startswith("_") and not is_dunder(own)
            open_around = around is None or (around.public and around.what is Named.CLASS)
            made = Definition(what, own, span_of(name), whole, open_around and not hidden, node)
            found.append(made)
            stack.append(made)
        return tuple(found)

    @cached_property
    def imports(self) -> tuple[Imported, ...]:
        return imports(self.text)

    @cached_property
    def documented(self) -> frozenset[Span]:
        """The spans of those definitions that have a docstring."""
        return frozenset(item.span for item in self.definitions if is_documented(item))

    @cached_property
    def arguments(self) -> tuple[Definition, ...]:
        return tuple(
            Definition(
                Named.ARGUMENT, name.text(), span_of(name), span_of(node), definition.public, node
            )
            for definition in self.definitions
            for node in parameters(definition)
            if (name := parameter_name(node)) is not None
        )

    @cached_property
    def assigned(self) -> tuple[Definition, ...]:
        """Names that are assigned: constants are those with `Final`, and those that the module
        binds to a number or a text; all others are variables.
        """
        return tuple(self._assigned())

    def _assigned(self) -> Iterator[Definition]:
        for node in self._naming["assignment"]:
            target = node.field("left")
            if target is None or target.kind() != "identifier":
                continue
            annotation, value = node.field("type"), node.field("right")
            final = annotation is not None and "Final" in _WORD.findall(annotation.text())
            statement = node.parent()
            top = statement is not None and (block := statement.parent()) is not None and (
                block.kind() == "module"
            )  # fmt: skip
            literal = value is not None and value.kind() in _LITERALS
            what = Named.CONSTANT if final or (top and literal) else Named.VARIABLE
            name = target.text()
            yield Definition(
                what, name, span_of(target), span_of(node), not name.startswith("_"), node
            )

    def symbol_spans(self, names: tuple[str, ...], module: str) -> tuple[Span, ...]:
        """The definitions that dotted names mean; all of the text where they mean its module.

        `shop.http.*` is all below `shop.http`, and so is `shop.http` itself.
        """
        found: list[Span] = []
        for name in (item.removesuffix(".*") for item in names):
            if f"{module}.".startswith(f"{name}."):
                return (Span(0, len(self.text)),)
            if name.startswith(f"{module}."):
                found += self._symbols.get(name.removeprefix(f"{module}."), ())
        return tuple(found)

    @cached_property
    def _symbols(self) -> Mapping[str, list[Span]]:
        """Where each qualified name is defined; thousands of decisions may ask."""
        found: defaultdict[str, list[Span]] = defaultdict(list)
        for symbol in Outline(self.text):
            found[symbol.qualified].append(symbol.span)
        return found


def is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and len(name) > 4


def parameters(definition: Definition) -> tuple[SgNode, ...]:
    """The parameters of a function, as they are parsed; markers and separators are left out."""
    if definition.what is Named.CLASS or (listed := definition.node.field("parameters")) is None:
        return ()
    return tuple(node for node in listed.named_children() if parameter_name(node) is not None)


def parameter_name(node: SgNode) -> SgNode | None:
    named = node.field("name")
    while named is None or named.kind() != "identifier":
        if node.kind() == "identifier":
            return node
        children = (named or node).named_children()
        if not children or node.kind() in {"comment", "ERROR"}:
            return None
        node, named = children[0], children[0].field("name")
    return named


def is_documented(definition: Definition) -> bool:
    body = definition.node.field("body")
    return body is not None and is_documented_block(body)


def is_documented_block(block: SgNode) -> bool:
    first = next((node for node in block.named_children() if node.kind() != "comment"), None)
    return first is not None and _is_string(first)


def _is_string(statement: SgNode) -> bool:
    inner = (
        statement.named_children() if statement.kind() == "expression_statement" else [statement]
    )
    return bool(inner) and inner[0].kind() in {"string", "concatenated_string"}


def decorators(definition: Definition) -> tuple[str, ...]:
    """What stands behind the `@`s of a definition."""
    parent = definition.node.parent()
    if parent is None or parent.kind() != "decorated_definition":
        return ()
    return tuple(
        node.text().removeprefix("@").strip()
        for node in parent.named_children()
        if node.kind() == "decorator"
    )
