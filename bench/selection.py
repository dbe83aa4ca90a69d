"""Whether the selected tests notice what the whole suite notices.

Mutants of five published packages, in functions and outside of them, uniform over the lines that
can be mutated. For each mutant the whole suite runs, and then the tests that the map selects. A
mutant is killed by a test that passed on the unchanged package and fails with the mutant, by name;
a run that did not finish kills nothing, and neither does a file that cannot be loaded. A mutant is
under-selected when some test that fails in the whole suite was not selected.

With `--testmon`, pytest-testmon judges the same mutants from its own data; it has to be installed
in the package's environment, and is where pip can have it.

The value is the share of the killed mutants that the selection kills; beside it the lower bound of
Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404, at 95 %, one-sided.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import math
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import load
from support.packages import VERSIONS, Package, PackageUnavailableError, prepare
from trueup import workspace
from trueup.runner import testmap
from trueup.runner.affected import Affected
from trueup.runner.results import RunRequest, RunStatus, TestOutcome, TestRun, Unavailable
from trueup.runner.selection import select
from trueup.runner.session import Session
from trueup.runner.testmap import State, TestMap
from trueup.settings import Limits, cache_folder
from trueup.verify.changes import Statement, changed_statements
from trueup.verify.mutants import mutants_of

PER_PACKAGE: Final = 52
IN_FUNCTIONS: Final = 0.75
SEED: Final = 20261121
SECONDS: Final = 30.0
SOURCES: Final = {
    "jinja2": "src/jinja2/",
    "marshmallow": "src/marshmallow/",
    "tomlkit": "tomlkit/",
    "click": "src/click/",
    "cachetools": "src/cachetools/",
}


@dataclass(frozen=True, slots=True)
class Place:
    path: str
    line: int
    says: str
    text: str
    in_function: bool


@dataclass(slots=True)
class Tally:
    """What came of the mutants of one package."""

    name: str
    tests: int = 0
    mutants: int = 0
    no_verdict: int = 0
    killed: int = 0
    killed_by_selection: int = 0
    under: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    """Selected tests as a share of the suite, of mutants in functions."""
    testmon_killed: int = 0
    testmon_missed: int = 0
    testmon_no_verdict: int = 0
    testmon_seconds: float = 0.0


def mutants(root: str, folder: str, count: int, seed: int) -> list[Place]:
    """At most `count`, each of a statement of its own."""
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    found: dict[bool, list[tuple[str, Statement]]] = {True: [], False: []}
    texts: dict[str, str] = {}
    for path in workspace.python_files(root):
        if not path.startswith(folder) or workspace.is_test(path):
            continue
        texts[path] = workspace.read(root, path).text
        inside = _lines_of_functions(texts[path])
        for statement in changed_statements("", texts[path]):
            found[statement.first in inside].append((path, statement))
    chosen: list[Place] = []
    for in_function, share in ((True, IN_FUNCTIONS), (False, 1 - IN_FUNCTIONS)):
        wanted = len(chosen) + round(count * share)
        chance.shuffle(found[in_function])
        for path, statement in found[in_function]:
            if len(chosen) == wanted:
                break
            if several := mutants_of(texts[path], (statement,), 6):
                one = chance.choice(several)
                chosen.append(Place(path, one.line, one.says, one.text, in_function))
    return chosen


def _lines_of_functions(text: str) -> set[int]:
    return {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    }


def green(run: TestRun) -> set[str]:
    return {name for name, each in run.results.items() if each.outcome is TestOutcome.PASSED}


def red(run: TestRun) -> set[str]:
    return {name for name, each in run.results.items() if each.outcome.is_red}


def is_selected(found: Affected, nodeid: str) -> bool:
    return (
        testmap.without_parameters(nodeid) in found.tests
        or nodeid.partition("::")[0] in found.tests
    )


async def measure(name: str, package: Package, options: argparse.Namespace) -> Tally:
    root = str(package.root)
    tally = Tally(name)
    session = await Session.start(package.root, package.interpreter, Limits())
    if isinstance(session, Unavailable):
        raise SystemExit(session.reason)
    try:
        state = State.of(root, {})
        request = RunRequest(record=testmap.keepers(state), timeout_s=SECONDS)
        baseline = await session.run(request)
        known = testmap.learned(None, baseline, state, (), frozenset())
        if known is None:
            raise SystemExit(f"{name}: {baseline.reason or 'nothing was recorded'}")
        tally.tests = len(baseline.results)
        steady = green(baseline) & green(await session.run(RunRequest(timeout_s=SECONDS)))
        places = mutants(root, SOURCES[name], options.per_package, options.seed)
        for place in places:
            print(f"{len(steady)} {place.path}:{place.line}", file=sys.stderr, flush=True)
            await _judge(place, session, known, state, steady, tally)
    finally:
        await session.close()
    if options.testmon:
        await asyncio.to_thread(with_testmon, package, places, steady, tally)
    return tally


async def _judge(
    place: Place, session: Session, known: TestMap, state: State, steady: set[str], tally: Tally
) -> None:
    tally.mutants += 1
    after = State.of(state.root, {place.path: place.text})
    found = select(known, (place.path,), state, after)
    selected = sum(is_selected(found, test) for test in steady)
    if place.in_function:
        tally.shares.append(selected / len(steady))
    changed = {place.path: place.text.encode()}
    whole = await session.run(RunRequest(changed=changed, timeout_s=SECONDS))
    if whole.status is not RunStatus.FINISHED or whole.collection_errors:
        tally.no_verdict += 1
        return
    failing = steady & red(whole)
    if not failing:
        return
    tally.killed += 1
    where = f"{tally.name} {place.path}:{place.line} {place.says}"
    part = await session.run(RunRequest(found.tests, changed, timeout_s=SECONDS))
    kills = found.tests and part.status is RunStatus.FINISHED and failing & red(part)
    tally.killed_by_selection += bool(kills)
    if not kills:
        tally.missed.append(f"{where}: {part.reason or sorted(failing)[:2]}")
    left_out = [test for test in failing if not is_selected(found, test)]
    if left_out:
        tally.under.append(f"{where}: {len(left_out)} of {len(failing)}, such as {min(left_out)}")


def with_testmon(package: Package, places: list[Place], steady: set[str], tally: Tally) -> None:
    """The same mutants, on a copy of the package, each from the same data of testmon."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "project")
        shutil.copytree(package.root, root, ignore=shutil.ignore_patterns(".venv"))
        first = _testmon(package, root)
        kept = root / ".testmondata"
        if first is None or not kept.exists():
            tally.testmon_no_verdict = len(places)
            return
        data = kept.read_bytes()
        started = resource.getrusage(resource.RUSAGE_CHILDREN)
        for place in places:
            kept.write_bytes(data)
            for name in (".testmondata-wal", ".testmondata-shm"):
                (root / name).unlink(missing_ok=True)
            source = root / place.path
            original = source.read_bytes()
            source.write_text(place.text, "utf-8")
            failing = _testmon(package, root)
            whole = steady & _plain(package, root)
            source.write_bytes(original)
            if failing is None:
                tally.testmon_no_verdict += 1
            elif failing & whole:
                tally.testmon_killed += 1
            elif whole:
                tally.testmon_missed += 1
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        tally.testmon_seconds = spent.ru_utime - started.ru_utime


