"""Whether the selected tests notice what the whole suite notices.

Mutants of five published packages, in functions and outside of them, uniform over the lines that
can be mutated. For each mutant the whole suite runs, and then the tests that the map selects. A
mutant is killed by a test that passed on the unchanged package and fails with the mutant, by name;
a run that did not finish kills nothing, and neither does a file that cannot be loaded. A mutant is
under-selected when some test that fails in the whole suite was not selected.

With `--testmon`, pytest-testmon judges the same mutants from its own data, in an environment of its
own; it misses a mutant without a word when the whole suite kills it and testmon's run is green.

With `--results FILE` what came of each mutant is kept there, and is not judged again;
`--show` prints what such files hold and runs nothing.

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
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import load
from support.packages import VERSIONS, Package, PackageUnavailableError, prepare
from trueup import workspace
from trueup.parsing import parse_module
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
FIRST_SECONDS: Final = 600.0
SLOWER: Final = 5.0
"""A mutant that makes the suite take this many times as long does not end."""
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


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one mutant; `share` is that of the suite that is selected.

    `testmon` is `killed`, `missed`, `survived`, `crashed` or "".
    """

    package: str
    where: str
    in_function: bool
    tests: int
    share: float
    verdict: bool
    failing: tuple[str, ...] = ()
    killed_by_selection: bool = False
    left_out: tuple[str, ...] = ()
    testmon: str = ""
    testmon_s: float = 0.0
    plain_s: float = 0.0


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
    # So that a part of them, where time is short, is of both kinds.
    chance.shuffle(chosen)
    return chosen


