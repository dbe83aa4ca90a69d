"""What a baseline teaches, what it answers again, and what it must not; each with a real agent."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import platformdirs
import pytest

from support import interpreters
from support.tiny_projects import Project
from trueup.engine.baselines import Baselines
from trueup.engine.recordings import Recordings
from trueup.runner import testmap
from trueup.runner.results import RunRequest, RunStatus, TestOutcome, TestResult, TestRun
from trueup.runner.session import Session
from trueup.runner.testmap import State
from trueup.settings import cache_folder

CACHE = platformdirs.user_cache_path("trueup-tests")
PRICE = "def tea():\n    return 1\n\ndef milk():\n    return 2\n"
TESTS = """
import shop


def test_tea():
    assert shop.tea() == 1


def test_milk():
    assert shop.milk() == 2
"""
TEA, MILK = "tests/test_shop.py::test_tea", "tests/test_shop.py::test_milk"
WHOLE = ("tests/test_shop.py",)


class Watched:
    """Recordings of a project, and the requests that really ran."""

    def __init__(self, project: Project, session: Session) -> None:
        self.project, self.session = project, session
        self.ran: list[RunRequest] = []
        self.known = Recordings(str(project.root), project.interpreter)

    async def run(self, request: RunRequest) -> TestRun:
        self.ran.append(request)
        return await self.session.run(request)

    async def baseline(self, *tests: str, **unsaved: str) -> TestRun:
        texts = {f"{name}.py": text for name, text in unsaved.items()}
        request = RunRequest(tests, {path: text.encode() for path, text in texts.items()})
        return await self.known.baseline(request, texts, self.run)

    async def affected(self, after: str) -> tuple[str, ...]:
        text = (self.project.root / "shop.py").read_text()
        changed = ("shop.py",)
        found = await self.known.affected(changed, {"shop.py": text}, {"shop.py": after}, ())
        return found.tests


@pytest.fixture
async def shop(tmp_path: Path, interpreter: Path) -> AsyncIterator[Watched]:
    root = tmp_path / "project"
    root.mkdir()
    project = Project(root, interpreter)
    project.put("pytest.ini", "[pytest]\npythonpath = .\ntestpaths = tests\n")
    project.put("shop.py", PRICE)
    project.put("tests/test_shop.py", TESTS)
    async with project.session() as session:
        yield Watched(project, session)


async def test_the_first_baseline_is_recorded_and_the_map_is_kept(shop: Watched) -> None:
    assert await shop.affected(PRICE.replace("return 1", "return 3")) == WHOLE
    first = await shop.baseline(*WHOLE)
    assert first.all_passed
    assert [each.record is not None for each in shop.ran] == [True]
    assert await shop.affected(PRICE.replace("return 1", "return 3")) == (TEA,)
    file = testmap.place_of(cache_folder(), str(shop.project.root), shop.project.interpreter)
    assert testmap.load(file) is not None
    shop.known = Recordings(str(shop.project.root), shop.project.interpreter)
    assert await shop.affected(PRICE.replace("return 2", "return 3")) == (MILK,)


async def test_what_ran_already_answers_again_whole_and_in_part(shop: Watched) -> None:
    whole = await shop.baseline(*WHOLE)
    again = await shop.baseline(*WHOLE)
    part = await shop.baseline(TEA)
    assert len(shop.ran) == 1
    assert (again.results, again.status) == (whole.results, RunStatus.FINISHED)
    assert (set(part.results), part.all_passed) == ({TEA}, True)


@pytest.mark.parametrize("path", ["shop.py", "tests/test_shop.py", "prices.json", "new/a.txt"])
async def test_a_file_that_changed_on_disk_needs_a_new_run(shop: Watched, path: str) -> None:
    shop.project.put("prices.json", "[1]")
    await shop.baseline(*WHOLE)
    file = shop.project.root / path
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as stream:
        stream.write("\n")
    await shop.baseline(*WHOLE)
    assert len(shop.ran) == 2


async def test_an_unsaved_buffer_is_a_state_of_its_own(shop: Watched) -> None:
    await shop.baseline(*WHOLE)
    red = await shop.baseline(*WHOLE, shop=PRICE.replace("return 1", "return 5"))
    assert red.results[TEA].outcome.is_red
    assert (await shop.baseline(*WHOLE)).all_passed


async def test_what_is_installed_since_needs_a_new_run(shop: Watched, interpreter: Path) -> None:
    package = next(interpreter.parent.parent.glob("lib/python*/site-packages")) / "installed_now.py"
    kept = Baselines(str(shop.project.root), interpreter)
    before = kept.key(RunRequest(WHOLE))
    package.write_text("")
    try:
        assert kept.key(RunRequest(WHOLE)) != before
    finally:
        package.unlink()


async def test_a_red_baseline_is_run_without_recording_and_answers_when_two_agree(
    shop: Watched,
) -> None:
    shop.project.put("tests/test_shop.py", TESTS.replace("tea() == 1", "tea() == 7"))
    first = await shop.baseline(*WHOLE)
    assert {name for name, each in first.results.items() if each.outcome.is_red} == {TEA}
    assert [each.record is not None for each in shop.ran] == [True, False]
    again = await shop.baseline(*WHOLE)
    assert len(shop.ran) == 2
    assert again.results[TEA].outcome.is_red
    assert again.returncode == 1
    assert await shop.affected(PRICE.replace("return 1", "return 3")) == (TEA,)


async def test_a_test_that_only_recording_breaks_is_not_red(shop: Watched) -> None:
    shop.project.put(
        "tests/test_shop.py",
        TESTS + "\n\ndef test_nobody_looks_on():\n    import sys\n    watched = sys.gettrace()\n"
        "    if sys.version_info >= (3, 12):\n"
        "        watched = sys.monitoring.get_tool(4) or sys.monitoring.get_tool(3)\n"
        "    assert not watched\n",
    )
    found = await shop.baseline(*WHOLE)
    assert found.all_passed
    assert len(shop.ran) == 2


async def test_a_test_that_is_red_now_and_then_never_answers_again(shop: Watched) -> None:
    """What is red changes with a file outside of the workspace: nothing here sees it change."""
    request = RunRequest(WHOLE)
    passed = await shop.run(request)
    shop.project.put("tests/test_shop.py", TESTS.replace("tea() == 1", "tea() == 7"))
    failed = await shop.run(request)
    kept = Baselines(str(shop.project.root), shop.project.interpreter)
    key = kept.key(request)
    for run in (failed, passed, failed):
        kept.keep(key, WHOLE, run)
        if run is failed:
            assert kept.answer(key, WHOLE) is None
    kept.keep(key, WHOLE, failed)
    assert kept.answer(key, WHOLE) is not None


async def test_a_run_that_did_not_finish_or_not_load_is_not_kept(shop: Watched) -> None:
    for broken in ("import os\n\ndef test_tea():\n    os._exit(0)\n", "import nothing_there\n"):
        shop.project.put("tests/test_shop.py", broken)
        ran = len(shop.ran)
        assert not (await shop.baseline(*WHOLE)).all_passed
        assert not (await shop.baseline(*WHOLE)).all_passed
        assert len(shop.ran) - ran == 4


async def test_what_changes_while_tests_run_is_not_kept(shop: Watched) -> None:
    await shop.baseline(*WHOLE)
    shop.project.put("notes.txt", "")

    async def edited_meanwhile(request: RunRequest) -> TestRun:
        shop.project.put("shop.py", PRICE + "\n")
        return await shop.run(request)

    await shop.known.baseline(RunRequest(WHOLE), {}, edited_meanwhile)
    os.utime(shop.project.root / "shop.py")
    await shop.baseline(*WHOLE)
    assert len(shop.ran) == 3


def test_the_latest_runs_are_kept_and_no_more(tmp_path: Path, interpreter: Path) -> None:
    kept = Baselines(str(tmp_path), interpreter)
    key = kept.key(RunRequest())
    result = TestResult(TEA, TestOutcome.PASSED)
    for number in range(20):
        name = f"tests/test_{number}.py::test"
        kept.keep(key, (name,), TestRun(RunStatus.FINISHED, results={name: result}))
    assert kept.answer(key, ("tests/test_0.py::test",)) is None
    assert kept.answer(key, ("tests/test_19.py::test",)) is not None
    assert kept.answer(None, ("tests/test_19.py::test",)) is None


@pytest.mark.parametrize("version", interpreters.found())
async def test_under_every_python_of_this_machine(tmp_path: Path, version: str) -> None:
    project = Project(tmp_path / "project", interpreters.environment(version, CACHE))
    project.put("pytest.ini", "[pytest]\npythonpath = .\n")
    project.put("deep.py", "def compute():\n    return 1\n\ndef other():\n    return 2\n")
    project.put(
        "shop.py",
        """
        import deep

        class Shop:
            def __init__(self):
                self._known = {}

            def price(self, what):
                if what not in self._known:
                    self._known[what] = what()
                return (lambda: self)()._known[what]

        shop = Shop()
        """,
    )
    test = "import deep, shop\n\ndef test_it():\n    assert {0}.price(deep.{1})\n"
    project.put("test_a.py", test.format("shop.shop", "compute"))
    project.put("test_b.py", test.format("shop.shop", "compute"))
    project.put("test_c.py", test.format("shop.Shop()", "other"))
    state = State.of(str(project.root), {})
    async with project.session() as session:
        run = await session.run(RunRequest(record=testmap.keepers(state)))
    assert run.all_passed, run
    known = testmap.learned(None, run, state, (), frozenset())
    assert known is not None
    assert not known.stale
    ran = {
        name.partition("::")[0]: {known.functions[number].name for number in each.functions}
        for name, each in known.tests.items()
    }
    assert {path for path, names in ran.items() if "compute" in names} == {"test_a.py", "test_b.py"}
    assert "other" in ran["test_c.py"]
