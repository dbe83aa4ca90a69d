"""How often real refactors of real code come out verified.

Three published packages with their own tests. The candidates are refactors that are right by the
word of their tool: Ruff's fixes, safe and unsafe, each judged as a refactor with the surface that
its rule declares; and rope's extractions, inlinings and renames at places found in the syntax
trees. Rules and refactorings take turns in the sample, so that the commonest does not crowd out the
rest. Each goes through a whole job: propose, verify with the package's tests in the sandbox,
verdict. What the tool declines to do is counted apart and replaced.

A rejection is not always a mistake of the gate: rope renames what it can resolve, and Ruff calls
some fixes unsafe for a reason. The reasons are printed so that a person can look.

The share without the behaviour check is what the tests and the changed statements alone would say:
nothing failed, and everything else that was demanded passed, but for the cold run, which is spared
for a candidate that stays unproven. The value is the share verified.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import difflib
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import Target, load, percentile
from support.packages import VERSIONS, PackageUnavailableError, prepare
from tools import SOURCES, Task, in_turns, ropes, ruffs
from trueup import TrueupError, workspace
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.messages import Start
from trueup.settings import cache_folder
from trueup.suggestion import Evidence, Outcome, Ruling, Suggestion
from trueup.trust import Answer
from trueup.verify import behaviour, tests

TARGET: Final = Target("verified_share", "share", None)
COUNT: Final = 4
"""Of each package and source: eight minutes in all. `--count 20` takes most of an hour."""
SEED: Final = 20261120


@dataclass(frozen=True, slots=True)
class Judged:
    task: Task
    suggestion: Suggestion
    seconds: float

    @property
    def ruling(self) -> Ruling:
        return self.suggestion.verdict.outcome

    @property
    def without_behaviour(self) -> bool:
        """Whether it would be verified if nobody asked what the tests notice."""
        verdict = self.suggestion.verdict
        passed = {found.check for found in verdict.evidence if found.outcome is Outcome.PASSED}
        spared = {behaviour.CHECK} if behaviour.CHECK in passed else _AFTERWARDS
        return self.ruling is not Ruling.REJECTED and set(verdict.demanded) - spared <= passed


_AFTERWARDS: Final = frozenset({behaviour.CHECK, tests.CONFIRMATION})


async def judge(root: str, task: Task, beds: Beds) -> Judged | str:
    """The verdict on the task's candidate, or why there is none."""

    async def trusted(_: str, __: tuple[str, ...]) -> str:
        return Answer.ONCE

    ports = job.Ports(beds, trusted, lambda _: None)
    started = time.monotonic()
    try:
        suggestion = await job.run(Start(0, root, task.goal), ports)
    except TrueupError as problem:
        return str(problem)
    if not isinstance(suggestion, Suggestion):
        return suggestion.sentence
    return Judged(task, suggestion, time.monotonic() - started)


async def sample(
    root: str, tasks: Iterator[Task], count: int, beds: Beds, seen: Callable[[Judged], None]
) -> tuple[list[Judged], collections.Counter[str]]:
    """The first `count` tasks that the tool has a candidate for, and why it had none for others."""
    found: list[Judged] = []
    declined: collections.Counter[str] = collections.Counter()
    for task in tasks:
        if len(found) == count:
            break
        result = await judge(root, task, beds)
        if isinstance(result, str):
            declined[f"{task.kind}: {_pattern(result)}"] += 1
            continue
        found.append(result)
        seen(result)
    return found, declined


def wilson_interval(part: int, total: int) -> tuple[float, float]:
    """Bounds of a proportion at 95 %, in [0, 1]. Wilson (1927), doi:10.1080/01621459.1927.10502953.

    Raises ValueError when `total` is 0.
    """
    if not total:
        raise ValueError("an interval of nothing")
    z = statistics.NormalDist().inv_cdf(0.975)
    share, square = part / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    reach = z / (1 + square) * (share * (1 - share) / total + square / (4 * total)) ** 0.5
    return middle - reach, middle + reach


def _row(title: str, judged: Sequence[Judged]) -> str:
    count = collections.Counter(item.ruling for item in judged)
    total = len(judged)
    low, high = wilson_interval(count[Ruling.VERIFIED], total)
    shares = "".join(
        f"{count[ruling] / total:9.0%}"
        for ruling in (Ruling.VERIFIED, Ruling.UNPROVEN, Ruling.REJECTED)
    )
    without = sum(item.without_behaviour for item in judged) / total
    seconds = [item.seconds for item in judged]
    return (
        f"{title:26}{total:5}{shares}{f'{low:.0%} to {high:.0%}':>15}{without:12.0%}"
        f"{statistics.median(seconds):9.1f} s{percentile(seconds, 0.95):7.1f} s"
    )


