"""The form in which a model answers, and its parser, side by side.

An edit either replaces a whole symbol or quotes a text that occurs exactly once; models cannot
count lines. Whatever cannot be understood becomes a Failure whose sentence is good enough to send
back to the model.

This module does not judge: an edit of a file that nobody asked about is parsed, and the gate
refuses it.
"""

from __future__ import annotations

import json
import re
import textwrap
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from trueup import InputError, workspace
from trueup.parsing import parse_module
from trueup.propose.hunks import minimal_edits, with_line_ends_of, with_line_feeds
from trueup.propose.proposal import Failure, FailureKind
from trueup.snapshot import Document, Edit, Snapshot, Span, apply_edits
from trueup.symbols import Outline, Symbol

TITLE_CHARACTERS_MAX: Final = 72
EXPLANATION_CHARACTERS_MAX: Final = 1_000
QUOTE_CHARACTERS_MAX: Final = 60
"""How much of a text a complaint about it repeats."""

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "explanation", "edits"],
    "properties": {
        "title": {"type": "string"},
        "explanation": {"type": "string"},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["path", "symbol", "before", "after"],
                "properties": {
                    "path": {"type": "string"},
                    "symbol": {"type": ["string", "null"]},
                    "before": {"type": ["string", "null"]},
                    "after": {"type": "string"},
                },
            },
        },
    },
}
"""The answer as a JSON schema, for endpoints that can enforce one."""

_FENCED: Final = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    title: str
    explanation: str
    edits: tuple[Edit, ...]


class _NonsenseError(Exception):
    """Ends the parse with the sentence that user and model read."""


def parse_reply(text: str, snapshot: Snapshot, *, proposer: str = "model") -> Reply | Failure:
    """What the model wants changed, as minimal edits of the snapshot's documents.

    Documents that the snapshot does not hold are read from disk.
    """
    try:
        answer = _object(text)
        title = " ".join(_text(answer, "title").split())[:TITLE_CHARACTERS_MAX]
        explanation = _text(answer, "explanation").strip()[:EXPLANATION_CHARACTERS_MAX]
        return Reply(title or "Change the code", explanation, _edits(answer, snapshot))
    except _NoEditsError as problem:
        return Failure(FailureKind.NOTHING_TO_DO, str(problem), proposer)
    except _NonsenseError as problem:
        return Failure(FailureKind.NONSENSE, str(problem), proposer)


class _NoEditsError(Exception):
    """The model answered in form and changes nothing."""


