"""How long all checks take that run nothing of the project, on a change to one function.

The file is the one of about 500 lines in a real package; each of its functions is changed in turn,
by a statement that does nothing. The last line is one JSON object; its value is the p95 of the sum
of all checks in seconds, in an engine that has judged this file before.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import Target, load, milliseconds, percentile
from support.packages import VERSIONS, PackageUnavailableError, prepare
from trueup import workspace
from trueup.runner.affected import Affected
from trueup.settings import Limits, cache_folder
from trueup.snapshot import Document, Edit, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Outcome, Recipe
from trueup.symbols import Outline
from trueup.verify import gate
from trueup.verify.trial import TestBed, Trial

TARGET: Final = Target("static_checks_p95", "s", 0.3)
PACKAGE: Final = "jinja2"
LINES: Final = 500
ROUNDS: Final = 3


def main() -> None:
    try:
        package = prepare(PACKAGE, VERSIONS[PACKAGE], cache_folder() / "packages")
    except PackageUnavailableError as problem:
        print(f"there is no {PACKAGE} to measure on: {problem}")
        return
    root = str(package.root)
    document = min(
        (workspace.read(root, path) for path in workspace.python_files(root)
         if not workspace.is_test(path)),
        key=lambda item: abs(item.line_count - LINES),
    )  # fmt: skip
    asyncio.run(_measure(root, document, package.interpreter))


async def _measure(root: str, document: Document, interpreter: Path) -> None:
    before = Snapshot.of(root, (document,))
    changes = tuple(_changes(document))
    print(f"{document.path}: {document.line_count} lines, {len(changes)} functions; {load()}")
    await _judge(before, changes[0], interpreter)
    taken: defaultdict[str, list[float]] = defaultdict(list)
    failed = 0
    for _ in range(ROUNDS):
        for goal, candidate in changes:
            one = await _judge(before, (goal, candidate), interpreter)
            failed += one.pop("failed", 0) > 0
            for name, seconds in one.items():
                taken[name].append(seconds)
            taken["all"].append(sum(one.values()))
    for name, times in taken.items():
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        print(f"  {name:12} p50 {milliseconds(p50):>9}   p95 {milliseconds(p95):>9}")
    print(f"{failed} of {len(taken['all'])} changes were rejected")
    TARGET.report(percentile(taken["all"], 0.95))


def _changes(document: Document) -> Iterator[tuple[Goal, Candidate]]:
    for symbol in Outline(document.text):
        if symbol.kind != "function":
            continue
        indent = " " * (
            symbol.body.start - document.line_span(document.line_at(symbol.body.start)).start
        )
        end = symbol.body.end
        edit = Edit(document.path, Span(end, end), f"\n{indent}assert True")
        goal = Goal(
            GoalKind.REFACTOR, Recipe.SIMPLIFY, document.path, symbol.span, symbol=symbol.qualified
        )
        yield goal, Candidate("Change it", (edit,), "bench", deterministic=False)


async def _judge(
    before: Snapshot, change: tuple[Goal, Candidate], interpreter: Path
) -> dict[str, float]:
    goal, candidate = change
    trial = Trial(
        goal=goal,
        candidate=candidate,
        before=before,
        after=before.edited(candidate.edits),
        bed=TestBed(_affected, _refusal, _never, _never, _never, _never),
        limits=Limits(),
        interpreter=interpreter,
    )
    taken: dict[str, float] = {}
    for check in gate.STATIC:
        began = time.perf_counter()
        found = await check(trial)
        taken[found.check] = time.perf_counter() - began
        if found.outcome is Outcome.FAILED:
            taken["failed"] = 1
    return taken


async def _affected(*_: object) -> Affected:
    return Affected((), 0, "nothing runs here")


async def _refusal() -> str:
    return "nothing runs here"


async def _never(*asked: object) -> NoReturn:
    raise RuntimeError(f"a static check ran something: {asked}")


if __name__ == "__main__":
    main()
