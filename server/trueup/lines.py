"""Where the lines of a text begin, kept up while the text is edited.

A line ends at LF, CRLF or CR and nowhere else, as in LSP and in Python's own grammar. An edit costs
what it touches and a pass over the blocks, of which a text of 100,000 lines has 200.
"""

from __future__ import annotations

import bisect
import itertools
import re
from typing import Final

BLOCK_LINES: Final = 512
LINE_END: Final = re.compile(r"\r\n|\n|\r")


def line_starts(text: str) -> tuple[int, ...]:
    """Offsets at which the lines of `text` begin; never empty."""
    if text.count("\r") != text.count("\r\n"):
        return (0, *(match.end() for match in LINE_END.finditer(text)))
    # Every line ends at LF, which is four times as fast.
    lengths = map(len, text.split("\n"))
    return tuple(itertools.accumulate(map((1).__add__, lengths), initial=0))[:-1]


class Lines:
    """The lines of one text; never changes."""

    __slots__ = ("_bases", "_blocks", "_firsts", "count")

    def __init__(
        self, blocks: list[tuple[int, ...]], bases: list[int], firsts: list[int], count: int
    ) -> None:
        self._blocks, self._bases, self._firsts = blocks, bases, firsts
        """Starts of lines relative to their block, where each block begins, and its first line."""
        self.count = count

    @classmethod
    def of(cls, text: str) -> Lines:
        starts = line_starts(text)
        blocks, bases = _blocks(starts)
        return cls(blocks, bases, list(range(0, len(starts), BLOCK_LINES)), len(starts))

    def start(self, line: int) -> int:
        """The offset at which a line of the text begins."""
        block = bisect.bisect_right(self._firsts, line) - 1
        return self._bases[block] + self._blocks[block][line - self._firsts[block]]

    def at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        block = bisect.bisect_right(self._bases, offset) - 1
        inside = bisect.bisect_right(self._blocks[block], offset - self._bases[block]) - 1
        return self._firsts[block] + inside

    def edited(self, text: str, start: int, end: int, growth: int) -> Lines:
        """The lines of `text`, which is this one's with `start` to `end` replaced by something that
        is longer by `growth`.
        """
        # The line before too: what is inserted may join its CR.
        first, last = max(0, self.at(start) - 1), self.at(end)
        low = bisect.bisect_right(self._firsts, first) - 1
        high = bisect.bisect_right(self._firsts, last) - 1
        begin = self._bases[low]
        ends = high + 1 == len(self._blocks)
        finish = len(text) if ends else self._bases[high + 1] + growth
        # Whole blocks are read again, so that what follows keeps its places in them.
        starts = line_starts(text[begin:finish])
        if not ends:
            # The end of the last line is where the next block begins.
            starts = starts[:-1]
        blocks, bases = _blocks(starts)
        added = len(starts) - (self._first_after(high) - self._firsts[low])
        return Lines(
            self._blocks[:low] + blocks + self._blocks[high + 1 :],
            self._bases[:low]
            + [begin + base for base in bases]
            + [base + growth for base in self._bases[high + 1 :]],
            self._firsts[:low]
            + [self._firsts[low] + number for number in range(0, len(starts), BLOCK_LINES)]
            + [number + added for number in self._firsts[high + 1 :]],
            self.count + added,
        )

    def _first_after(self, block: int) -> int:
        return self._firsts[block + 1] if block + 1 < len(self._firsts) else self.count


def _blocks(starts: tuple[int, ...]) -> tuple[list[tuple[int, ...]], list[int]]:
    """Blocks of relative starts, and where each begins."""
    bases = list(starts[::BLOCK_LINES])
    blocks = [
        tuple(start - base for start in starts[place : place + BLOCK_LINES])
        for place, base in zip(range(0, len(starts), BLOCK_LINES), bases, strict=True)
    ]
    return blocks, bases
