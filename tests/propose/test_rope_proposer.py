"""Rope as a proposer: unsaved buffers, many files, odd texts; it runs and writes nothing."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from trueup import workspace
from trueup.propose import rope, rope_recipes
from trueup.propose.proposal import Failure, FailureKind
from trueup.propose.rope_project import Overlay, import_roots
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe, Surface, SurfaceKind

PRICES = '''"""Prices."""

import math
import side_effects
from decimal import Decimal

RATE = Decimal("0.19")


def total(items):
    """Sum."""
    result = 0
    for item in items:
        result += item
    return math.floor(result * RATE)
'''
CART = "from shop.prices import total\n\n\ndef checkout(items):\n    return total(items)\n"
TEST = "from shop import prices\n\n\ndef test_it():\n    assert prices.total([1]) == 0\n"
SHOP = {
    "src/shop/__init__.py": "",
    "src/shop/prices.py": PRICES,
    "src/shop/cart.py": CART,
    "tests/__init__.py": "",
    "tests/test_prices.py": TEST,
}


def project(root: Path, files: Mapping[str, str | bytes]) -> Snapshot:
    """The files on disk, and a snapshot that holds all of them."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Snapshot.of(str(root), [workspace.read(str(root), path) for path in files])


def goal(
    snapshot: Snapshot, recipe: Recipe, path: str, at: str, name: str = "", *, whole: bool = False
) -> Goal:
    """A goal at the first `at` in the document: the cursor, or the `whole` of it selected."""
    document = snapshot.get(path)
    assert document is not None
    start = document.text.index(at)
    return Goal(GoalKind.REFACTOR, recipe, path, Span(start, start + len(at) * whole), name=name)


async def refactored(snapshot: Snapshot, wanted: Goal) -> tuple[Candidate, dict[str, str]]:
    """The candidate, and the texts that it changes, as they are then."""
    candidate = await rope.propose(wanted, snapshot)
    assert isinstance(candidate, Candidate), candidate
    assert candidate.proposer == "rope"
    assert candidate.deterministic
    after = snapshot.edited(candidate.edits)
    return candidate, {path: after.documents[path].text for path in candidate.paths}


async def refused(snapshot: Snapshot, wanted: Goal) -> str:
    answer = await rope.propose(wanted, snapshot)
    assert isinstance(answer, Failure), answer
    assert answer.kind is FailureKind.CANNOT
    return answer.sentence


async def test_rename_in_three_files_touches_the_lines_that_differ(tmp_path: Path) -> None:
    snapshot = project(tmp_path, SHOP)
    wanted = goal(snapshot, Recipe.RENAME, "src/shop/prices.py", "total", "summed")
    candidate, after = await refactored(snapshot, wanted)
    assert after == {
        "src/shop/cart.py": CART.replace("total", "summed"),
        "src/shop/prices.py": PRICES.replace("total", "summed"),
        "tests/test_prices.py": TEST.replace("total", "summed"),
    }
    assert len(candidate.edits) == 4
    assert candidate.title == "Rename total to summed"
    assert rope.surface_of(wanted, snapshot) == Surface(SurfaceKind.RENAME, "total", "summed")


async def test_unsaved_buffers_are_what_counts(tmp_path: Path) -> None:
    snapshot = project(tmp_path, SHOP)
    unsaved = "# typed just now\n" + CART + "\n\nlast = total([])\n"
    snapshot = snapshot.having(Document("src/shop/cart.py", unsaved, version=7))
    wanted = goal(snapshot, Recipe.RENAME, "src/shop/prices.py", "total", "summed")
    _, after = await refactored(snapshot, wanted)
    assert after["src/shop/cart.py"] == unsaved.replace("total", "summed")


async def test_a_file_that_was_never_saved(tmp_path: Path) -> None:
    snapshot = project(tmp_path, SHOP)
    snapshot = snapshot.having(Document("new.py", "def f(x):\n    return x + 1\n", version=1))
    wanted = goal(snapshot, Recipe.EXTRACT_VARIABLE, "new.py", "x + 1", "more", whole=True)
    _, after = await refactored(snapshot, wanted)
    assert after == {"new.py": "def f(x):\n    more = x + 1\n    return more\n"}


