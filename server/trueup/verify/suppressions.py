"""Comments that tell a tool to look away: which tool, and from what.

Two comments say the same when they silence the same rules, however they are written; one that
silences less than the other adds nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from trueup.verify.trees import comments_of

EVERYTHING: Final = "*"

_LIST: Final = r"(?P<codes>[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+)*)"
_BRACKETS: Final = r"(?:\[(?P<codes>[^\]]*)\])?"
_FORMS: Final = tuple(
    (tool, re.compile(pattern, re.IGNORECASE))
    for tool, pattern in (
        ("file", rf"#\s*(?:flake8|ruff)\s*[:=]\s*noqa(?:\s*:\s*{_LIST})?"),
        ("noqa", rf"#\s*noqa\b(?:\s*:\s*{_LIST})?"),
        ("ruff", rf"#\s*ruff:\s*(?:disable|ignore|file-ignore)\s*{_BRACKETS}"),
        ("type", rf"#\s*type:\s*ignore\b{_BRACKETS}"),
        ("checker", rf"#\s*(?:pyright|pyrefly|ty|zuban):\s*(?:ignore|basic)\b{_BRACKETS}"),
        ("pylint", r"#\s*pylint:\s*(?:disable|skip)[\w-]*\s*=?\s*(?P<codes>[\w, -]*)"),
        ("nosec", rf"#\s*nosec\b(?:[\s:]*{_LIST})?"),
        ("mypy", r"#\s*mypy:(?P<codes>.*)"),
        ("cover", r"#\s*pragma:\s*no\b"),
        ("format", r"#\s*(?:fmt:\s*(?:off|skip)|isort:\s*(?:skip|off)|yapf:\s*disable)"),
        ("semgrep", r"#\s*nosemgrep\b"),
    )
)  # fmt: skip


def added(before: str, after: str) -> tuple[str, int] | None:
    """The first comment of `after` that silences what nothing in `before` did, and its line.

    Raises tokenize.TokenError or SyntaxError where a text cannot be read.
    """
    known = Counter(entry for entries, _, _ in _comments(before) for entry in entries)
    for entries, text, line in _comments(after):
        for tool, code in entries:
            entry = (tool, code) if known[tool, code] else (tool, EVERYTHING)
            if not known[entry]:
                return text, line
            known[entry] -= 1
    return None


def _comments(text: str) -> Iterator[tuple[tuple[tuple[str, str], ...], str, int]]:
    for comment in comments_of(text):
        if entries := tuple(_entries(comment.text)):
            yield entries, comment.text, comment.line


def _entries(comment: str) -> Iterator[tuple[str, str]]:
    """Each tool and rule that a comment silences."""
    for tool, form in _FORMS:
        for match in form.finditer(comment):
            said = match.groupdict().get("codes") or ""
            codes = [code.upper() for code in re.split(r"[\s,]+", said.strip()) if code]
            yield from ((tool, code) for code in codes or [EVERYTHING])