def _testmon(package: Package, root: Path) -> set[str] | None:
    """The failing tests of one run, None where pytest crashed."""
    return _failing(package, root, "--testmon")


def _plain(package: Package, root: Path) -> set[str]:
    return _failing(package, root, "-p", "no:testmon") or set()


def _failing(package: Package, root: Path, *options: str) -> set[str] | None:
    folder = next((each for each in ("src", ".") if (root / each).is_dir()), ".")
    done = subprocess.run(
        [str(package.interpreter), "-m", "pytest", "-q", "-rfE", "--tb=no", *options],
        cwd=root, capture_output=True, text=True, check=False, timeout=SECONDS * 5,
        env={**os.environ, "PYTHONPATH": str(root / folder)},
    )  # fmt: skip
    if done.returncode not in {0, 1, 5}:
        return None
    lines = (line.split(" - ")[0].split(maxsplit=1) for line in done.stdout.splitlines())
    return {words[1] for words in lines if len(words) == 2 and words[0] in {"FAILED", "ERROR"}}


def lower_bound(hits: int, total: int, confidence: float = 0.95) -> float:
    """Clopper and Pearson's one-sided lower bound, by bisection of the binomial tail."""
    if not hits:
        return 0.0
    low, high = 0.0, hits / total
    for _ in range(60):
        middle = (low + high) / 2
        tail = sum(
            math.comb(total, k) * middle**k * (1 - middle) ** (total - k)
            for k in range(hits, total + 1)
        )
        low, high = (middle, high) if tail < 1 - confidence else (low, middle)
    return low


def show(tally: Tally, *, testmon: bool) -> None:
    median = statistics.median(tally.shares) if tally.shares else 0.0
    print(
        f"{tally.name:12} {tally.tests:5} tests  {tally.mutants:3} mutants  "
        f"{tally.no_verdict:2} without a verdict  {tally.killed:3} killed  "
        f"{tally.killed_by_selection:3} by the selection  {len(tally.under):2} under-selected  "
        f"median selection in functions {median:.1%}",
        flush=True,
    )
    for line in (*tally.missed, *tally.under):
        print(f"    {line}")
    if testmon:
        print(
            f"    testmon: {tally.testmon_killed} killed, {tally.testmon_missed} missed, "
            f"{tally.testmon_no_verdict} without a verdict, {tally.testmon_seconds:.0f} s of CPU "
            "with the plain runs beside it"
        )


async def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--per-package", type=int, default=PER_PACKAGE)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--testmon", action="store_true")
    parser.add_argument("--only", choices=sorted(SOURCES))
    options = parser.parse_args()
    print(f"{options.per_package} mutants of each package, seed {options.seed}; {load()}")
    tallies = []
    for name in SOURCES if options.only is None else (options.only,):
        try:
            package = prepare(name, VERSIONS[name], cache_folder() / "packages")
        except PackageUnavailableError as problem:
            print(f"{name} is left out: {problem}")
            continue
        tallies.append(await measure(name, package, options))
        show(tallies[-1], testmon=options.testmon)
    killed = sum(each.killed for each in tallies)
    ours = sum(each.killed_by_selection for each in tallies)
    under = sum(len(each.under) for each in tallies)
    shares = [share for each in tallies for share in each.shares]
    median = statistics.median(shares) if shares else 1.0
    print(
        f"{sum(each.mutants for each in tallies)} mutants, {killed} killed by a named test, "
        f"{ours} of them by the selection (at least {lower_bound(ours, max(killed, 1)):.1%} at "
        f"95 %), {under} under-selected; median selection in functions {median:.1%}"
    )
    value = ours / killed if killed else 0.0
    enough = value == 1 and under <= killed * 0.01 and median <= 0.1
    print(json.dumps({"name": "selection", "value": round(value, 4), "unit": "share",
                      "target": 1.0, "ok": enough}))  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