def show(judged: Sequence[Judged]) -> None:
    print(
        f"{'':26}{'':5}{'verified':>9}{'unproven':>9}{'rejected':>9}{'verified, 95 %':>15}"
        f"{'(no behav.)':>12}{'p50':>11}{'p95':>9}"
    )
    groups: dict[str, list[Judged]] = {}
    for item in judged:
        for name in (f"{item.task.package}, {item.task.source}", item.task.source, "all"):
            groups.setdefault(name, []).append(item)
    for name in sorted(groups, key=lambda name: (name == "all", "," not in name, name)):
        print(_row(name, groups[name]))
    print("\nby rule and refactoring: verified, unproven, rejected")
    kinds: dict[str, collections.Counter[Ruling]] = {}
    for item in judged:
        name = f"{item.task.source} {item.task.kind}"
        kinds.setdefault(name, collections.Counter())[item.ruling] += 1
    for name, count in sorted(kinds.items()):
        print(f"  {name:28}" + "".join(f"{count[it]:4}" for it in _SHOWN))
    for ruling in (Ruling.REJECTED, Ruling.UNPROVEN):
        print(f"\nwhy {ruling.value}")
        _show_reasons([item for item in judged if item.ruling is ruling])


_SHOWN: Final = (Ruling.VERIFIED, Ruling.UNPROVEN, Ruling.REJECTED)


def _show_reasons(judged: Sequence[Judged]) -> None:
    reasons: dict[tuple[str, str], list[tuple[Judged, Evidence]]] = {}
    for item in judged:
        first = item.suggestion.verdict.missing[0]
        reasons.setdefault((first.check, _pattern(first.detail)), []).append((item, first))
    for (check, _), items in sorted(reasons.items(), key=lambda row: (-len(row[1]), row[0])):
        item, first = items[0]
        place = f"{item.task.package} {item.task.goal.path}:{item.task.line}"
        print(f"{len(items):4}  {check}: {first.detail}")
        print(f"      such as {item.task.kind} at {place}")


def _pattern(detail: str) -> str:
    """What two sentences about different code have in common."""
    detail = re.sub(r"such as .*", "such as …", detail)
    return re.sub(r"\S*[\d/_'`\"]\S*", "…", detail)


def as_row(root: str, item: Judged) -> dict[str, object]:
    """One line of `--rows`: enough to look at a verdict by hand."""
    suggestion = item.suggestion
    diff: list[str] = []
    for path in suggestion.candidate.paths:
        old = workspace.read(root, path)
        edits = [edit for edit in suggestion.candidate.edits if edit.path == path]
        text = old.text
        for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
            text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
        diff += difflib.unified_diff(
            old.text.splitlines(), text.splitlines(), path, path, lineterm="", n=2
        )
    return {
        "package": item.task.package,
        "source": item.task.source,
        "kind": item.task.kind,
        "place": f"{item.task.goal.path}:{item.task.line}",
        "outcome": item.ruling.value,
        "seconds": round(item.seconds, 1),
        "evidence": [
            [found.outcome.value, found.check, found.detail]
            for found in suggestion.verdict.evidence
        ],
        "diff": "\n".join(diff),
    }


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="per package and source")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rows", type=Path, help="where to write each verdict as a line of JSON")
    options = parser.parse_args()
    print(f"{options.count} refactors per package and source, seed {options.seed}; {load()}")
    judged: list[Judged] = []
    declined: collections.Counter[str] = collections.Counter()
    for package, folder in SOURCES.items():
        try:
            made = await asyncio.to_thread(
                prepare, package, VERSIONS[package], cache_folder() / "packages"
            )
        except PackageUnavailableError as problem:
            print(f"{package} is left out: {problem}")
            continue
        root = str(made.root)

        def seen(item: Judged, root: str = root) -> None:
            print(".", end="", file=sys.stderr, flush=True)
            if options.rows:
                with options.rows.open("a") as rows:
                    rows.write(json.dumps(as_row(root, item)) + "\n")

        paths = [path for path in workspace.python_files(root) if path.startswith(folder)]
        documents = [workspace.read(root, path) for path in paths]
        beds = Beds()
        try:
            for tasks in (
                await ruffs(package, root, documents),
                [task for document in documents for task in ropes(package, document)],
            ):
                # A seed of its own for each sample: a longer one does not change the next.
                chance = random.Random(f"{options.seed} {package}")  # noqa: S311 - a sample
                found, refused = await sample(
                    root, in_turns(tasks, chance), options.count, beds, seen
                )
                judged += found
                declined += refused
        finally:
            await beds.close()
    print(file=sys.stderr)
    if not judged:
        raise SystemExit("nothing was judged")
    show(judged)
    print(f"\n{sum(declined.values())} places were declined by the tool, most often")
    for why, count in declined.most_common(5):
        print(f"{count:4}  {why}")
    TARGET.report(sum(item.ruling is Ruling.VERIFIED for item in judged) / len(judged))
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
