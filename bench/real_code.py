"""How often a verdict is right on real code, before and after pinning.

Of each package's tests a seed hides half: the gate judges with the other half, and the whole suite
says what is right. Wrong candidates are mutants that only hidden tests kill; right ones are
refactorings written by hand and the edits of Ruff and rope with which the whole suite passes. An
edit of a tool that only hidden tests tell is a wrong one. All are judged as refactors by the whole
gate.

A gate that only runs the tests accepts all of them: each passes every visible test by construction.
Intervals are clustered by function. `--rows` keeps each verdict as a line of JSON, and a run that
finds its rows there goes on where it was stopped. The value is the share of wrong candidates that
come out verified, after pinning.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from candidates import Made, by_hand, wrong_ones
from common import Target, load
from halves import Halves, halves_of
from labels import Row, known_rows, row_of, show
from support.packages import VERSIONS, PackageUnavailableError, prepare
from tools import SOURCES, Task, in_turns, ropes, ruffs
from trueup import TrueupError, workspace
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.messages import Start
from trueup.propose.hunks import minimal_edits
from trueup.settings import cache_folder
from trueup.snapshot import Span, apply_edits
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe, Suggestion
from trueup.symbols import Outline
from trueup.trust import Answer

TARGET: Final = Target("real_code", "share of wrong candidates verified", 0.05)
PER_PACKAGE: Final = 14
"""Wrong ones of each package."""
HAND_MAX: Final = 14
TOOL_SHARE: Final = 0.2
"""Edits of each tool for one wrong candidate."""
SEED: Final = 20261121
AT_ONCE: Final = 1


class Judge:
    """Verdicts on candidates of one package, in the workspace with the visible half."""

    def __init__(self, halves: Halves, beds: Beds, rows: Path | None) -> None:
        self._halves, self._rows = halves, rows
        self._known = known_rows(rows) if rows else {}
        self._ports = job.Ports(beds, self._trusted, lambda _: None)

    async def _trusted(self, _: str, __: tuple[str, ...]) -> str:
        return Answer.ONCE

    async def made(self, made: Made) -> Row | None:
        """The verdict on a candidate whose label is known."""
        if known := self._known.get(made.name):
            return known
        edits = minimal_edits(made.path, self._halves.texts[made.path], made.text)
        goal = Goal(GoalKind.REFACTOR, Recipe.PATCH, made.path, Span(0, 0))
        candidate = Candidate("candidate", edits, "patch", deterministic=False)
        suggestion, seconds = await self._judged(goal, candidate)
        if suggestion is None:
            return None
        return self._keep(row_of(made, suggestion, seconds, self._halves.texts))

    async def tool(self, task: Task) -> Row | None:
        """The verdict on what the tool does, None where it does nothing or nobody knows whether
        that is right.
        """
        name = f"{task.package} {task.goal.path}:{task.line}: {task.source} {task.kind}"
        if known := self._known.get(name):
            return known
        suggestion, seconds = await self._judged(task.goal, None)
        if suggestion is None or suggestion.candidate.deletes:
            return None
        texts = {}
        for path in suggestion.candidate.paths:
            if path not in self._halves.texts:
                return None
            edits = [
                (edit.span, edit.replacement)
                for edit in suggestion.candidate.edits
                if edit.path == path
            ]
            texts[path] = apply_edits(self._halves.texts[path], edits)
        truth = await self._halves.truth(texts)
        if truth is None or truth.visible:
            return None
        text = self._halves.texts[task.goal.path]
        symbol = Outline(text).enclosing(task.goal.span)
        made = Made(
            task.package,
            task.source if not truth.hidden else f"wrong, {task.source}",
            task.goal.path,
            symbol.qualified if symbol else "",
            f"{task.source} {task.kind}",
            texts.get(task.goal.path, text),
            right=not truth.hidden,
            killer=truth.hidden[0] if truth.hidden else "",
        )
        return self._keep(row_of(made, suggestion, seconds, self._halves.texts, name))

    async def _judged(
        self, goal: Goal, candidate: Candidate | None
    ) -> tuple[Suggestion | None, float]:
        started = time.monotonic()
        start = Start(
            0, self._halves.root, goal, self._halves.documents, candidate=candidate, pin=True
        )
        try:
            suggestion = await job.run(start, self._ports)
        except TrueupError as problem:
            print(f"no verdict on {goal.title}: {problem}", file=sys.stderr)
            return None, 0.0
        if not isinstance(suggestion, Suggestion):
            return None, 0.0
        return suggestion, time.monotonic() - started

    def _keep(self, row: Row) -> Row:
        if self._rows:
            with self._rows.open("a") as file:
                file.write(json.dumps(row.as_json()) + "\n")
        said = f"{row.group:14} {row.before.value:9} {row.after.value:9} {row.seconds:5.0f} s"
        print(f"{said}  {row.name}", file=sys.stderr, flush=True)
        return row


async def labelled(halves: Halves, options: argparse.Namespace) -> AsyncIterator[Made]:
    """The candidates that are not a tool's. Kept beside the rows: to find them takes minutes."""
    for group, found in (
        (f"hand-{options.by_hand}", by_hand(halves, options.by_hand)),
        (
            f"wrong-{options.seed}-{options.per_package}",
            wrong_ones(halves, options.per_package, options.seed),
        ),
    ):
        kept = options.rows and options.rows.with_suffix(f".{halves.name}-{group}.json")
        if kept and kept.exists():
            for raw in json.loads(kept.read_text()):
                yield Made(**raw)
            continue
        mades = []
        async for made in found:
            mades.append(made)
            yield made
        if kept:
            kept.write_text(json.dumps([asdict(made) for made in mades]))


