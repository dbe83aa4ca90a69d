"""A markdown file in its parts: front matter, headings, fenced blocks; each with its place.

Knows no decision. Offsets count characters of the whole text; lines are 1-based.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trueup.lines import line_starts
from trueup.snapshot import Span

_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^`\r\n]*)")
_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]+([^\r\n]*)")
_END_OF_HEADING: Final = re.compile(r"[ \t]+#+[ \t]*$")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its 1-based number, where its text begins, and that text without its end."""

    number: int
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Front:
    """What stands between two `---` at the beginning. `closed` says whether the second is there."""

    text: str
    line: int
    start: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str
    line: int
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the first word after its fence, its text, and where that begins."""

    word: str
    text: str
    line: int
    start: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Page:
    text: str
    front: Front | None
    lines: tuple[Line, ...]
    """What stands behind the front matter and outside of fenced blocks."""
    headings: tuple[Heading, ...]
    blocks: tuple[Block, ...]
    body: int
    """The offset at which the front matter is over."""

    @property
    def title(self) -> Heading | None:
        """The first heading, of the first level where there is one."""
        tops = [heading for heading in self.headings if heading.level == 1]
        return next(iter((*tops, *self.headings)), None)

    def section(self, *names: str) -> Iterator[Line]:
        """The lines below the first heading with one of these names (lower case), to the next."""
        inside = False
        headings = {heading.line: heading for heading in self.headings}
        for line in self.lines:
            heading = headings.get(line.number)
            if heading is not None:
                if inside:
                    return
                inside = heading.text.casefold().rstrip(":") in names
            elif inside:
                yield line


def page_of(text: str) -> Page:
    lines = _lines(text)
    front, lines = _front(text, lines)
    body = lines[0].start if lines else len(text)
    plain: list[Line] = []
    headings: list[Heading] = []
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.match(line.text)
        if fence is not None:
            block, at = _block(text, lines, at, fence)
            blocks.append(block)
            continue
        if (heading := _HEADING.match(line.text)) is not None:
            said = _END_OF_HEADING.sub("", heading[2]).strip()
            span = Span(line.start, line.start + len(line.text))
            headings.append(Heading(len(heading[1]), said, line.number, span))
        plain.append(line)
        at += 1
    return Page(text, front, tuple(plain), tuple(headings), tuple(blocks), body)


def _lines(text: str) -> list[Line]:
    starts = (*line_starts(text), len(text))
    return [
        Line(number, start, text[start : starts[number]].rstrip("\r\n"))
        for number, start in enumerate(starts[:-1], 1)
    ]


def _front(text: str, lines: list[Line]) -> tuple[Front | None, list[Line]]:
    if lines[0].text.removeprefix("\ufeff").rstrip() != "---" or len(lines) < 2:
        return None, lines
    start = lines[1].start
    for position, line in enumerate(lines[1:], 1):
        if line.text.rstrip() in {"---", "..."}:
            return Front(text[start : line.start], 2, start, closed=True), lines[position + 1 :]
    # Nothing says where it ends, so all of it is prose.
    return Front("", 2, start, closed=False), lines[1:]


def _block(text: str, lines: list[Line], at: int, fence: re.Match[str]) -> tuple[Block, int]:
    """The block whose fence is line `at`, and the line behind it; to the end where none closes."""
    opened = lines[at]
    closing = re.compile(rf"^ {{0,3}}{fence[1][0]}{{{len(fence[1])},}}[ \t]*$")
    first = at + 1
    end = next(
        (place for place in range(first, len(lines)) if closing.match(lines[place].text)), None
    )
    start = lines[first].start if first < len(lines) else len(text)
    stop = lines[end].start if end is not None else len(text)
    word = (fence[2].split() or [""])[0]
    block = Block(word, text[start:stop], opened.number + 1, start, closed=end is not None)
    return block, len(lines) if end is None else end + 1
