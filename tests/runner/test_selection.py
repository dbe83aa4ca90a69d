"""Edits whose effect is easily missed: a test that really fails with the edit is selected.

Each through the real agent: the suite is recorded, one file is edited, and what is selected is
compared with what fails when the whole suite runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from support.tiny_projects import Project
from trueup.runner import testmap
from trueup.runner.affected import Affected
from trueup.runner.results import RunRequest, RunStatus, TestRun
from trueup.runner.selection import changed_since, select
from trueup.runner.session import Session
from trueup.runner.testmap import State, TestMap

SECOND_PRICE = "from shop import *\n\ndef test_2():\n    assert shop.price() == 1\n"
BYSTANDER = {"tests/test_bystander.py": "def test_bystander():\n    assert True\n"}


@dataclass(frozen=True)
class Shape:
    """`edits` are replacements by file; a file that is not there yet is replaced as a whole."""

    files: dict[str, str]
    edits: dict[str, tuple[str, str]]
    spares_the_bystander: bool = True


FUNCTION_BODY = Shape(
    {
        "shop/__init__.py": "",
        "shop/price.py": """
            def add(a, b):
                return a + b

            def other():
                return 1
            """,
        "tests/test_price.py": """
            from shop.price import add, other

            def test_add():
                assert add(1, 2) == 3

            def test_other():
                assert other() == 1
            """,
    },
    {"shop/price.py": ("a + b", "a - b")},
)

TWO_CALLERS: Final = {
    "tests/test_a.py": "from shop import *\n\ndef test_1():\n    assert Shop().price()\n",
    "tests/test_b.py": """
        from shop import Shop

        def test_2():
            assert Shop().price() == 1
        """,
}
"""Two tests that call the same method: what the first one leaves behind, the second one finds."""

SHAPES = {
    "function body": FUNCTION_BODY,
    "constant": Shape(
        {
            "shop.py": "RATE = 2\n\ndef price(n):\n    return n * RATE\n",
            "tests/test_a.py": "import shop\n\ndef test_a():\n    assert shop.price(2) == 4\n",
        },
        {"shop.py": ("RATE = 2", "RATE = 3")},
    ),
    "class attribute": Shape(
        {
            "shop.py": "class Shop:\n    rate = 2\n",
            "tests/test_a.py": "import shop\n\ndef test_a():\n    assert shop.Shop.rate == 2\n",
        },
        {"shop.py": ("rate = 2", "rate = 3")},
    ),
    "override in a subclass": Shape(
        {
            "base.py": "class Base:\n    def price(self):\n        return 1\n",
            "shop.py": "from base import Base\n\nclass Shop(Base):\n    pass\n",
            "tests/test_a.py": (
                "from shop import Shop\n\ndef test_a():\n    assert Shop().price() == 1\n"
            ),
        },
        {"shop.py": ("    pass", "    def price(self):\n        return 2")},
    ),
    "re-export": Shape(
        {
            "shop/__init__.py": "from shop.old import price\n",
            "shop/old.py": "def price():\n    return 1\n",
            "shop/new.py": "def price():\n    return 2\n",
            "tests/test_a.py": "import shop\n\ndef test_a():\n    assert shop.price() == 1\n",
        },
        {"shop/__init__.py": ("shop.old", "shop.new")},
    ),
    "session fixture, second user": Shape(
        {
            "shop.py": "def make():\n    return [1]\n",
            "tests/conftest.py": """
                import pytest
                from shop import make

                @pytest.fixture(scope="session")
                def goods():
                    return make()
                """,
            "tests/test_a.py": "def test_first(goods):\n    assert goods\n",
            "tests/test_b.py": "def test_second(goods):\n    assert goods == [1]\n",
        },
        {"shop.py": ("[1]", "[2]")},
    ),
    "session fixture asked for at run time, second user": Shape(
        {
            "shop.py": "def make():\n    return [1]\n",
            "tests/conftest.py": """
                import pytest
                from shop import make

                @pytest.fixture(scope="session")
                def goods():
                    return make()
                """,
            "tests/test_a.py": "def test_first(goods):\n    assert goods\n",
            "tests/test_b.py": """
                def test_second(request):
                    assert request.getfixturevalue("goods") == [1]
                """,
        },
        {"shop.py": ("[1]", "[2]")},
    ),
    "lru_cache, second caller": Shape(
        {
            "shop.py": """
                from functools import lru_cache

                @lru_cache
                def price():
                    return 1
                """,
            "tests/test_a.py": "from shop import price\n\ndef test_first():\n    assert price()\n",
            "tests/test_b.py": "import shop\n\ndef test_second():\n    assert shop.price() == 1\n",
        },
        {"shop.py": ("return 1", "return 2")},
    ),
    "called by what is cached, second caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from functools import lru_cache
                from deep import compute

                @lru_cache
                def price():
                    return compute()
                """,
            "tests/test_a.py": "from shop import price\n\ndef test_first():\n    assert price()\n",
            "tests/test_b.py": "import shop\n\ndef test_second():\n    assert shop.price() == 1\n",
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "kept in a dictionary by hand, second caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from deep import compute

                _known = {}

                def price(name):
                    if name not in _known:
                        _known[name] = compute()
                    return _known[name]
                """,
            "tests/test_a.py": "from shop import price\n\ndef test_1():\n    assert price('a')\n",
            "tests/test_b.py": "import shop\n\ndef test_2():\n    assert shop.price('a') == 1\n",
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "kept in an object of the module, second caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from deep import compute

                class Shop:
                    def __init__(self):
                        self._price = None

                    def price(self):
                        if self._price is None:
                            self._price = compute()
                        return self._price

                shop = Shop()
                """,
            "tests/test_a.py": "from shop import *\n\ndef test_1():\n    assert shop.price()\n",
            "tests/test_b.py": SECOND_PRICE,
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "kept in an object that is copied, second caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                import copy
                from deep import compute

                class Shop:
                    def __init__(self):
                        self._price = None

                    def price(self):
                        if self._price is None:
                            self._price = compute()
                        return self._price

                shop = Shop()

                def new():
                    return copy.copy(shop)
                """,
            "tests/test_a.py": "from shop import *\n\ndef test_1():\n    assert shop.price()\n",
            "tests/test_b.py": SECOND_PRICE.replace("shop.price", "new().price"),
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "kept in a container of the class, second caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from deep import compute

                class Shop:
                    known = {}

                    def __init__(self):
                        self.name = None

                    def price(self):
                        if "tea" not in self.known:
                            self.known["tea"] = compute()
                        return self.known["tea"]
                """,
            **TWO_CALLERS,
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "kept in a container that objects are given, second caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from deep import compute

                _everything = {}

                class Shop:
                    def __init__(self):
                        self._known = _everything

                    def price(self):
                        if "tea" not in self._known:
                            self._known["tea"] = compute()
                        return self._known["tea"]
                """,
            **TWO_CALLERS,
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "kept in an object with slots, second caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from deep import compute

                class Shop:
                    __slots__ = ("__price",)

                    def price(self):
                        if not hasattr(self, "_Shop__price"):
                            self.__price = None
                        if self.__price is None:
                            self.__price = compute()
                        return self.__price

                shop = Shop()
                """,
            "tests/test_a.py": "from shop import *\n\ndef test_1():\n    assert shop.price()\n",
            "tests/test_b.py": SECOND_PRICE,
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "the only object of its class, begun by each caller": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from deep import compute

                class Shop:
                    _only = None

                    def __new__(cls):
                        if cls._only is None:
                            cls._only = super().__new__(cls)
                            cls._only._price = None
                        return cls._only

                    def __init__(self):
                        if self._price is None:
                            self._price = compute()
                """,
            "tests/test_a.py": "from shop import Shop\n\ndef test_1():\n    assert Shop()._price\n",
            "tests/test_b.py": "import shop\n\ndef test_2():\n    assert shop.Shop()._price == 1\n",
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "kept by what keeps what another keeps": Shape(
        {
            "deep.py": "def compute():\n    return 1\n",
            "shop.py": """
                from functools import lru_cache
                from deep import compute

                class Shop:
                    def __init__(self):
                        self._price = None

                    def price(self):
                        if self._price is None:
                            self._price = compute()
                        return self._price

                shop = Shop()

                @lru_cache
                def listed():
                    return [shop.price()]
                """,
            "tests/test_a.py": "from shop import *\n\ndef test_1():\n    assert shop.price()\n",
            "tests/test_b.py": "import shop\n\ndef test_2():\n    assert shop.listed()\n",
            "tests/test_c.py": "import shop\n\ndef test_3():\n    assert shop.listed() == [1]\n",
        },
        {"deep.py": ("return 1", "return 2")},
    ),
    "data file that is read once, second caller": Shape(
        {
            "prices.json": "[1]",
            "shop.py": """
                import json, pathlib
                from functools import lru_cache

                @lru_cache
                def prices():
                    return json.loads(pathlib.Path("prices.json").read_text())
                """,
            "tests/test_a.py": "import shop\n\ndef test_1():\n    assert shop.prices()\n",
            "tests/test_b.py": "import shop\n\ndef test_2():\n    assert shop.prices() == [1]\n",
        },
        {"prices.json": ("[1]", "[2]")},
        spares_the_bystander=False,
    ),
    "data file that an object of the module keeps, second caller": Shape(
        {
            "prices.json": "[1]",
            "shop.py": """
                import json, pathlib

                class Shop:
                    def __init__(self):
                        self._prices = None

                    def prices(self):
                        if self._prices is None:
                            self._prices = json.loads(pathlib.Path("prices.json").read_text())
                        return self._prices

                shop = Shop()
                """,
            "tests/test_a.py": "from shop import shop\n\ndef test_1():\n    assert shop.prices()\n",
            "tests/test_b.py": """
                from shop import shop

                def test_2():
                    assert shop.prices() == [1]
                """,
        },
        {"prices.json": ("[1]", "[2]")},
    ),
    "subprocess": Shape(
        {
            "shop.py": "def price():\n    return 1\n\nprint(price())\n",
            "tests/test_a.py": """
                import subprocess, sys

                def test_a():
                    said = subprocess.run([sys.executable, "shop.py"], capture_output=True)
                    assert said.stdout == b"1\\n"
                """,
        },
        {"shop.py": ("return 1", "return 2")},
    ),
    "data file": Shape(
        {
            "prices.json": "[1]",
            "tests/test_a.py": """
                import json, pathlib

                def test_a():
                    assert json.loads(pathlib.Path("prices.json").read_text()) == [1]
                """,
        },
        {"prices.json": ("[1]", "[2]")},
    ),
    "import-time registry": Shape(
        {
            "registry.py": """
                known = {}

                def register(name):
                    known[name] = len(known)
                """,
            "shop.py": "from registry import known, register\n\nregister('tea')\n",
            "tests/test_a.py": "import shop\ndef test_a():\n    assert 0 in shop.known.values()\n",
        },
        {"registry.py": ("len(known)", "len(known) + 1")},
    ),
    "registry of a module that a test imports late": Shape(
        {
            "registry.py": """
                known = {}

                def register(name):
                    known[name] = len(known)
                """,
            "shop.py": "from registry import known, register\n\nregister('tea')\n",
            "tests/test_a.py": "def test_first():\n    import shop\n    assert shop.known\n",
            "tests/test_b.py": """
                def test_second():
                    from shop import known
                    assert known == {'tea': 0}
                """,
        },
        {"registry.py": ("len(known)", "len(known) + 1")},
    ),
    "shadowing module": Shape(
        {
            "shop.py": """
                try:
                    from fast import price
                except ImportError:
                    def price():
                        return 1
                """,
            "tests/test_a.py": "import shop\n\ndef test_a():\n    assert shop.price() == 1\n",
        },
        {"fast.py": ("", "def price():\n    return 2\n")},
    ),
    "default argument": Shape(
        {
            "shop.py": "def price(rate=1):\n    return rate\n",
            "tests/test_a.py": "import shop\n\ndef test_a():\n    assert shop.price() == 1\n",
        },
        {"shop.py": ("rate=1", "rate=2")},
    ),
    "parametrize from project data": Shape(
        {
            "shop.py": "def cases():\n    return [1, 1]\n",
            "tests/test_a.py": """
                import pytest
                from shop import cases

                @pytest.mark.parametrize("case", cases())
                def test_a(case):
                    assert case == 1
                """,
        },
        {"shop.py": ("[1, 1]", "[1, 2]")},
    ),
}  # fmt: skip


async def recorded(project: Project, session: Session, known: TestMap | None = None,
                   tests: tuple[str, ...] = ()) -> TestMap:  # fmt: skip
    state = State.of(str(project.root), {})
    run = await session.run(RunRequest(tests, record=testmap.keepers(state)))
    assert run.recording is not None, run
    since = changed_since(known, state) if known else frozenset()
    made = testmap.learned(known, run, state, tests, since)
    assert made is not None
    return made


def failing(run: TestRun) -> set[str]:
    red = {testmap.without_parameters(name) for name, each in run.results.items()
           if each.outcome.is_red}  # fmt: skip
    return red | set(run.collection_errors)


def holds(found: Affected, test: str) -> bool:
    return test in found.tests or test.partition("::")[0] in found.tests


def asked(project: Project, known: TestMap, **after: str) -> Affected:
    root = str(project.root)
    return select(known, tuple(after), State.of(root, {}), State.of(root, after))


@pytest.fixture
def empty(tmp_path: Path, interpreter: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    project = Project(root, interpreter)
    project.put("pytest.ini", "[pytest]\npythonpath = .\ntestpaths = tests\n")
    return project


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
async def test_what_fails_with_the_edit_is_selected(empty: Project, shape: Shape) -> None:
    for path, text in {**shape.files, **BYSTANDER}.items():
        empty.put(path, text)
    after = {}
    for path, (old, new) in shape.edits.items():
        text = dedent(shape.files.get(path, "")).lstrip("\n")
        assert old in text
        after[path] = text.replace(old, new) if old else new
    async with empty.session() as session:
        known = await recorded(empty, session)
        changed = {path: text.encode() for path, text in after.items()}
        everything = await session.run(RunRequest(changed=changed))
        found = asked(empty, known, **after)
        chosen = await session.run(RunRequest(found.tests, changed=changed))
    broken = failing(everything)
    assert broken, "the edit breaks nothing"
    assert all(holds(found, test) for test in broken), (found, broken)
    assert failing(chosen) == broken
    assert holds(found, "tests/test_bystander.py") is not shape.spares_the_bystander


async def test_an_edit_in_a_function_selects_those_that_called_it(empty: Project) -> None:
    for path, text in FUNCTION_BODY.files.items():
        empty.put(path, text)
    async with empty.session() as session:
        known = await recorded(empty, session)
    text = (empty.root / "shop/price.py").read_text()
    found = asked(empty, known, **{"shop/price.py": text.replace("a + b", "a - b")})
    assert found.tests == ("tests/test_price.py::test_add",)
    assert found.why == "1 of 2 recorded tests ran what is changed in shop/price.py"
    both = asked(empty, known, **{"shop/price.py": text.replace("def other", "X = 1\ndef other")})
    assert both.tests == ("tests/test_price.py",)
    nobody = asked(empty, known, **{"shop/price.py": text})
    assert nobody.tests == ()


async def test_an_object_of_one_test_keeps_nothing_from_another(empty: Project) -> None:
    empty.put("deep.py", "def tea():\n    return 1\n\ndef milk():\n    return 2\n")
    empty.put(
        "shop.py",
        """
        import deep

        class Shop:
            def __init__(self):
                self._known = {}

            def price(self, name):
                if name not in self._known:
                    self._known[name] = getattr(deep, name)()
                return self._known[name]
        """,
    )
    test = """
        from shop import Shop

        def test_it():
            shop = Shop()
            assert shop.price("{0}") == shop.price("{0}")
        """
    empty.put("tests/test_milk.py", dedent(test).format("milk"))
    empty.put("tests/test_tea.py", dedent(test).format("tea"))
    async with empty.session() as session:
        known = await recorded(empty, session)
    text = (empty.root / "deep.py").read_text()
    for name in ("tea", "milk"):
        edit = text.replace(f"def {name}():\n    return", f"def {name}():\n    return 1 +")
        assert asked(empty, known, **{"deep.py": edit}).tests == (f"tests/test_{name}.py",)


async def test_what_changed_since_the_recording_is_selected_until_it_is_recorded(
    empty: Project,
) -> None:
    for path, text in FUNCTION_BODY.files.items():
        empty.put(path, text)
    price = empty.root / "shop/price.py"
    edit = price.read_text() if price.exists() else ""
    async with empty.session() as session:
        known = await recorded(empty, session)
        text = price.read_text().replace("return 1", "return int(1)")
        price.write_text(text)
        edit = {"shop/price.py": text.replace("a + b", "b + a")}
        before = asked(empty, known, **edit)
        again = await recorded(empty, session, known, ("tests/test_price.py::test_other",))
    assert before.tests == ("tests/test_price.py",)
    assert asked(empty, again, **edit).tests == ("tests/test_price.py::test_add",)


async def test_conftests_data_that_nobody_read_and_configuration_select_everything(
    empty: Project,
) -> None:
    files = {**FUNCTION_BODY.files, "tests/conftest.py": "", "notes.txt": "a", **BYSTANDER}
    for path, text in files.items():
        empty.put(path, text)
    async with empty.session() as session:
        known = await recorded(empty, session)
    for path in ("tests/conftest.py", "notes.txt", "new.txt", "pytest.ini"):
        found = asked(empty, known, **{path: "b = 1\n"})
        assert found.tests == ("tests/test_bystander.py", "tests/test_price.py"), path


async def test_a_test_file_that_is_new_or_edited_is_selected(empty: Project) -> None:
    for path, text in FUNCTION_BODY.files.items():
        empty.put(path, text)
    async with empty.session() as session:
        known = await recorded(empty, session)
    new = "from shop.price import add\n\ndef test_new():\n    assert add(0, 0) == 0\n"
    empty.put("tests/test_new.py", new)
    text = (empty.root / "shop/price.py").read_text().replace("a + b", "b + a")
    found = asked(empty, known, **{"shop/price.py": text})
    assert found.tests == ("tests/test_new.py", "tests/test_price.py::test_add")


async def test_the_recorder_survives_tests_that_trace_and_leaks_no_warning(empty: Project) -> None:
    empty.put("pytest.ini", "[pytest]\npythonpath = .\nfilterwarnings = error\n")
    empty.put("shop.py", "def price():\n    return 1\n")
    empty.put(
        "tests/test_a.py",
        """
        import sys, threading
        from shop import price

        def test_traces():
            seen = []
            sys.settrace(lambda *what: seen.append(what))
            price()
            sys.settrace(None)
            assert seen

        def test_after():
            assert price() == 1

        def test_thread():
            found = []
            thread = threading.Thread(target=lambda: found.append(price()))
            thread.start()
            thread.join()
            assert found == [1]
        """,
    )
    async with empty.session() as session:
        run = await session.run(RunRequest(record={}))
        assert run.all_passed, run
        known = testmap.learned(None, run, State.of(str(empty.root), {}), (), frozenset())
    assert known is not None
    edit = {"shop.py": "def price():\n    return 2\n"}
    found = asked(empty, known, **edit)
    assert found.tests == ("tests/test_a.py",)
    assert {"tests/test_a.py::test_after", "tests/test_a.py::test_thread"} <= set(known.tests)


async def test_a_test_that_ends_the_process_leaves_no_recording(empty: Project) -> None:
    empty.put("tests/test_a.py", "import os\n\ndef test_a():\n    os._exit(0)\n")
    async with empty.session() as session:
        run = await session.run(RunRequest(record={}))
    assert run.status is RunStatus.CRASHED
    assert run.recording is None


async def test_the_map_is_kept_and_a_broken_file_is_no_map(empty: Project, tmp_path: Path) -> None:
    for path, text in FUNCTION_BODY.files.items():
        empty.put(path, text)
    async with empty.session() as session:
        known = await recorded(empty, session)
    file = testmap.place_of(tmp_path, str(empty.root), empty.interpreter)
    assert testmap.load(file) is None
    testmap.save(file, known)
    assert testmap.load(file) == known
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    whole = file.read_text()
    for broken in ("", whole[:-40], "[]", whole.replace('"format":1', '"format":0'),
                   whole.replace('"functions":[', '"functions":[],"x":[')):  # fmt: skip
        file.write_text(broken)
        assert testmap.load(file) is None