async def judged_of(
    halves: Halves, judge: Judge, options: argparse.Namespace
) -> AsyncIterator[Row]:
    """Every kind of candidate of one package, some at once."""
    # Those that are known at once do not keep the others waiting.
    gates = {right: asyncio.Semaphore(AT_ONCE) for right in (False, True)}

    async def one(made: Made) -> Row | None:
        async with gates[made.right]:
            return await judge.made(made)

    tasks = [asyncio.create_task(one(made)) async for made in labelled(halves, options)]
    for row in await asyncio.gather(*tasks):
        if row is not None:
            yield row
    wanted = max(1, round(options.per_package * TOOL_SHARE))
    for offered in await _tasks(halves):
        chance = random.Random(f"{options.seed} {halves.name}")  # noqa: S311 - a sample
        left = wanted
        for task in in_turns(offered, chance):
            if not left:
                break
            if row := await judge.tool(task):
                left -= 1
                yield row


async def _tasks(halves: Halves) -> Sequence[Sequence[Task]]:
    documents = [workspace.read(halves.root, path) for path in sorted(halves.texts)]
    # A public name that hidden tests use cannot be renamed rightly by who does not see them.
    places = [
        task
        for document in documents
        for task in ropes(halves.name, document)
        if task.kind != "rename public"
    ]
    return await ruffs(halves.name, halves.root, documents), places


async def package_rows(name: str, options: argparse.Namespace) -> list[Row]:
    """The verdicts on one package's candidates; none where it cannot be had."""
    try:
        made = await asyncio.to_thread(prepare, name, VERSIONS[name], cache_folder() / "packages")
    except PackageUnavailableError as problem:
        print(f"{name} is left out: {problem}")
        return []
    beds = Beds()
    try:
        halves = await halves_of(made, name, SOURCES[name], options.seed, beds)
        print(
            f"{name} {VERSIONS[name]}: {len(halves.visible)} visible tests,"
            f" {len(halves.hidden)} hidden",
            flush=True,
        )
        judge = Judge(halves, beds, options.rows)
        return [row async for row in judged_of(halves, judge, options)]
    finally:
        await beds.close()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", nargs="*", default=list(SOURCES), choices=list(SOURCES))
    parser.add_argument("--per-package", type=int, default=PER_PACKAGE, metavar="N")
    parser.add_argument("--by-hand", type=int, default=HAND_MAX, metavar="N", help="at most")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rows", type=Path, help="where verdicts are kept, and looked for")
    parser.add_argument("--show", action="store_true", help="only what the rows say together")
    options = parser.parse_args()
    if options.show:
        show(list(known_rows(options.rows).values()), TARGET)
        return 0
    print(f"{options.per_package} wrong ones a package, seed {options.seed}; {load()}", flush=True)
    started = time.monotonic()
    rows: list[Row] = []
    for name in options.packages:
        rows += await package_rows(name, options)
    if not any(not row.right for row in rows):
        raise SystemExit("nothing was judged")
    print(f"{len(rows)} candidates in {(time.monotonic() - started) / 60:.0f} min")
    show(rows, TARGET)
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