async def test_files_outside_the_snapshot_are_read_from_disk(tmp_path: Path) -> None:
    whole = project(tmp_path, SHOP)
    path = "src/shop/prices.py"
    snapshot = Snapshot.of(whole.root, [whole.documents[path]])
    candidate = await rope.propose(goal(whole, Recipe.RENAME, path, "total", "summed"), snapshot)
    assert isinstance(candidate, Candidate)
    assert len(candidate.paths) == 3


async def test_a_local_variable_declares_no_surface(tmp_path: Path) -> None:
    snapshot = project(tmp_path, SHOP)
    wanted = goal(snapshot, Recipe.RENAME, "src/shop/prices.py", "result", "acc")
    _, after = await refactored(snapshot, wanted)
    assert after == {"src/shop/prices.py": PRICES.replace("result", "acc")}
    assert rope.surface_of(wanted, snapshot) == Surface()
    parameter = goal(snapshot, Recipe.RENAME, "src/shop/prices.py", "items", "things")
    assert rope.surface_of(parameter, snapshot).kind is SurfaceKind.RENAME


async def test_methods_are_renamed_through_the_hierarchy(tmp_path: Path) -> None:
    text = (
        "class A:\n    def go(self):\n        return 1\n\n\n"
        "class B(A):\n    def go(self):\n        return 2\n\n\nB().go()\n"
    )
    snapshot = project(tmp_path, {"m.py": text})
    _, after = await refactored(snapshot, goal(snapshot, Recipe.RENAME, "m.py", "go", "run"))
    assert after == {"m.py": text.replace("go", "run")}


async def test_move_takes_its_imports_along_and_leaves_the_others(tmp_path: Path) -> None:
    snapshot = project(tmp_path, {**SHOP, "src/shop/sums.py": '"""Sums."""\n'})
    path, to = "src/shop/prices.py", "src/shop/sums.py"
    wanted = goal(snapshot, Recipe.MOVE, path, "total", to)
    _, after = await refactored(snapshot, wanted)
    # `math` went along; `side_effects` was never used, and stays for what it does.
    assert "import side_effects\n" in after[path]
    assert "import math\n" not in after[path]
    assert "def total" not in after[path]
    assert "import math\n" in after[to]
    assert "from shop.prices import RATE\n" in after[to]
    assert "def total(items):\n" in after[to]
    assert after["src/shop/cart.py"] == CART.replace("shop.prices", "shop.sums")
    assert "from shop.sums import total" in after["tests/test_prices.py"]
    assert rope.surface_of(wanted, snapshot) == Surface(SurfaceKind.MOVE, path, to, "total")


async def test_move_replaces_relative_imports(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .a import f\n",
        "pkg/a.py": "def f():\n    return 1\n",
        "pkg/b.py": '"""B."""\n',
        "pkg/sub/__init__.py": "from .. import a\n\nx = a.f()\n",
        "pkg/sub/c.py": "from ..a import f\n\ny = f()\n",
    }
    snapshot = project(tmp_path, files)
    _, after = await refactored(
        snapshot, goal(snapshot, Recipe.MOVE, "pkg/a.py", "f()", "pkg/b.py")
    )
    assert after["pkg/sub/c.py"] == "from pkg.b import f\n\ny = f()\n"
    assert after["pkg/sub/__init__.py"] == "from pkg.b import f\n\nx = f()\n"
    assert after["pkg/__init__.py"] == "from pkg.b import f\n"


async def test_move_redirects_aliases_and_hoists_the_future(tmp_path: Path) -> None:
    files = {
        "a.py": "from __future__ import annotations\n\nk = 1\n\n\ndef f(x: Later):\n    return 1\n",
        "b.py": "import os\n\nprint(os)\n",
        "c.py": "from a import f as g, k\n\nprint(g(k))\n",
    }
    snapshot = project(tmp_path, files)
    _, after = await refactored(snapshot, goal(snapshot, Recipe.MOVE, "a.py", "f(", "b.py"))
    assert after["b.py"].startswith("from __future__ import annotations\nimport os\n")
    assert after["c.py"] == "from a import k\nfrom b import f as g\n\nprint(g(k))\n"