def _lines_of_functions(text: str) -> set[int]:
    return {
        line
        for node in ast.walk(parse_module(text))
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


async def measure(
    name: str, package: Package, options: argparse.Namespace, known: set[str]
) -> AsyncIterator[Judged]:
    """What came of each mutant of one package that is not `known`."""
    root = str(package.root)
    session = await Session.start(package.root, package.interpreter, Limits())
    if isinstance(session, Unavailable):
        raise SystemExit(session.reason)
    peer: Testmon | None = None
    try:
        state = State.of(root, {})
        first = RunRequest(record=testmap.keepers(state), timeout_s=FIRST_SECONDS)
        baseline = await session.run(first)
        made = testmap.learned(None, baseline, state, (), frozenset())
        if made is None:
            raise SystemExit(f"{name}: {baseline.reason or 'nothing was recorded'}")
        again = await session.run(RunRequest(timeout_s=FIRST_SECONDS))
        steady = green(baseline) & green(again)
        judge = Judge(name, session, made, state, frozenset(steady), again)
        places = mutants(root, SOURCES[name], options.per_package, options.seed)
        wanted = [place for place in places if f"{name} {_where(place)}" not in known]
        if options.testmon and wanted:
            peer = await asyncio.to_thread(Testmon.start, name)
        for place in wanted:
            judged = await judge.judge(place)
            # What does not end in the whole suite would not end with testmon either.
            if peer is not None and judged.verdict:
                judged = await asyncio.to_thread(peer.judge, place, judged)
            yield judged
    finally:
        if peer is not None:
            peer.close()
        await session.close()


def _where(place: Place) -> str:
    return f"{place.path}:{place.line} {place.says}"


@dataclass(frozen=True, slots=True)
class Judge:
    """The selection of one package. `steady` are the tests that pass whenever they run."""

    name: str
    session: Session
    known: TestMap
    state: State
    steady: frozenset[str]
    before: TestRun

    async def judge(self, place: Place) -> Judged:
        after = State.of(self.state.root, {place.path: place.text})
        found = select(self.known, (place.path,), self.state, after)
        chosen = {test for test in self.steady if is_selected(found, test)}
        changed = {place.path: place.text.encode()}
        # The machine may be another one by now, and a mutant may never end.
        seconds = max(SECONDS, SLOWER * self.before.elapsed_s)
        whole = await self.session.run(RunRequest(changed=changed, timeout_s=seconds))
        verdict = whole.status is RunStatus.FINISHED and not (
            set(whole.collection_errors) - set(self.before.collection_errors)
        )
        judged = Judged(
            self.name, _where(place), place.in_function, len(self.before.results),
            len(chosen) / len(self.steady), verdict,
        )  # fmt: skip
        failing = self.steady & red(whole) if verdict else set()
        if not failing:
            return judged
        kills = False
        if found.tests:
            part = await self.session.run(RunRequest(found.tests, changed, timeout_s=seconds))
            kills = part.status is RunStatus.FINISHED and bool(failing & red(part))
        return replace(
            judged, failing=tuple(sorted(failing)), killed_by_selection=kills,
            left_out=tuple(sorted(failing - chosen)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Testmon:
    """pytest-testmon on a copy of a package; each mutant is judged from the same data."""

    __test__ = False

    package: Package
    scratch: tempfile.TemporaryDirectory[str]
    data: bytes | None
    plain_s: float

    @property
    def root(self) -> Path:
        return Path(self.scratch.name, "project")

    @classmethod
    def start(cls, name: str) -> Testmon:
        cache = cache_folder() / "packages"
        package = prepare(name, VERSIONS[name], cache, ("pytest-testmon==2.2.0",))
        scratch = tempfile.TemporaryDirectory()
        root = Path(scratch.name, "project")
        shutil.copytree(package.root, root, ignore=shutil.ignore_patterns(".venv"))
        plain_s, _ = _pytest(package, root, "-p", "no:testmon")
        _, first = _pytest(package, root, "--testmon")
        kept = root / ".testmondata"
        whole = first is not None and kept.exists()
        return cls(package, scratch, kept.read_bytes() if whole else None, plain_s)

    def judge(self, place: Place, judged: Judged) -> Judged:
        if self.data is None:
            return replace(judged, testmon="crashed", plain_s=self.plain_s)
        kept = self.root / ".testmondata"
        kept.write_bytes(self.data)
        for name in (".testmondata-wal", ".testmondata-shm"):
            (self.root / name).unlink(missing_ok=True)
        source = self.root / place.path
        original = source.read_bytes()
        source.write_text(place.text, "utf-8")
        seconds, said = _pytest(self.package, self.root, "--testmon")
        source.write_bytes(original)
        if said is None:
            outcome = "crashed"
        elif any(line.startswith(name) for line in said for name in judged.failing):
            outcome = "killed"
        else:
            outcome = "missed" if judged.failing else "survived"
        return replace(judged, testmon=outcome, testmon_s=seconds, plain_s=self.plain_s)

    def close(self) -> None:
        self.scratch.cleanup()


def _pytest(package: Package, root: Path, *options: str) -> tuple[float, list[str] | None]:
    """CPU time, and the failing tests with what was said of them; None where pytest crashed."""
    folder = next((each for each in ("src", ".") if (root / each).is_dir()), ".")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(
            [str(package.interpreter), "-m", "pytest", "-q", "-rfE", "--tb=no", *options],
            cwd=root, capture_output=True, text=True, check=False, timeout=FIRST_SECONDS,
            env={**os.environ, "PYTHONPATH": str(root / folder), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return FIRST_SECONDS, None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # 2 is a file that could not be loaded: the others did not run.
    if done.returncode not in {0, 1, 5}:
        return spent, None
    lines = done.stdout.splitlines()
    kinds = ("FAILED ", "ERROR ")
    return spent, [line.split(" ", 1)[1] for line in lines if line.startswith(kinds)]


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


def show(name: str, found: Sequence[Judged]) -> None:
    killed = [each for each in found if each.failing]
    by_us = [each for each in killed if each.killed_by_selection]
    under = [each for each in killed if each.left_out]
    print(
        f"{name:12} {max((each.tests for each in found), default=0):5} tests  "
        f"{len(found):3} mutants  {sum(not each.verdict for each in found):2} without a verdict  "
        f"{len(killed):3} killed  {len(by_us):3} by the selection  {len(under):2} under-selected  "
        f"median selection in functions {median_of(found):.1%}",
        flush=True,
    )
    for each in killed:
        if not each.killed_by_selection:
            print(f"    missed: {each.where}: {each.failing[0]}")
        if each.left_out:
            print(
                f"    under-selected: {each.where}: {len(each.left_out)} of {len(each.failing)}, "
                f"such as {each.left_out[0]}"
            )
    judged = [each for each in killed if each.testmon]
    if any(each.testmon for each in found):
        print(
            f"    testmon: {sum(each.testmon == 'killed' for each in judged)} killed, "
            f"{sum(each.testmon == 'missed' for each in judged)} missed without a word, "
            f"{sum(each.testmon == 'crashed' for each in judged)} crashed, of {len(judged)}; "
            f"{statistics.mean(each.testmon_s for each in found if each.testmon):.2f} s of CPU a "
            f"mutant, {max(each.plain_s for each in found):.2f} s for the whole suite without it"
        )


def median_of(found: Sequence[Judged]) -> float:
    shares = [each.share for each in found if each.in_function]
    return statistics.median(shares) if shares else 0.0


def load_results(files: Sequence[Path]) -> list[Judged]:
    rows = [json.loads(line) for file in files if file.exists() for line in file.open()]
    found = []
    for row in rows:
        names = {"failing": tuple(row["failing"]), "left_out": tuple(row["left_out"])}
        found.append(Judged(**{**row, **names}))
    return found


async def judge_all(options: argparse.Namespace, found: list[Judged]) -> None:
    file = options.results[0] if options.results else None
    for name in SOURCES if options.only is None else (options.only,):
        known = {f"{each.package} {each.where}" for each in found}
        try:
            package = prepare(name, VERSIONS[name], cache_folder() / "packages")
        except PackageUnavailableError as problem:
            print(f"{name} is left out: {problem}")
            continue
        async for judged in measure(name, package, options, known):
            found.append(judged)
            if file is not None:
                with file.open("a") as stream:
                    print(json.dumps(asdict(judged)), file=stream)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--per-package", type=int, default=PER_PACKAGE)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--testmon", action="store_true")
    parser.add_argument("--only", choices=sorted(SOURCES))
    parser.add_argument("--results", type=Path, nargs="*", default=[])
    parser.add_argument("--show", action="store_true", help="what the results hold, and no more")
    options = parser.parse_args()
    print(f"{options.per_package} mutants of each package, seed {options.seed}; {load()}")
    found = load_results(options.results)
    if not options.show:
        asyncio.run(judge_all(options, found))
    for name in SOURCES:
        if of_package := [each for each in found if each.package == name]:
            show(name, of_package)
    killed = [each for each in found if each.failing]
    ours = sum(each.killed_by_selection for each in killed)
    under = sum(bool(each.left_out) for each in killed)
    median = median_of(found)
    print(
        f"{len(found)} mutants, {len(killed)} killed by a named test, {ours} of them by the "
        f"selection (at least {lower_bound(ours, max(len(killed), 1)):.1%} at 95 %), {under} "
        f"under-selected; median selection in functions {median:.1%}"
    )
    value = ours / len(killed) if killed else 0.0
    enough = value == 1 and under <= len(killed) * 0.01 and median <= 0.1
    print(json.dumps({"name": "selection", "value": round(value, 4), "unit": "share",
                      "target": 1.0, "ok": enough}))  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