def object_in(text: str) -> Mapping[str, object] | None:
    """The JSON object of an answer, in a fence or with chatter around it, or None."""
    candidates = [text, *(match.group(1) for match in _FENCED.finditer(text))]
    first, last = text.find("{"), text.rfind("}")
    if 0 <= first < last:
        candidates.append(text[first : last + 1])
    for candidate in candidates:
        try:
            answer = json.loads(candidate.strip().removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            continue
        if isinstance(answer, dict):
            return answer
    return None


def _object(text: str) -> Mapping[str, object]:
    answer = object_in(text)
    if answer is not None:
        return answer
    if not text.strip():
        raise _NonsenseError("the model answered with nothing")
    raise _NonsenseError(f"the model's answer is not JSON: {_quoted(text)}")


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _NonsenseError(f"the model's {key} is not text")
    return value


def _edits(answer: Mapping[str, object], snapshot: Snapshot) -> tuple[Edit, ...]:
    rows = answer.get("edits")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _NonsenseError("the model's answer has no list of edits")
    if not rows:
        why = _text(answer, "explanation").strip()
        raise _NoEditsError(
            f"the model proposes no change{': ' + _quoted(why, 300) if why else ''}"
        )
    by_path: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        by_path.setdefault(_path(_text(row, "path")), []).append(row)
    edits: list[Edit] = []
    for path, of_path in sorted(by_path.items()):
        edits.extend(_edits_of(_document(path, snapshot), of_path))
    if not edits:
        raise _NoEditsError("the model's edits change nothing")
    return tuple(edits)


def _path(path: str) -> str:
    if not path:
        raise _NonsenseError("an edit of the model names no path")
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def _document(path: str, snapshot: Snapshot) -> Document:
    held = snapshot.get(path)
    if held is not None:
        return held
    if PurePosixPath(path).is_absolute():
        raise _NonsenseError(f"{_quoted(path)} is not a path inside the workspace")
    try:
        return workspace.read(snapshot.root, path)
    except InputError as problem:
        raise _NonsenseError(f"the model edited a file that it cannot edit: {problem}") from None
    except ValueError:
        # A null character; `pathlib` has no better word for it.
        raise _NonsenseError(f"{_quoted(path)} is not a path") from None


def _edits_of(document: Document, rows: list[Mapping[str, object]]) -> tuple[Edit, ...]:
    """All edits of one document: spans in the text that the model saw, then the lines changed."""
    seen = with_line_feeds(document.text)
    outline = Outline(seen)
    places = [_place(document.path, seen, outline, row) for row in rows]
    try:
        after = apply_edits(seen, places)
    except ValueError:
        raise _NonsenseError(f"two edits of the model overlap in {document.path}") from None
    adapted = with_line_ends_of(document.text, after, document.newline)
    return minimal_edits(document.path, document.text, adapted)


def _place(path: str, text: str, outline: Outline, row: Mapping[str, object]) -> tuple[Span, str]:
    """Where one edit goes, and what goes there."""
    if not isinstance(row.get("after"), str):
        raise _NonsenseError(f"an edit of the model in {path} does not say what comes after")
    after = with_line_feeds(_text(row, "after"))
    symbol, before = _text(row, "symbol"), with_line_feeds(_text(row, "before"))
    if before and not symbol:
        return _quote(path, text, before, Span(0, len(text))), after
    if not symbol:
        raise _NonsenseError(f"an edit of the model in {path} names neither a symbol nor a text")
    found = outline.find(symbol)
    if not found:
        raise _NonsenseError(f"there is no symbol {symbol} in {path}")
    if len(found) > 1:
        raise _NonsenseError(f"{path} defines {symbol} {len(found)} times; quote the text instead")
    if before:
        return _quote(path, text, before, found[0].span), after
    return found[0].span, placed(text, found[0], after)


def _quote(path: str, text: str, before: str, within: Span) -> Span:
    """Where `before` stands, the only time that it does."""
    count = text.count(before, within.start, within.end)
    if count == 1:
        start = text.index(before, within.start)
        return Span(start, start + len(before))
    if count > 1:
        raise _NonsenseError(
            f"the text {_quoted(before)} occurs {count} times in {path}; quote more of it"
        )
    raise _NonsenseError(f"the text {_quoted(before)} does not occur in {path}")


def placed(text: str, symbol: Symbol, replacement: str) -> str:
    """`replacement` indented as its place demands; it begins where the symbol's text begins.

    Lines inside strings keep their text, docstrings excepted: their indentation is layout.
    """
    line_start = text.rfind("\n", 0, symbol.span.start) + 1
    indentation = text[line_start : symbol.span.start]
    if indentation.strip():
        indentation = ""
    code = replacement.strip("\n").rstrip()
    first = code[: len(code) - len(code.lstrip(" \t"))]
    lines = code.split("\n")
    if not first and indentation and _indented_but_for_the_first(lines, indentation):
        return code
    bare = textwrap.dedent(code) if first else code
    frozen = _lines_inside_strings(bare)
    shifted = [
        indentation + line if line.strip() and number not in frozen else line
        for number, line in enumerate(bare.split("\n"))
    ]
    return "\n".join(shifted).removeprefix(indentation)


def _indented_but_for_the_first(lines: list[str], indentation: str) -> bool:
    """Whether the text begins at the symbol and goes on as indented as it stands in the file."""
    rest = [line for line in lines[1:] if line.strip()]
    if not rest or not all(line.startswith(indentation) for line in rest):
        return False
    if all(line.startswith((indentation + " ", indentation + "\t")) for line in rest):
        return True
    # A decorator's function and a closing bracket stand no deeper than the symbol, and so does
    # the body of a text that is not indented at all: it is the parser that tells.
    whole = textwrap.dedent("\n".join((indentation + lines[0], *lines[1:])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parse_module(whole)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _lines_inside_strings(code: str) -> frozenset[int]:
    """0-based lines that begin inside a string which is not a docstring."""
    inside: set[int] = set()
    stack = [Outline(code).tree.root_node]
    while stack:
        node = stack.pop()
        if node.type != "string":
            stack.extend(node.children)
        elif node.parent is None or node.parent.type != "expression_statement":
            inside.update(range(node.start_point.row + 1, node.end_point.row + 1))
    return frozenset(inside)


def _quoted(text: str, limit: int = QUOTE_CHARACTERS_MAX) -> str:
    """The beginning of `text` on one line."""
    line = " ".join(text.split())
    return f"{line[:limit]}…" if len(line) > limit else line
