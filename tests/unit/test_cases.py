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
    running: tests/test_x.py::test_a                             when the run after was stopped
    mutants: killed survived hangs crashes                       in turn, the last one repeats
    affected: none                                               else the files of the tests
    refusal: the sentence                                        why nothing can be run
    types before: a.py:1: error: no  [code] | a.py:2: …          what a type checker says
    types after: dies: why                                       that it cannot say
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
from cases.trials import lines_of, on_disk, trial_of
from support.beds import bed_of
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup import workspace
from trueup.runner import sandbox
from trueup.runner.affected import Affected
from trueup.runner.results import (
    RunRequest,
    RunStatus,
    ScriptAnswer,
    ScriptRequest,
    TestOutcome,
    TestResult,
    TestRun,
)
from trueup.runner.session import Session
from trueup.settings import Limits
from trueup.snapshot import Snapshot, Span
from trueup.verify import gate
from trueup.verify.trial import TestBed, Trial

FOLDER: Final = Path(__file__).parent.parent / "cases"
CASES: Final = tuple(case for file in sorted(FOLDER.glob("*.md")) for case in cases_in(file))
ONE_GREEN_TEST: Final = {"tests/test_it.py::test_it": "passed"}
SETTINGS_OF_TESTS: Final = {"executed", "passing", "mutants", "affected", "refusal", "running"} | {
    "types before", "types after",
}  # fmt: skip
SIDES: Final = ("before", "after", "cold")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(case: Case, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    trial = scripted(case, tmp_path)
    try:
        verdict = await gate.judge(trial)
    finally:
        await trial.close()
    said = lines_of(verdict, tuple(case.goal.get("shows", "").split()))
    if request.config.getoption("--update-cases"):
        case.file.write_text(with_verdict(case, said), "utf-8")
        return
    assert "\n".join(said) == case.verdict.text.rstrip("\n"), f"{case.file.name}:{case.line}"


def scripted(case: Case, root: Path) -> Trial:
    before = on_disk(case, root)
    return trial_of(case, before, lambda old, new: Script.of(case, old, new).bed)


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
        return TestBed(self.affected, self.refusal, self.baseline, self.run, self.confirm, self.ask)

    @property
    def tests(self) -> tuple[str, ...]:
        return tuple(key for key in self.plan if "::" in key and not key.startswith("cold "))

    @property
    def tests_of_the_change(self) -> dict[str, bytes]:
        changed = workspace.unsaved(self.after)
        return {path: raw for path, raw in changed.items() if workspace.is_test(path)}

    async def affected(
        self,
        changed: Collection[str],
        before: Mapping[str, str],
        after: Mapping[str, str],
        absent: Collection[str],
    ) -> Affected:
        assert set(changed) >= set(self.paths)
        assert not set(absent) & {*before, *after}
        files = sorted({name.partition("::")[0] for name in self.tests})
        selected = () if self.plan.get("affected") == "none" else tuple(files)
        return Affected(selected, len(files), "as the case says")

    async def baseline(self, request: RunRequest, texts: Mapping[str, str]) -> TestRun:
        assert set(request.changed) <= set(texts)
        return await self.run(request)

    async def refusal(self) -> str:
        return self.plan.get("refusal", "")

    async def run(self, request: RunRequest) -> TestRun:
        await asyncio.sleep(0)
        if not request.changed and not request.deleted:
            return self._side("before", request)
        if request.changed == workspace.unsaved(self.after):
            return self._side("after", request)
        if request.changed == self.tests_of_the_change:
            return self._side("before", request)
        return self._mutant(request)

    async def confirm(self, request: RunRequest) -> TestRun:
        return self._side("before" if not request.changed else "after", request, cold=True)

    async def ask(self, request: ScriptRequest) -> ScriptAnswer:
        """The type checker's answers, as `inside/tool.py` sends them."""
        if request.script != "tool":
            return ScriptAnswer(RunStatus.UNAVAILABLE, "a case of text calls no code")
        said = []
        for side in ("after", "before"):
            fate, _, why = (plan := self.plan.get(f"types {side}", "")).partition(": ")
            rows = "\n".join(plan.split(" | "))
            code = 2 if fate == "dies" else int(bool(plan))
            said.append(("ran", side, code, rows, why if fate == "dies" else "", False))
        return ScriptAnswer(RunStatus.FINISHED, said=tuple(said))

    def _side(self, side: str, request: RunRequest, *, cold: bool = False) -> TestRun:
        place = f"cold {side}" if cold else side
        self.runs[place] += 1
        status, _, reason = self.plan.get("cold" if cold else side, "finished").partition(": ")
        if RunStatus(status) is not RunStatus.FINISHED:
            running = self.plan.get("running") if side == "after" else None
            return TestRun(RunStatus(status), reason, unfinished=running, elapsed_s=60)
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
    told_by_script = await gate.judge(scripted(case, root))
    session = await Session.start(root, interpreter, Limits())
    assert isinstance(session, Session), session

    try:
        real = await gate.judge(
            trial_of(case, on_disk(case, root), lambda *_: bed_of(root, session))
        )
    finally:
        await session.close()
    # Only a real session can call the code; the script leaves that to the mutants.
    said, told = lines_of(real, ("all",)), lines_of(told_by_script, ("all",))
    differing = [one for one, two in zip(said, told, strict=True) if one != two]
    assert all(line.startswith("behaviour ") for line in differing), differing


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
        scripted(replace(cases_in(file)[0], goal=goal, tests=tests), tmp_path / "root")


def test_updating_changes_the_verdict_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "good.md"
    file.write_text(GOOD, "utf-8")
    case = cases_in(file)[0]
    assert with_verdict(case, ("verified",)) == GOOD
    assert with_verdict(case, ("rejected", "why")) == GOOD.replace("verified", "rejected\nwhy")
