"""Secrets taken out of what leaves this machine, or is written down.

Each secret becomes a placeholder that says its kind: the same secret the same placeholder within
one Veil, so that a model can tell two keys apart without knowing either. Formats are in
`secret_formats`; beside them counts what is assigned to a name that says "password", where it is
too random to be a word. Nothing here keeps a secret longer than the Veil lives.

What this cannot find: a secret of no known format under a name that says nothing.
"""

from __future__ import annotations

import logging
import math
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from trueup.guards.secret_formats import FORMATS, Format

MARK: Final = "<<TRUEUP_SECRET_"
"""How every placeholder begins."""

_PLACEHOLDER: Final = re.compile(r"<<TRUEUP_SECRET_\d+_[a-z0-9-]+>>")
_MEANT_AS_EXAMPLE: Final = re.compile(
    r"(?i)example|placeholder|changeme|change_me|dummy|redacted|xxxx|\*\*\*|\{.*\}|^your|^<|^\.\.\."
    r"|^(?:self|os|env|settings|config|none|null|true|false)\b"
)
_CODE: Final = re.compile(r"^[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)+$|^[a-z]+(?:[_-][a-z]+)+$")
_BARE_CODE: Final = re.compile(r"[.=]|^[A-Za-z_]\w*$")


@dataclass(frozen=True, slots=True)
class Found:
    """One secret: its kind and the half-open range of its characters."""

    kind: str
    start: int
    end: int


def secrets_in(text: str) -> tuple[Found, ...]:
    """The secrets of a text in their order; where two overlap, the one that begins first."""
    found = sorted(_candidates(text), key=lambda item: (item.start, -item.end))
    kept: list[Found] = []
    for item in found:
        if not kept or item.start >= kept[-1].end:
            kept.append(item)
    return tuple(kept)


def _candidates(text: str) -> Iterator[Found]:
    for form in FORMATS.of_makers:
        if any(hint in text for hint in form.hints):
            yield from _matches(form, text)
    yield from _assigned(text)


def _matches(form: Format, text: str) -> Iterator[Found]:
    for match in form.pattern.finditer(text):
        if entropy(match["secret"]) >= form.entropy:
            yield Found(form.kind, *match.span("secret"))


def _assigned(text: str) -> Iterator[Found]:
    """Random values of telling names."""
    folded = text.lower()
    if len(folded) != len(text):
        folded = text  # A letter whose small form is two of them; names in capitals are rare there.
    form = FORMATS.assigned
    for word in form.hints:
        start = folded.find(word)
        while start >= 0:
            start += len(word)
            if match := form.pattern.match(text, start):
                group = "secret" if match["secret"] is not None else "bare"
                if _is_random(match[group], bare=group == "bare"):
                    yield Found(form.kind, *match.span(group))
            start = folded.find(word, start)


def _is_random(value: str, *, bare: bool) -> bool:
    """Whether a value is neither a word, nor code, nor an example."""
    if _MEANT_AS_EXAMPLE.search(value) or _PLACEHOLDER.search(value) or MARK in value:
        return False
    if _CODE.match(value) or (bare and _BARE_CODE.search(value.rstrip("="))):
        # A bare value is code wherever it could be; a key of letters and digits is let pass only
        # where it begins like a name and has no digit.
        return bare and bool(re.search(r"\d", value)) and entropy(value) >= _BARE_ENTROPY
    return entropy(value) >= FORMATS.assigned.entropy


_BARE_ENTROPY: Final = 3.5


def entropy(text: str) -> float:
    """Shannon's, in bits per character; 0 for nothing."""
    counts, length = Counter(text), len(text)
    return -sum(count / length * math.log2(count / length) for count in counts.values())


@dataclass(slots=True)
class Veil:
    """What hides secrets in the texts of one conversation, and finds them again in an answer."""

    secrets: dict[str, str] = field(default_factory=dict)
    """Placeholders by what they stand for."""

    def over(self, text: str) -> str:
        """The text with placeholders in the place of its secrets."""
        parts, done = [], 0
        for found in secrets_in(text):
            secret = text[found.start : found.end]
            name = self.secrets.setdefault(secret, f"{MARK}{len(self.secrets) + 1}_{found.kind}>>")
            parts += [text[done : found.start], name]
            done = found.end
        veiled = "".join((*parts, text[done:]))
        # Also where nothing around it says what it is.
        for secret, name in self.secrets.items():
            veiled = veiled.replace(secret, name)
        return veiled

    def lifted(self, text: str) -> str:
        """The text with the secrets in the place of their placeholders."""
        for secret, name in self.secrets.items():
            text = text.replace(name, secret)
        return text


def redacted(text: str) -> str:
    """The text without its secrets, for what is written down."""
    return Veil().over(text)


def redacted_value(value: object) -> object:
    """The same for every text of a JSON value."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {key: redacted_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted_value(item) for item in value]
    return value


class RedactingFormatter(logging.Formatter):
    """Formats a record, and takes the secrets out of all of it, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def log_to_stderr(level: int = logging.WARNING, handler: logging.Handler | None = None) -> None:
    """Have this process write its log, and what ends it, without secrets; over `handler` where one
    is given.
    """
    handler = handler or logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(handlers=[handler], level=level)
    sys.excepthook = _told


def _told(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, problem, trace))))
