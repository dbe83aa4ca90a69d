"""What a model says is wrong with changed code: the question, the form of the answer, its parser.

A claim names a symbol and quotes the text that it is about, because models cannot count lines, and
may bring a test. Whether the claim is true is not decided here.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trueup.guards.plain import plain
from trueup.guards.redaction import MARK
from trueup.memory.evaluate import module_of
from trueup.parsing import parse_module
from trueup.propose.context import OVERHEAD_CHARACTERS
from trueup.propose.delimiters import delimited
from trueup.propose.endpoints import CHARACTERS_PER_TOKEN
from trueup.propose.hunks import with_line_feeds
from trueup.propose.proposal import Failure, FailureKind
from trueup.propose.reply import object_in
from trueup.runner.suite import suite_of
from trueup.snapshot import Document, Span
from trueup.symbols import Outline

CLAIMS_MAX: Final = 5
"""Claims of one answer that are looked at: the worst come first."""
CHARACTERS_MAX: Final = 400_000
"""A longer file is not compared with what it was."""
MESSAGE_CHARACTERS_MAX: Final = 160
"""How much of what is wrong an editor shows at its place."""
EXPLANATION_CHARACTERS_MAX: Final = 1_000
"""How much of why it is wrong is shown."""
TEST_CHARACTERS_MAX: Final = 8_000
"""A longer test is not read: one defect needs a few lines."""
SOURCE_FOLDERS: Final = ("src", "lib")

_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["findings"],
    "properties": {
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["symbol", "quote", "message", "explanation", "test"],
                "properties": {
                    "symbol": _TEXT_OR_NULL,
                    "quote": {"type": "string"},
                    "message": {"type": "string"},
                    "explanation": {"type": "string"},
                    "test": _TEXT_OR_NULL,
                },
            },
        },
    },
}
"""The answer as a JSON schema, for endpoints that can enforce one."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a model says is wrong at `span`, and the text of its test, "" for none.

    `body` is the text of the symbol, the whole file at module level.
    """

    span: Span
    symbol: str
    body: Span
    message: str
    explanation: str
    test: str


def changed_lines(before: str, after: str) -> frozenset[int]:
    """0-based lines of `after` that are new or differ; beside a deletion, the line that follows."""
    found: set[int] = set()
    matcher = difflib.SequenceMatcher(None, _lines(before), _lines(after))
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag != "equal":
            found.update(range(start, max(end, start + 1)))
    return frozenset(found)


def _lines(text: str) -> list[str]:
    return with_line_feeds(text).split("\n")


def question(
    root: str, document: Document, before: str, context_tokens: int, decisions: str = ""
) -> str | Failure:
    """The user message: the diff, then as much of the file as fits, then the task."""
    after = with_line_feeds(document.text)
    if why := _obstacle(document):
        return Failure(FailureKind.CANNOT, why, "model")
    diff = _diff(document.path, with_line_feeds(before), after)
    module, _ = module_of(document.path, (*SOURCE_FOLDERS, *suite_of(root).pythonpath))
    task = (
        f"Task\n\nReview what the diff changed in {document.path}. Tests import it as `{module}`."
        f"{' What the project decided is about how code is written here.' if decisions else ''}"
    )
    room = int(context_tokens * CHARACTERS_PER_TOKEN) - OVERHEAD_CHARACTERS
    room -= len(task) + len(diff) + len(decisions)
    whole = (f"the file {document.path}, whole", after)
    changed = (f"the changed symbols of {document.path}", _changed_symbols(document, before))
    shown = next((section for section in (whole, changed) if len(section[1]) <= room), None)
    if shown is None:
        sentence = (
            f"what changed in {document.path} is too long for a prompt of {context_tokens} tokens"
        )
        return Failure(FailureKind.CONTEXT_EXCEEDED, sentence, "model")
    sections = [shown, (f"the diff of {document.path}", diff)]
    if decisions:
        sections.insert(0, ("decisions of this project", decisions))
    return "\n\n".join((*(delimited(heading, shown) for heading, shown in sections), task))


def _obstacle(document: Document) -> str:
    """Why a file cannot be reviewed, or ""."""
    if len(document.text) > CHARACTERS_MAX:
        return f"{document.path} is too long to be reviewed"
    try:
        parse_module(document.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"{document.path} is not Python as it stands; it is reviewed when it is"
    return ""


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        _lines(before), _lines(after), f"a/{path}", f"b/{path}", lineterm=""
    )
    return "\n".join(lines)


def _changed_symbols(document: Document, before: str) -> str:
    changed = changed_lines(before, document.text)
    parts = [
        document.text[symbol.span.start : symbol.span.end]
        for symbol in Outline(document.text)
        if "." not in symbol.qualified and _touches(document, symbol.span, changed)
    ]
    return with_line_feeds("\n\n\n".join(parts))


def _touches(document: Document, span: Span, lines: frozenset[int]) -> bool:
    first, last = document.line_at(span.start), document.line_at(max(span.start, span.end - 1))
    return any(first <= line <= last for line in lines)


def claims(
    text: str, document: Document, before: str, *, proposer: str
) -> tuple[Claim, ...] | Failure:
    """The claims of an answer about code that changed; those about other code, and those that name
    no place, are left out.
    """
    answer = object_in(text)
    rows = answer.get("findings") if answer is not None else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        sentence = "the model's answer has no list of findings"
        return Failure(FailureKind.NONSENSE, sentence, proposer)
    changed, outline = changed_lines(before, document.text), Outline(document.text)
    found = [_claim(row, document, outline) for row in rows[:CLAIMS_MAX]]
    return tuple(
        claim for claim in found if claim is not None and _touches(document, claim.body, changed)
    )


def _claim(row: Mapping[str, object], document: Document, outline: Outline) -> Claim | None:
    message = plain(" ".join(_text(row, "message").split())[:MESSAGE_CHARACTERS_MAX])
    symbol, quote = _text(row, "symbol"), _text(row, "quote").strip()
    named = outline.find(symbol) if symbol else ()
    if not message or (symbol and len(named) != 1):
        return None
    body = named[0].span if named else Span(0, len(document.text))
    if quote and "\n" not in quote and document.text.count(quote, body.start, body.end) == 1:
        start = document.text.index(quote, body.start)
        span = Span(start, start + len(quote))
    elif named:
        span = named[0].name
    else:
        return None
    if not named:
        line = document.line_span(document.line_at(span.start))
        body = Span(min(line.start, span.start), max(line.end, span.end))
    explanation = plain(_text(row, "explanation").strip()[:EXPLANATION_CHARACTERS_MAX])
    test = with_line_feeds(_text(row, "test"))
    if len(test) > TEST_CHARACTERS_MAX or MARK in test:
        # A placeholder of a secret is nothing that a test could be about.
        test = ""
    return Claim(span, symbol, body, message, explanation, test)


def _text(row: Mapping[str, object], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""
