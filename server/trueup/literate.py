"""Cases that are text: Markdown in which a case is a title, prose and fenced blocks.

Knows the notation, and nothing of what a case is about. A case begins with `## title`; the words
after a fence say what its block holds; `$0…$0` in a text is a selection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trueup.snapshot import Span

CURSOR: Final = "$0"
_FENCE: Final = re.compile(r"^(`{3,})(.*)$")
_FIELD: Final = re.compile(r"^(.+?):(?: (.*))?$")


class CaseError(Exception):
    """A case that cannot be read: the file, the line and one sentence."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its words after the fence, its text, and the 1-based line of its fence."""

    words: tuple[str, ...]
    text: str
    line: int

    def attribute(self, name: str) -> str:
        start = f"{name}="
        return next((word.removeprefix(start) for word in self.words if word.startswith(start)), "")


@dataclass
class Draft:
    """The title of a case, the line of it, and its blocks, whatever they hold."""

    title: str
    line: int
    blocks: list[Block] = field(default_factory=list)


def drafts_in(file: Path) -> tuple[Draft, ...]:
    """The cases of a file as blocks, for whoever gives them a meaning. Raises CaseError."""
    return tuple(_drafts(file, file.read_text("utf-8")))


def error(file: Path, line: int, sentence: str) -> CaseError:
    return CaseError(f"{file.name}:{line}: {sentence}")


def _drafts(file: Path, text: str) -> Iterator[Draft]:
    draft: Draft | None = None
    fence, opened, words, body = "", 0, "", [""]
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if fence:
            if match and match[1] == fence and not match[2].strip():
                if draft is None:
                    raise error(file, opened, "a block stands before the first `## title`")
                content = "".join(f"{item}\n" for item in body)
                draft.blocks.append(Block(tuple(words.split()), content, opened))
                fence = ""
            else:
                body.append(line)
        elif match:
            fence, words, opened, body = match[1], match[2], number, []
        elif line.startswith("## "):
            if draft is not None:
                yield draft
            draft = Draft(line[3:].strip(), number)
    if fence:
        raise error(file, opened, "the block is not closed")
    if draft is not None:
        yield draft


def once(file: Path, line: int, known: Mapping[str, object], name: str) -> None:
    if name in known:
        raise error(file, line, f"{name} is given twice")


def selection(file: Path, block: Block) -> Span:
    pieces = block.text.split(CURSOR)
    if len(pieces) > 3:
        raise error(file, block.line, f"`{CURSOR}` stands more than twice")
    start = len(pieces[0])
    return Span(start, start + (len(pieces[1]) if len(pieces) == 3 else 0))


def fields(file: Path, block: Block) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        match = _FIELD.match(line)
        if match is None:
            raise error(file, number, f"not a `key: value` line: {line!r}")
        once(file, number, found, match[1])
        found[match[1]] = (match[2] or "").strip()
    return found
