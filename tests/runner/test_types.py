"""The project's own type checker, run where the tests run, on the change and without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.beds import bed_of
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, Project, make_environment
from trueup.propose.hunks import minimal_edits
from trueup.settings import Limits
from trueup.snapshot import Snapshot, Span
from trueup.suggestion import Candidate, Evidence, Goal, GoalKind, Outcome, Recipe
from trueup.verify import types
from trueup.verify.trial import Trial
from trueup.workspace import read

MYPY = ("mypy", "mypy_extensions", "typing_extensions", "pathspec", "librt", "ast-serialize")
PRICE = "def price(net: int) -> int:\n    return net\n\n\nWRONG: str = 1\n"
PLUGIN = """
from mypy.plugin import Plugin


class Silent(Plugin):
    pass


def plugin(version):
    open("ran", "w").close()
    return Silent
"""


@pytest.fixture(scope="module")
def with_mypy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    return make_environment(folder, (*PYTEST_AND_ITS_NEEDS, *MYPY))


@pytest.fixture
def shop(tmp_path: Path, with_mypy: Path) -> Project:
    project = Project(tmp_path / "shop", with_mypy)
    project.put("mypy.ini", "[mypy]\nplugins = plugin.py\n")
    project.put("plugin.py", PLUGIN)
    project.put("price.py", PRICE)
    project.put("user.py", "from price import price\n\nTOTAL: int = price(1)\n")
    project.put("test_price.py", "from price import price\n\n\ndef test_it():\n    price(1)\n")
    return project


async def judged(project: Project, after: dict[str, str], mode: str) -> Evidence:
    before = Snapshot.of(
        str(project.root), [read(str(project.root), path) for path in ("price.py", "user.py")]
    )
    texts = {document.path: document.text for document in before}
    edits = [minimal_edits(path, texts.get(path, ""), text) for path, text in after.items()]
    candidate = Candidate("change", tuple(edit for group in edits for edit in group), "test")

    async with project.session(mode) as session:
        trial = Trial(
            goal=Goal(GoalKind.REFACTOR, Recipe.PATCH, "price.py", Span(0, 0)),
            candidate=candidate,
            before=before,
            after=before.edited(candidate.edits),
            bed=bed_of(project.root, session),
            limits=Limits(),
            interpreter=project.interpreter,
        )
        return await types.satisfies_the_type_checker(trial)


@pytest.mark.parametrize("mode", ["auto", "copy"])
async def test_only_what_is_new_counts(shop: Project, mode: str) -> None:
    added = "\n\ndef twice(net: int) -> int:\n    return 2 * net\n"
    right = await judged(shop, {"price.py": f"# Moves all lines.\n{PRICE}{added}"}, mode)
    assert right == Evidence(types.CHECK, Outcome.PASSED, "mypy finds nothing new")
    wrong = await judged(shop, {"price.py": PRICE.replace("return net", "return str(net)")}, mode)
    assert (wrong.outcome, wrong.path, wrong.line) == (Outcome.FAILED, "price.py", 2)
    assert "[return-value]" in wrong.detail
    # Its plugin ran, though not here.
    assert not (shop.root / "ran").exists()
    assert (shop.root / "price.py").read_text() == PRICE


async def test_a_new_file_is_not_there_before(shop: Project) -> None:
    new = await judged(shop, {"extra.py": "EXTRA: int = 'no'\n"}, "auto")
    assert (new.outcome, new.path) == (Outcome.FAILED, "extra.py")


async def test_the_whole_project_where_it_says_what_that_is(shop: Project) -> None:
    shop.put("mypy.ini", "[mypy]\nfiles = price.py, user.py\n")
    changed = await judged(
        shop, {"price.py": PRICE.replace("-> int", "-> str").replace("net\n", "str(net)\n")}, "auto"
    )
    assert (changed.outcome, changed.path) == (Outcome.FAILED, "user.py")


async def test_a_checker_that_cannot_run_is_unknown(shop: Project) -> None:
    shop.put("plugin.py", "raise RuntimeError('no')\n")
    broken = await judged(shop, {"price.py": PRICE + "ONE = 1\n"}, "auto")
    assert broken.outcome is Outcome.UNKNOWN
    assert broken.detail.startswith("mypy could not say: ")
