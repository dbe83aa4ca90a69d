"""Right and wrong changes of a package's functions, each with the evidence for its label.

Wrong: a mutant that no visible test kills and some hidden test does. Right by hand: a refactoring
of `bench/refactorings`, with which the whole suite passes. Knows nothing of the gate.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from halves import Halves, places
from rewrites import rewrites_of, rewritten
from slips import parses, slips_of
from trueup.verify.changes import Statement
from trueup.verify.mutants import Mutant, mutants_of

TRIES_MAX: Final = 6
"""Mutants of one function that are tried before another one has its turn."""
CLASSIC_MAX: Final = 8
"""Mutants of the gate's own kinds, of one function."""
UNSEEN_SHARE: Final = 0.25
"""Of the wrong ones, how many stand where no visible test comes: the gate cannot miss those."""
AT_ONCE: Final = 3


@dataclass(frozen=True, slots=True)
class Made:
    """A candidate: the new text of one module. `group` is where it comes from."""

    package: str
    group: str
    path: str
    qualname: str
    says: str
    text: str
    right: bool
    killer: str = ""
    """The first hidden test that tells it, of a wrong one."""

    @property
    def name(self) -> str:
        return f"{self.package} {self.path}::{self.qualname}: {self.says}"


@dataclass(frozen=True, slots=True)
class _Try:
    path: str
    qualname: str
    mutant: Mutant
    runners: frozenset[str]


async def wrong_ones(halves: Halves, count: int, seed: int) -> AsyncIterator[Made]:
    """About `count` mutants that only the hidden half kills, the same for the same seed."""
    chance = random.Random(f"{seed} {halves.name} mutants")  # noqa: S311 - a sample
    unseen = round(count * UNSEEN_SHARE)
    wanted = {"wrong, seen": count - unseen, "wrong, unseen": unseen}
    taken: set[tuple[str, str]] = set()
    tried = 0
    async for made in _labelled(halves, _tries(halves, chance)):
        tried += 1
        if made is None or not wanted[made.group] or (made.path, made.qualname) in taken:
            continue
        neat = replace(made, text=await _neat(halves, made))
        truth = await halves.truth({neat.path: neat.text})
        if truth is None or truth.visible or not truth.hidden:
            continue
        wanted[neat.group] -= 1
        taken.add((made.path, made.qualname))
        yield replace(neat, killer=truth.hidden[0])
        if not any(wanted.values()):
            break
    print(f"{halves.name}: {len(taken)} wrong ones among {tried} mutants", file=sys.stderr)


async def _neat(halves: Halves, made: Made) -> str:
    """The text as somebody who edits by hand would leave it: no `pass` among statements, and in the
    form of the file, where Ruff has nothing to change in that.
    """
    name = ("--stdin-filename", str(Path(halves.root, made.path)), "-")
    text = await _ruff(halves.root, made.text, "check", "--isolated", "--select=PIE790", "--fix",
                       "--quiet", "--exit-zero", *name)  # fmt: skip
    old = halves.texts[made.path]
    if await _ruff(halves.root, old, "format", "--quiet", *name) == old:
        text = await _ruff(halves.root, text, "format", "--quiet", *name)
    return text


async def _ruff(root: str, text: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "ruff"), *arguments, cwd=root,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    said, _ = await process.communicate(text.encode())
    return said.decode() if process.returncode == 0 else text


async def _labelled(halves: Halves, tries: Iterator[_Try]) -> AsyncIterator[Made | None]:
    """In the order of `tries`, some at once."""
    waiting: list[tuple[_Try, asyncio.Task[bool]]] = []
    try:
        while True:
            for one in tries:
                run = halves.only_hidden_tell({one.path: one.mutant.text}, one.runners)
                waiting.append((one, asyncio.create_task(run)))
                if len(waiting) >= AT_ONCE:
                    break
            if not waiting:
                return
            one, task = waiting.pop(0)
            yield _made(halves, one) if await task else None
    finally:
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


def _made(halves: Halves, one: _Try) -> Made:
    group = "wrong, seen" if one.runners & halves.visible else "wrong, unseen"
    says = f"line {one.mutant.line}, {one.mutant.says}"
    return Made(halves.name, group, one.path, one.qualname, says, one.mutant.text, right=False)


def _tries(halves: Halves, chance: random.Random) -> Iterator[_Try]:
    """Mutants of functions in turns, where a hidden test comes and no import does."""
    functions = list(places(halves))
    chance.shuffle(functions)
    for path, qualname, statements in functions:
        text = halves.texts[path]
        kept = []
        for mutant in _mutants(text, statements):
            item = next((it for it in statements if mutant.line in it.lines), None)
            runners = halves.runners.get((path, item.first), frozenset()) if item else frozenset()
            if runners & halves.hidden and "" not in runners:
                known = runners & (halves.visible | halves.hidden)
                kept.append(_Try(path, qualname, mutant, known))
        chance.shuffle(kept)
        # To parse a whole module takes a while, so that is not asked of all.
        yield from itertools.islice((one for one in kept if parses(one.mutant.text)), TRIES_MAX)


def _mutants(text: str, statements: tuple[Statement, ...]) -> tuple[Mutant, ...]:
    """Half as many classic ones as slips, so that neither crowds out the other."""
    lines = range(statements[0].first, statements[-1].last + 1)
    slips = slips_of(text, lines)
    classic = mutants_of(text, statements, min(CLASSIC_MAX, max(2, len(slips) // 2)))
    return (*slips, *(item for item in classic if item.text not in {one.text for one in slips}))


async def by_hand(halves: Halves, count: int) -> AsyncIterator[Made]:
    """Refactorings with which the whole suite passes; the others are named on standard error."""
    for rewrite in rewrites_of(halves.name)[:count]:
        path, name = rewrite.path, rewrite.qualname
        text = rewritten(halves.texts[path], rewrite)
        truth = await halves.truth({path: text})
        if truth is None or truth.visible or truth.hidden:
            red = (*truth.visible, *truth.hidden)[:3] if truth else "the tests did not end"
            print(f"not right: {path}::{name}: {red}", file=sys.stderr)
            continue
        yield Made(halves.name, "by hand", path, name, rewrite.says, text, right=True)