async def test_move_is_refused_where_an_import_would_be_left(tmp_path: Path) -> None:
    files = {
        "a.py": "def f():\n    return 1\n",
        "b.py": "",
        "c.py": "def late():\n    from a import f\n\n    return f()\n",
    }
    snapshot = project(tmp_path, files)
    said = await refused(snapshot, goal(snapshot, Recipe.MOVE, "a.py", "f()", "b.py"))
    assert said == "c.py imports it in a way that rope cannot change"


async def test_extract_and_inline(tmp_path: Path) -> None:
    snapshot = project(tmp_path, SHOP)
    path = "src/shop/prices.py"
    loop = "    for item in items:\n        result += item\n"
    wanted = goal(snapshot, Recipe.EXTRACT_FUNCTION, path, loop, "add_up", whole=True)
    candidate, after = await refactored(snapshot, wanted)
    assert "    result = add_up(items, result)\n    return math" in after[path]
    assert "def add_up(items, result):\n" + loop + "    return result\n" in after[path]
    assert candidate.title == "Extract function add_up"
    assert rope.surface_of(wanted, snapshot) == Surface(SurfaceKind.ADD, new="add_up")

    wanted = goal(snapshot, Recipe.EXTRACT_VARIABLE, path, "result * RATE", whole=True)
    _, after = await refactored(snapshot, wanted)
    assert "    extracted = result * RATE\n    return math.floor(extracted)\n" in after[path]
    assert rope.surface_of(wanted, snapshot) == Surface()

    wanted = goal(snapshot, Recipe.INLINE, path, "RATE")
    _, after = await refactored(snapshot, wanted)
    assert 'math.floor(result * Decimal("0.19"))' in after[path]
    assert "RATE" not in after[path]
    assert rope.surface_of(wanted, snapshot) == Surface(SurfaceKind.REMOVE, "RATE")


async def test_inline_into_another_file(tmp_path: Path) -> None:
    files = {
        "a.py": "def one(x):\n    return x + 1\n",
        "b.py": "from a import one\n\nprint(one(2))\n",
    }
    snapshot = project(tmp_path, files)
    _, after = await refactored(snapshot, goal(snapshot, Recipe.INLINE, "a.py", "one"))
    assert after["a.py"] == ""
    assert after["b.py"].endswith("print(2 + 1)\n")


async def test_crlf_files_keep_their_line_ends(tmp_path: Path) -> None:
    text = PRICES.replace("\n", "\r\n")
    snapshot = project(tmp_path, {**SHOP, "src/shop/prices.py": text})
    loop = "    for item in items:\r\n        result += item\r\n"
    path = "src/shop/prices.py"
    wanted = goal(snapshot, Recipe.EXTRACT_FUNCTION, path, loop, "add_up", whole=True)
    candidate, after = await refactored(snapshot, wanted)
    assert "result = add_up(items, result)\r\n" in after[path]
    assert after[path].count("\n") == after[path].count("\r\n")
    assert all(edit.span.start > text.index("result = 0") for edit in candidate.edits)


async def test_other_encodings_are_kept(tmp_path: Path) -> None:
    latin = "# coding: latin-1\nname = 'é'\nprint(name)\n".encode("latin-1")
    marked = "\ufeffname = 'é😀'\nprint(name)\n".encode()
    snapshot = project(tmp_path, {"latin.py": latin, "marked.py": marked})
    for path in ("latin.py", "marked.py"):
        wanted = goal(snapshot, Recipe.RENAME, path, "name", "nom")
        candidate = await rope.propose(wanted, snapshot)
        assert isinstance(candidate, Candidate)
        after = snapshot.edited(candidate.edits).documents[path].to_bytes()
        assert after == snapshot.documents[path].to_bytes().replace(b"name", b"nom")


async def test_a_syntax_error_elsewhere_is_said_and_survived(tmp_path: Path) -> None:
    snapshot = project(tmp_path, {**SHOP, "broken.py": "def (:\n total\n", "other.py": "def ("})
    wanted = goal(snapshot, Recipe.RENAME, "src/shop/prices.py", "total", "summed")
    candidate, after = await refactored(snapshot, wanted)
    assert len(after) == 3
    assert candidate.explanation == "Not looked at, because of syntax errors: broken.py."
    wanted = goal(snapshot, Recipe.RENAME, "broken.py", "total", "summed")
    said = await refused(snapshot, wanted)
    assert said == "broken.py has a syntax error, and rope needs whole files"


