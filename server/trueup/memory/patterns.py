"""Patterns and regular expressions, as ast-grep has them.

Knows how they are asked for and why one cannot be. Nothing of ast-grep is imported before it is
needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from trueup.memory.rules import Pattern
from trueup.snapshot import Span
from trueup.symbols import Outline

if TYPE_CHECKING:
    from ast_grep_py import SgNode

REMEMBERED_MAX: Final = 1 << 15
"""Rules and patterns of which is remembered what they are; a project with more of them, which all
come by on every save, would find none again.
"""
META: Final = re.compile(r"\$+[A-Z_][A-Z0-9_]*")
_WORD: Final = re.compile(r"(?<!\w)[^\W\d]\w*")


def root_of(text: str) -> SgNode:
    """What ast-grep makes of a text, broken or whole."""
    from ast_grep_py import SgRoot  # noqa: PLC0415 - not before a rule asks

    return SgRoot(text, "python").root()


def in_order(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Each once. Comparing spans themselves takes ten times as long."""
    return tuple(sorted(set(spans), key=lambda span: (span.start, span.end)))


def span_of(node: SgNode) -> Span:
    place = node.range()
    return Span(place.start.index, place.end.index)


def is_match(node: SgNode, rule: Mapping[str, object]) -> bool:
    asked: Any = rule
    return node.matches(**asked)


def rule_of(pattern: Pattern) -> dict[str, object]:
    """The pattern as ast-grep's rule objects have it."""
    if pattern.kind:
        return {"kind": pattern.kind}
    if pattern.selector:
        return {"pattern": {"context": pattern.text, "selector": pattern.selector}}
    return {"pattern": pattern.text}


@lru_cache(maxsize=REMEMBERED_MAX)
def words_of(pattern: Pattern) -> tuple[str, ...]:
    """Words that stand in every text that matches."""
    # The context around what is selected need not be there, and a comment is no part of a pattern.
    if pattern.selector or "#" in pattern.text:
        return ()
    return tuple(dict.fromkeys(_WORD.findall(META.sub(" ", pattern.text))))


@lru_cache(maxsize=REMEMBERED_MAX)
def pattern_problem(pattern: Pattern) -> str:
    """Why a pattern cannot be looked for, one sentence, or ""."""
    if pattern.kind:
        return ""
    if not pattern.selector:
        # ast-grep puts letters for its dollars too, before it parses.
        tree = Outline(pattern.text.replace("$", "µ")).tree
        if tree.root_node.has_error:
            return f"the pattern `{_short(pattern.text)}` is no whole piece of Python"
    return _refusal({"rule": rule_of(pattern)}, f"the pattern `{_short(pattern.text)}`")


@lru_cache(maxsize=REMEMBERED_MAX)
def regex_problem(regex: str) -> str:
    """Why a regular expression cannot be used, one sentence, or ""."""
    wanted = {"rule": {"kind": "string_content", "regex": whole(regex)}}
    return _refusal(wanted, f"the regular expression `{_short(regex)}`")


def _refusal(rule: Mapping[str, object], what: str) -> str:
    asked: Any = rule
    try:
        root_of("").find_all(asked)
    except RuntimeError as problem:
        said = str(problem).partition("Stack backtrace")[0].strip().splitlines()
        last = said[-1].strip() if said else "no reason given"
        reason = re.sub(r"^(\d+: |error: )", "", last).replace("µ", "$")
        return f"{what} cannot be used: {reason[:1].lower()}{reason[1:]}".rstrip(".")
    return ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."


def whole(regex: str) -> str:
    return rf"\A(?:{regex})\z"


@lru_cache(maxsize=256)
def matching(regex: str, names: tuple[str, ...]) -> frozenset[str]:
    """The names that match a regular expression from end to end.

    The engine is that of ast-grep, which is linear in the text whatever the expression. The names
    are identifiers, so they can stand in quotes.
    """
    listed = "".join(f'"{name}"\n' for name in names)
    wanted: Any = {"rule": {"kind": "string_content", "regex": whole(regex)}}
    return frozenset(node.text() for node in root_of(listed).find_all(wanted))
