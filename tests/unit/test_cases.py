"""The gate on the cases of tests/cases: files, a goal, a candidate, and the verdict to expect.

Ruff is the real one. The runs of the tests are scripted, by a bed that answers as the case says;
one test at the end holds it against a bed that runs pytest.

A `tests` block is read line by line; what it leaves out passes, runs every line and kills every
mutant:

    tests/test_x.py::test_a: passed -> failed: assert 1 == 2     before -> after
    tests/test_x.py::test_b: failed then passed -> passed        first run, then the next ones
    cold tests/test_x.py::test_a: passed -> failed: why          in a fresh interpreter
    executed: none | all | 1 2 5                                 of every edited file
    passing: 1 2                                                 the same, when only green tests run
    before | after | cold: timed_out: the sentence               how a run ended, else `finished`
    after cannot load tests/test_x.py: ImportError: no           collection errors, both sides
    mutants: killed survived hangs crashes                       in turn, the last one repeats
    affected: none                                               else the files of the tests
    refusal: the sentence                                        why nothing can be run
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pytest

from cases.literate import Case, CaseError, cases_in, with_verdict
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup import workspace
from trueup.propose.hunks import minimal_edits
from trueup.runner import sandbox
from trueup.runner.affected import Affected, importers_of
from trueup.runner.results import RunRequest, RunStatus, TestOutcome, TestResult, TestRun
from trueup.runner.session import Session
from trueup.settings import Limits
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import (
    Candidate,
    Diagnostic,
    Goal,
    GoalKind,
    Outcome,
    Recipe,
    Surface,
    SurfaceKind,
    Verdict,
)
from trueup.verify import gate
from trueup.verify.trial import TestBed, Trial

FOLDER: Final = Path(__file__).parent.parent / "cases"
CASES: Final = tuple(case for file in sorted(FOLDER.glob("*.md")) for case in cases_in(file))
ONE_GREEN_TEST: Final = {"tests/test_it.py::test_it": "passed"}
SETTINGS_OF_TESTS: Final = {"executed", "passing", "mutants", "affected", "refusal"}
SIDES: Final = ("before", "after", "cold")
GOAL_KEYS: Final = {
    "proposer",
    "kind", "recipe", "path", "symbol", "name", "surface", "diagnostic", "instruction", "deletes",
    "shows",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(case: Case, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    trial = trial_of(case, tmp_path)
    try:
        verdict = await gate.judge(trial)
    finally:
        await trial.close()
    said = lines_of(verdict, tuple(case.goal.get("shows", "").split()))
    if request.config.getoption("--update-cases"):
        case.file.write_text(with_verdict(case, said), "utf-8")
        return
    assert "\n".join(said) == case.verdict.text.rstrip("\n"), f"{case.file.name}:{case.line}"


def lines_of(verdict: Verdict, shows: tuple[str, ...]) -> tuple[str, ...]:
    """The ruling, what did not pass, and what of the rest the case wants to see."""
    return (
        verdict.outcome.value,
        *(
            f"{found.check} {found.outcome} {found.detail}"
            + (f" ({found.path}:{found.line})" if found.path and found.line else "")
            for found in verdict.evidence
            if found.outcome is not Outcome.PASSED or found.check in shows or "all" in shows
        ),
    )


def trial_of(case: Case, root: Path, bed: TestBed | None = None) -> Trial:
    documents = [Document(path, text, None, case.encodings[path]) for path, text in
                 case.before.items()]  # fmt: skip
    for document in documents:
        file = root / document.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(document.to_bytes())
    before = Snapshot.of(str(root), documents)
    candidate = Candidate(
        case.title,
        tuple(
            edit
            for path, text in case.after.items()
            for edit in minimal_edits(path, case.before.get(path, ""), text)
        ),
        case.goal.get("proposer", "case"),
        deletes=tuple(case.goal.get("deletes", "").split()),
    )
    after = before.edited(candidate.edits, candidate.deletes)
    return Trial(
        goal=goal_of(case),
        candidate=candidate,
        before=before,
        after=after,
        bed=bed or Script.of(case, before, after).bed,
        limits=Limits(),
    )


def goal_of(case: Case) -> Goal:
    if strange := case.goal.keys() - GOAL_KEYS:
        raise CaseError(f"{case.name}: a goal has no {min(strange)!r}")
    path = case.goal.get("path", case.selected)
    diagnostic = None
    if said := case.goal.get("diagnostic"):
        source, code, message = said.split(maxsplit=2)
        diagnostic = Diagnostic(path, case.span, message, source, code)
    return Goal(
        kind=GoalKind(case.goal["kind"]),
        recipe=Recipe(case.goal["recipe"]),
        path=path,
        span=case.span,
        symbol=case.goal.get("symbol", ""),
        diagnostic=diagnostic,
        instruction=case.goal.get("instruction", ""),
        name=case.goal.get("name", ""),
        surface=surface_of(case.goal.get("surface", "keep").split()),
    )


def surface_of(words: list[str]) -> Surface:
    match words:
        case ["rename", old, new]:
            return Surface(SurfaceKind.RENAME, old=old, new=new)
        case ["move", name, old, new]:
            return Surface(SurfaceKind.MOVE, old=old, new=new, name=name)
        case ["add", new]:
            return Surface(SurfaceKind.ADD, new=new)
        case ["remove", old]:
            return Surface(SurfaceKind.REMOVE, old=old)
        case [kind]:
            return Surface(SurfaceKind(kind))
    raise CaseError(f"no surface is written like this: {' '.join(words)}")


@dataclass
class Script:
    """A test bed that says what a case wants said, and counts what it was asked."""

    plan: Mapping[str, str]
    paths: tuple[str, ...]
    after: Snapshot
    lines: int
    runs: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, case: Case, before: Snapshot, after: Snapshot) -> Script:
        named = {key for key in case.tests if "::" in key and not key.startswith("cold ")}
        plan = dict(case.tests) if named else {**ONE_GREEN_TEST, **case.tests}
        for key in plan:
            known = "::" in key or " cannot load " in key or key in {*SETTINGS_OF_TESTS, *SIDES}
            if not known:
                raise CaseError(f"{case.name}: a test run has no {key!r}")
        return cls(
            plan=plan,
            paths=tuple(case.after),
            after=after,
            lines=max((document.line_count for document in (*before, *after)), default=1),
        )

    @property
    def bed(self) -> TestBed:
        return TestBed(self.affected, self.refusal, self.run, self.confirm)

    @property
    def tests(self) -> tuple[str, ...]:
        return tuple(key for key in self.plan if "::" in key and not key.startswith("cold "))

    async def affected(self, changed: Collection[str], overlay: Mapping[str, str]) -> Affected:
        assert set(changed) >= set(self.paths)
        assert isinstance(overlay, Mapping)
        files = sorted({name.partition("::")[0] for name in self.tests})
        selected = () if self.plan.get("affected") == "none" else tuple(files)
        return Affected(selected, len(files), "as the case says")

    async def refusal(self) -> str:
        return self.plan.get("refusal", "")

    async def run(self, request: RunRequest) -> TestRun:
        await asyncio.sleep(0)
        if not request.changed and not request.deleted:
            return self._side("before", request)
        if request.changed == workspace.unsaved(self.after):
            return self._side("after", request)
        return self._mutant(request)

    async def confirm(self, request: RunRequest) -> TestRun:
        return self._side("before" if not request.changed else "after", request, cold=True)

    def _side(self, side: str, request: RunRequest, *, cold: bool = False) -> TestRun:
        place = f"cold {side}" if cold else side
        self.runs[place] += 1
        status, _, reason = self.plan.get("cold" if cold else side, "finished").partition(": ")
        if RunStatus(status) is not RunStatus.FINISHED:
            return TestRun(RunStatus(status), reason)
        results = {
            name: result
            for name in self.tests
            if (result := self._result(name, side, self.runs[place], cold=cold)) is not None
            and any(name == wanted or name.startswith(f"{wanted}::") for wanted in request.tests)
        }
        unloaded = {
            key.partition(" cannot load ")[2]: said
            for key, said in self.plan.items()
            if key.startswith(f"{side} cannot load ")
        }
        return TestRun(
            RunStatus.FINISHED,
            results=results,
            runners=self._runners(request, results),
            collection_errors=unloaded,
            returncode=0,
        )

    def _runners(
        self, request: RunRequest, results: dict[str, TestResult]
    ) -> dict[tuple[str, int], frozenset[str]]:
        """Every test runs the `passing` lines; the rest of the `executed` ones only red tests."""
        executed = self.plan.get("executed", "all")
        passing = self._executed(self.plan.get("passing", executed))
        red = {name for name, result in results.items() if result.outcome.is_red}
        return {
            (path, line): frozenset(results if line in passing else red)
            for path, lines in request.probes.items()
            for line in lines & self._executed(executed)
        }

    def _result(self, name: str, side: str, attempt: int, *, cold: bool) -> TestResult | None:
        said = self.plan[name]
        if cold:
            said = self.plan.get(f"cold {name}", said)
        first, _, second = said.partition(" -> ")
        attempts = (second if second and side == "after" else first).split(" then ")
        outcome, _, detail = attempts[min(attempt, len(attempts)) - 1].partition(": ")
        if outcome == "missing":
            return None
        blocked = sandbox.blocked(sandbox.NAMESPACES, detail)
        return TestResult(name, TestOutcome(outcome), detail, blocked)

    def _executed(self, said: str) -> frozenset[int]:
        if said == "all":
            return frozenset(range(1, self.lines + 2))
        return frozenset(int(word) for word in said.split() if said != "none")

    def _mutant(self, request: RunRequest) -> TestRun:
        assert request.stop_early
        self.runs["mutant"] += 1
        fates = self.plan.get("mutants", "killed").split()
        match fates[min(self.runs["mutant"], len(fates)) - 1]:
            case "killed":
                name = self.tests[0]
                return TestRun(
                    RunStatus.FINISHED, results={name: TestResult(name, TestOutcome.FAILED)}
                )
            case "survived":
                return TestRun(
                    RunStatus.FINISHED,
                    results={name: TestResult(name, TestOutcome.PASSED) for name in self.tests},
                )
            case "hangs":
                return TestRun(RunStatus.TIMED_OUT, "the tests took longer than 60 s")
            case "crashes":
                return TestRun(RunStatus.CRASHED, "the tests' process ended")
            case fate:
                raise CaseError(f"no fate of a mutant: {fate!r}")


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


PRICE: Final = "def price(net, rate):\n    return net + net * rate\n"
TEST_PRICE: Final = (
    "from price import price\n\n\ndef test_price():\n    assert price(10, 2) == 30\n"
)


@pytest.mark.parametrize(
    ("after", "tests"),
    [
        ("def price(net, rate):\n    return net * (1 + rate)\n", {}),
        (
            "def price(net, rate):\n    return net * (2 + rate)\n",
            {"test_price.py::test_price": "passed -> failed: assert 40 == 30"},
        ),
    ],
    ids=["right", "wrong"],
)
async def test_the_script_answers_as_pytest_does(
    after: str, tests: dict[str, str], tmp_path: Path, interpreter: Path
) -> None:
    """The same verdicts from the scripted bed and from a session on the same files."""
    case = Case(
        file=Path("none.md"),
        title="price",
        line=1,
        before={"price.py": PRICE, "test_price.py": TEST_PRICE},
        after={"price.py": after},
        encodings={"price.py": "utf-8", "test_price.py": "utf-8"},
        selected="price.py",
        span=Span(0, 0),
        goal={"kind": "refactor", "recipe": "simplify", "symbol": "price"},
        tests=tests or {"test_price.py::test_price": "passed"},
        verdict=CASES[0].verdict,
    )
    root = tmp_path / "project"
    scripted = await gate.judge(trial_of(case, root))
    session = await Session.start(root, interpreter, Limits())
    assert isinstance(session, Session), session

    async def find(changed: Collection[str], overlay: Mapping[str, str]) -> Affected:
        return importers_of(str(root), changed, overlay)

    async def ready() -> str:
        return ""

    bed = TestBed(find, ready, session.run, session.confirm)
    try:
        real = await gate.judge(trial_of(case, root, bed))
    finally:
        await session.close()
    assert lines_of(real, ("all",)) == lines_of(scripted, ("all",))


GOOD: Final = """# Cases