@pytest.mark.parametrize(
    ("recipe", "at", "name", "sentence"),
    [
        (Recipe.RENAME, "def", "x", "there is no name at this place"),
        (Recipe.RENAME, "total", "class", "class is not a name that Python allows"),
        (Recipe.RENAME, "total", "", "nothing is not a name that Python allows"),
        (Recipe.RENAME, "total", "total", "it is called total already"),
        (Recipe.RENAME, "math", "m", "math is not defined in this workspace"),
        (Recipe.RENAME, "Decimal", "D", "Decimal is not defined in this workspace"),
        (
            Recipe.RENAME,
            "floor",
            "f",
            "rope cannot do this: Rename refactoring should be",
        ),
        (Recipe.MOVE, "total", "src/new.py", "src/new.py is not a module of this workspace"),
        (Recipe.MOVE, "total", "broken.py", "broken.py has a syntax error, and rope needs whole"),
        (Recipe.MOVE, "result", "src/shop/cart.py", "rope cannot do this: Move refactoring should"),
        (Recipe.INLINE, "items", "", "only functions, methods and variables can be inlined"),
        (Recipe.EXTRACT_FUNCTION, "total", "f", "select what is to be extracted"),
        (Recipe.ANNOTATE, "total", "", "rope has no refactoring called annotate"),
    ],
)
async def test_what_rope_cannot_do_is_a_sentence(
    tmp_path: Path, recipe: Recipe, at: str, name: str, sentence: str
) -> None:
    snapshot = project(tmp_path, {**SHOP, "broken.py": "def ("})
    said = await refused(snapshot, goal(snapshot, recipe, "src/shop/prices.py", at, name))
    assert said.startswith(sentence)


async def test_moving_and_creating_files_is_refused(tmp_path: Path) -> None:
    snapshot = project(tmp_path, SHOP)
    said = await refused(
        snapshot, goal(snapshot, Recipe.RENAME, "tests/test_prices.py", "prices", "costs")
    )
    assert said == "renaming a module moves a file, and Trueup does not move files"


async def test_the_new_name_must_be_free(tmp_path: Path) -> None:
    text = "one = 1\ntwo = 2\n\n\ndef f():\n    here = one\n    there = two\n    return here\n"
    snapshot = project(tmp_path, {"m.py": text})
    said = await refused(snapshot, goal(snapshot, Recipe.RENAME, "m.py", "one", "two"))
    assert said == "there is a two already"
    said = await refused(snapshot, goal(snapshot, Recipe.RENAME, "m.py", "here", "there"))
    assert said == "there is a there already"
    wanted = goal(snapshot, Recipe.EXTRACT_VARIABLE, "m.py", "here = one"[-3:], "two", whole=True)
    assert await refused(snapshot, wanted) == "m.py uses the name two already"


async def test_the_default_name_is_one_that_is_free(tmp_path: Path) -> None:
    text = "extracted = 1\n\n\ndef f(x):\n    return x + 1\n"
    snapshot = project(tmp_path, {"m.py": text})
    wanted = goal(snapshot, Recipe.EXTRACT_VARIABLE, "m.py", "x + 1", whole=True)
    candidate, after = await refactored(snapshot, wanted)
    assert "    extracted_2 = x + 1\n" in after["m.py"]
    assert candidate.title == "Extract variable extracted_2"


async def test_a_rename_reaches_all(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": 'from pkg.m import f\n\n__all__ = ("f",)\n',
        "pkg/m.py": (
            "__all__ = [\n    'f',\n    'ff',\n]\n\n\ndef f():\n    return 'f'\n\n\nff = 1\n"
        ),
    }
    snapshot = project(tmp_path, files)
    _, after = await refactored(snapshot, goal(snapshot, Recipe.RENAME, "pkg/m.py", "f():", "g"))
    assert after["pkg/__init__.py"] == 'from pkg.m import g\n\n__all__ = ("g",)\n'
    assert after["pkg/m.py"].startswith("__all__ = [\n    'g',\n    'ff',\n]\n\n\ndef g():\n")
    assert "return 'f'" in after["pkg/m.py"]


