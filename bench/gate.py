"""How good the gate is on labelled candidates, beside a gate that only runs the tests.

Takes a JSON lines file of candidates as `trueup eval gate` reads them (or the variable CANDIDATES
names it): `make bench NAME=gate ARGS=FILE`. Refactors are judged by tests and behaviour alone and,
with --whole, by everything; fixes by what was red and is green, with a curve of what stricter
evidence would buy. Intervals are clustered by task.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from common import load
from trueup import evaluate, report
from trueup.evaluate import Judged
from trueup.intervals import share
from trueup.settings import Limits
from trueup.suggestion import GoalKind, Outcome, Ruling

RIGHT_MIN: Final = {GoalKind.REFACTOR: 0.75, GoalKind.FIX: 0.85}
WRONG_PASSING_MAX: Final = 4
"""Wrong refactors that pass their visible tests and come out verified."""
WRONG_SHARE_MAX: Final = 0.27
"""Wrong fixes among those that come out verified."""
console = Console(width=100)

Level = tuple[str, Callable[[Judged], bool]]


def has(judged: Judged, check: str, *outcomes: Outcome) -> bool:
    return any(
        found.check == check and found.outcome in outcomes for found in judged.verdict.evidence
    )


def levels() -> Sequence[Level]:
    """Ever more evidence that a fix could be asked for, each on top of those before it."""

    def passed(check: str) -> Callable[[Judged], bool]:
        return lambda judged: has(judged, check, Outcome.PASSED)

    return (
        ("the visible tests pass", lambda judged: judged.row.passes_visible),
        ("what was red is green", passed("red-to-green")),
        ("every changed statement ran", passed("changed-statements")),
        ("as the gate demands", lambda judged: judged.verdict.outcome is Ruling.VERIFIED),
    )


def curve(judged: Iterable[Judged]) -> None:
    left = list(judged)
    all_right = sum(item.row.right for item in left)
    print("\nwhat stricter evidence buys (each line on top of those above it)")
    for name, holds in levels():
        left = [item for item in left if holds(item)]
        right = sum(item.row.right for item in left)
        wrong = share((item.row.task, not item.row.right) for item in left)
        print(f"  {name:32} right kept {right / all_right:6.1%}   wrong among them {wrong}")


async def judge(path: Path, only: frozenset[str]) -> tuple[Judged, ...]:
    def said(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            print(f"{done} of {total}", file=sys.stderr, flush=True)

    judged, elapsed_s = await evaluate.evaluate(path, Path(sys.executable), Limits(), only, said)
    console.print(report.judged_table(evaluate.counts(judged), evaluate.shares(judged)))
    on_behaviour = [item for item in judged if item.rejected_on_behaviour]
    shown = sum(item.has_counterexample for item in on_behaviour)
    print(f"rejected on behaviour: {len(on_behaviour)}, {shown} of them with an input")
    print(f"{len(judged)} rows in {elapsed_s:.0f} s")
    for item in evaluate.wrong_verified(judged):
        if item.row.kind is GoalKind.REFACTOR:
            print(f"wrong and verified: {item.row.id}")
    return judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default=os.environ.get("CANDIDATES"))
    parser.add_argument("--whole", action="store_true", help="refactors: the whole gate, too")
    chosen = parser.parse_args()
    if chosen.file is None:
        parser.error("name a file of candidates, as an argument or in CANDIDATES")
    path = Path(chosen.file)
    kind = evaluate.read(path)[0].kind
    print(f"{path.name}: tests and behaviour; {load()}")
    judged = asyncio.run(judge(path, frozenset({"tests", "behaviour"})))
    right = share(
        (item.row.task, item.verdict.outcome is Ruling.VERIFIED)
        for item in judged
        if item.row.right
    )
    wrong = evaluate.wrong_verified(judged)
    passing = sum(item.row.passes_visible for item in wrong)
    if kind is GoalKind.FIX:
        curve(asyncio.run(judge(path, frozenset({"tests", "changed-statements", "behaviour"}))))
        verified = right.hits + len(wrong)
        ok = right.value >= RIGHT_MIN[kind] and len(wrong) <= WRONG_SHARE_MAX * verified
    else:
        ok = right.value >= RIGHT_MIN[kind] and passing <= WRONG_PASSING_MAX
        if chosen.whole:
            print("\nthe whole gate")
            asyncio.run(judge(path, frozenset()))
    line = {
        "name": f"gate_{kind}",
        "value": round(right.value, 4),
        "unit": "share of right rows verified",
        "target": RIGHT_MIN[kind],
        "ok": ok,
        "wrong_passing_verified": passing,
        "wrong_verified": len(wrong),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