## One

```python path=a.py
x = $01$0
```

```goal
kind: fix
recipe: patch
```

```verdict
verified
```
"""


NO_BLOCK: Final = "is no block of a case: path=, after=, goal, tests or verdict"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("## One", "One", "bad.md:5: a block stands before the first `## title`"),
        (GOOD, "# Nothing\n", "bad.md:1: there is no case: a case begins with `## title`"),
        ("```goal\nkind: fix\nrecipe: patch\n```\n", "", "bad.md:3: 'One' has no `goal` block"),
        ("```verdict\nverified\n```\n", "", "bad.md:3: 'One' has no `verdict` block"),
        ("```verdict\nverified\n```", "```verdict\nverified", "bad.md:14: the block is not closed"),
        ("kind: fix", "kind", "bad.md:10: not a `key: value` line: 'kind'"),
        ("kind: fix", "kind: fix\nkind: fix", "bad.md:11: kind is given twice"),
        ("python path=a.py", "python", f"bad.md:5: `python` {NO_BLOCK}"),
        ("python path=a.py\nx = $01$0", "", f"bad.md:5: `` {NO_BLOCK}"),
        ("$01$0", "$01$0 + $0", "bad.md:5: `$0` stands more than twice"),
        ("```goal", "```python path=b.py\n$0\n```\n\n```goal", "bad.md:9: `$0` is in a.py already"),
        ("```goal", "```python path=a.py\n```\n\n```goal", "bad.md:9: a.py is given twice"),
        ("```python path=a.py\nx = $01$0\n```\n", "", "bad.md:3: 'One' has no file"),
        ("# Cases\n", f"# Cases\n{GOOD}", "bad.md:19: there are two cases called 'One'"),
    ],
)  # fmt: skip
def test_a_case_that_cannot_be_read_says_where(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.md"
    file.write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(CaseError) as raised:
        cases_in(file)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("goal", "tests"),
    [
        ({"knid": "fix"}, {}),
        ({"kind": "fix", "recipe": "patch", "surface": "rename a"}, {}),
        ({"kind": "fix", "recipe": "patch"}, {"exectued": "all"}),
    ],
    ids=["goal", "surface", "tests"],
)
def test_a_key_that_means_nothing_is_an_error(
    goal: dict[str, str], tests: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "good.md"
    file.write_text(GOOD, "utf-8")
    with pytest.raises(CaseError, match=r"One: |rename a"):
        trial_of(replace(cases_in(file)[0], goal=goal, tests=tests), tmp_path / "root")


def test_updating_changes_the_verdict_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "good.md"
    file.write_text(GOOD, "utf-8")
    case = cases_in(file)[0]
    assert with_verdict(case, ("verified",)) == GOOD
    assert with_verdict(case, ("rejected", "why")) == GOOD.replace("verified", "rejected\nwhy")