async def test_what_awaits_becomes_async(tmp_path: Path) -> None:
    text = (
        "class A:\n    async def go(self, x):\n        a = await x\n        b = a + 1\n"
        "        return b\n"
    )
    snapshot = project(tmp_path, {"m.py": text})
    part = "        a = await x\n        b = a + 1\n"
    wanted = goal(snapshot, Recipe.EXTRACT_FUNCTION, "m.py", part, "step", whole=True)
    _, after = await refactored(snapshot, wanted)
    assert "        b = await self.step(x)\n" in after["m.py"]
    assert "    async def step(self, x):\n        a = await x\n" in after["m.py"]


async def test_two_calls_in_a_line_are_not_inlined(tmp_path: Path) -> None:
    text = "def one(x):\n    y = x\n    return y\n\n\nprint(one(1) + one(2))\n"
    snapshot = project(tmp_path, {"m.py": text})
    said = await refused(snapshot, goal(snapshot, Recipe.INLINE, "m.py", "one"))
    assert said == "m.py:6 calls it twice, which rope cannot inline"


async def test_a_project_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rope_recipes, "FILES_MAX", 2)
    snapshot = project(tmp_path, SHOP)
    wanted = goal(snapshot, Recipe.RENAME, "src/shop/prices.py", "total", "summed")
    assert await refused(snapshot, wanted) == "rope is not asked to look through more than 2 files"


def files_under(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


HOSTILE = {
    ".ropeproject/config.py": "open('ran', 'w')\n",
    "pyproject.toml": (
        '[tool.rope]\ntype_hinting_factory = "evil.Factory"\n'
        'extension_modules = ["evil"]\npython_path = ["."]\nsave_objectdb = true\n'
    ),
    "evil.py": "open('ran', 'w')\n",
    "conftest.py": "open('ran', 'w')\n",
}


async def test_nothing_of_the_project_is_run_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter itself reports what is opened, imported and run."""
    snapshot = project(tmp_path, {**SHOP, **HOSTILE, "uses.py": "import evil\nevil.x.total()\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    deeds: list[tuple[str, object]] = []
    watching = threading.Event()

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching.is_set() and (
            (event == "open" and str(arguments[1]) not in {"r", "rb", "None"})
            or event.startswith(("os.mkdir", "os.rename", "os.remove", "shutil.", "subprocess."))
            or (event == "import" and arguments[0] == "evil")
        ):
            deeds.append((event, arguments[0]))

    sys.addaudithook(watch)
    path = "src/shop/prices.py"
    watching.set()
    try:
        for wanted in (
            goal(snapshot, Recipe.RENAME, path, "total", "summed"),
            goal(snapshot, Recipe.MOVE, path, "total", "src/shop/cart.py"),
            goal(snapshot, Recipe.INLINE, path, "RATE"),
            goal(snapshot, Recipe.EXTRACT_VARIABLE, path, "result * RATE", whole=True),
        ):
            await refactored(snapshot, wanted)
    finally:
        watching.clear()
    assert deeds == []
    assert "evil" not in sys.modules
    assert files_under(tmp_path) == {*SHOP, *HOSTILE, "uses.py"}


async def test_cancelling_stops_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = project(tmp_path, SHOP)
    reading, go_on = threading.Event(), threading.Event()
    ended: list[BaseException] = []
    read = Overlay.read

    def slow(self: Overlay, path: str) -> bytes:
        reading.set()
        go_on.wait()
        try:
            return read(self, path)
        except BaseException as stop:
            ended.append(stop)
            raise

    monkeypatch.setattr(Overlay, "read", slow)
    wanted = goal(snapshot, Recipe.RENAME, "src/shop/prices.py", "total", "summed")
    task = asyncio.create_task(rope.propose(wanted, snapshot))
    await asyncio.to_thread(reading.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert [type(stop).__name__ for stop in ended] == ["InterruptedTaskError"]


def test_import_roots() -> None:
    files = ["tests/__init__.py", "tests/test_a.py", "src/pkg/__init__.py", "src/pkg/sub/m.py"]
    assert import_roots(files) == ("", "src", "src/pkg/sub")
    assert import_roots(["a.py", "pkg/__init__.py", "pkg/b.py"]) == ("",)
    assert import_roots([]) == ("",)
