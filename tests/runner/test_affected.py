"""Which test files a change selects; one small workspace for each way to import."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.runner.affected import Affected, importers_of
from trueup.runner.suite import Suite, suite_of


def affected(root: Path, files: dict[str, str], *changed: str, **overlay: str) -> Affected:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return importers_of(str(root), changed, overlay)


SHOP = {"shop/__init__.py": "", "shop/price.py": "", "shop/cart.py": "", "test_x.py": "import os"}


@pytest.mark.parametrize(
    "test",
    [
        "import shop.price",
        "import shop.price as p",
        "from shop import price",
        "from shop import cart, price as p",
        "from shop.price import add",
        "from shop.price import *",
        "def test():\n    try:\n        import shop.price\n    except ImportError: pass",
        "class T:\n    def test(self):\n        with a:\n            from shop.price import b",
        "match a:\n    case 1:\n        import shop.price",
        "import importlib\nimportlib.import_module('shop.price')",
        "import pytest\nprice = pytest.importorskip('shop.price')",
        "def test(mocker): mocker.patch('shop.price.add')",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'shop.price'])",
        "pytest_plugins = ['shop.price']",
        "import importlib\nimportlib.import_module(name)",
    ],
)
def test_ways_to_import(tmp_path: Path, test: str) -> None:
    found = affected(tmp_path, {**SHOP, "test_a.py": test}, "shop/price.py")
    assert found.tests == ("test_a.py",)
    assert found.total_files == 2
    assert found.why == "1 of 2 test files can see shop/price.py"


def test_what_is_not_imported_is_not_selected(tmp_path: Path) -> None:
    found = affected(tmp_path, {**SHOP, "test_a.py": "import shop.cart"}, "shop/price.py")
    assert found == Affected((), 2, "none of the 2 test files imports shop/price.py")


@pytest.mark.parametrize(
    ("cart", "changed"),
    [
        ("from . import price", "shop/price.py"),
        ("from .price import add", "shop/price.py"),
        ("from .deep.er import x", "shop/deep/er.py"),
        ("from .deep import x", "shop/deep/__init__.py"),
        ("from .deep.er import x", "shop/deep/__init__.py"),
        ("import json", "shop/__init__.py"),
    ],
)
def test_relative_imports_and_packages(tmp_path: Path, cart: str, changed: str) -> None:
    files = {
        **SHOP,
        "shop/cart.py": cart,
        "shop/deep/__init__.py": "",
        "shop/deep/er.py": "from .. import other",
        "test_a.py": "import shop.cart",
    }
    assert affected(tmp_path, files, changed).tests == ("test_a.py",)


def test_up_two_levels_and_through_an_init(tmp_path: Path) -> None:
    files = {
        "src/shop/__init__.py": "from shop.api import *",
        "src/shop/api.py": "from .deep.er import x",
        "src/shop/deep/__init__.py": "",
        "src/shop/deep/er.py": "from ..base import y",
        "src/shop/base.py": "",
        "tests/unit/test_a.py": "import shop",
        "tests/unit/test_b.py": "import json",
    }
    assert affected(tmp_path, files, "src/shop/base.py").tests == ("tests/unit/test_a.py",)


def test_folders_without_init_are_packages_too(tmp_path: Path) -> None:
    files = {
        "src/space/shop/price.py": "",
        "tests/test_a.py": "import space.shop.price",
        "tests/test_b.py": "import price",
    }
    found = affected(tmp_path, files, "src/space/shop/price.py")
    assert "tests/test_a.py" in found.tests


def test_a_conftest_reaches_what_is_below_it(tmp_path: Path) -> None:
    files = {
        **SHOP,
        "tests/a/conftest.py": "from tests.tools import make",
        "tests/tools.py": "",
        "tests/a/test_a.py": "",
        "tests/a/deep/test_d.py": "",
        "tests/b/test_b.py": "",
    }
    below = ("tests/a/deep/test_d.py", "tests/a/test_a.py")
    assert affected(tmp_path, files, "tests/a/conftest.py").tests == below
    assert importers_of(str(tmp_path), ["tests/tools.py"], {}).tests == below
    assert importers_of(str(tmp_path), ["tests/b/test_b.py"], {}).tests == ("tests/b/test_b.py",)


def test_data_files_may_be_read_by_any_test(tmp_path: Path) -> None:
    found = affected(tmp_path, {**SHOP, "prices.json": "{}"}, "prices.json")
    assert found.tests == ("test_x.py",)
    assert "prices.json is not Python" in found.why


def test_broken_files_are_listed_and_the_rest_still_counts(tmp_path: Path) -> None:
    files = {**SHOP, "test_a.py": "import shop.price", "test_bad.py": "import shop.price\ndef"}
    found = affected(tmp_path, files, "shop/price.py")
    assert found.tests == ("test_a.py",)
    assert found.unparsed == ("test_bad.py",)


def test_the_overlay_counts_instead_of_the_disk(tmp_path: Path) -> None:
    affected(tmp_path, {**SHOP, "test_a.py": ""})
    overlay = {
        "shop/new.py": "",
        "shop/cart.py": "from . import new",
        "test_a.py": "import shop.cart",
    }
    assert importers_of(str(tmp_path), ["shop/new.py"], overlay).tests == ("test_a.py",)
    assert importers_of(str(tmp_path), ["shop/new.py"], {}).tests == ()


def test_an_edit_on_disk_is_noticed(tmp_path: Path) -> None:
    files = {**SHOP, "test_a.py": "import shop.price"}
    assert affected(tmp_path, files, "shop/price.py").tests == ("test_a.py",)
    (tmp_path / "test_a.py").write_text("import shop.carts")
    assert importers_of(str(tmp_path), ["shop/price.py"], {}).tests == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = ['check_*.py']\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = 'check_*.py other.py'\n"),
        ("pytest.ini", "[pytest]\npython_files = check_*.py\n"),
        ("setup.cfg", "[tool:pytest]\npython_files =\n    check_*.py\n    other.py\n"),
        ("tox.ini", "[pytest]\npython_files: check_*.py\n"),
        ("pytest.toml", "[pytest]\npython_files = ['check_*.py']\n"),
    ],
)
def test_the_project_says_what_a_test_file_is(tmp_path: Path, name: str, text: str) -> None:
    files = {
        **SHOP,
        name: text,
        "check_a.py": "import shop.price",
        "test_a.py": "import shop.price",
    }
    assert affected(tmp_path, files, "shop/price.py").tests == ("check_a.py",)


def test_where_pytest_looks_and_where_not() -> None:
    suite = Suite(testpaths=("tests", "src/*/tests"), norecurse=("slow", "tests/data/*"))
    assert suite.holds("tests/test_a.py")
    assert suite.holds("src/shop/tests/test_a.py")
    assert not suite.holds("docs/test_a.py")
    assert not suite.holds("tests/slow/test_a.py")
    assert not suite.holds("tests/data/one/test_a.py")


def test_a_configuration_that_is_broken_is_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pytest")
    assert suite_of(str(tmp_path)) == Suite()


def test_a_thousand_files_are_asked_again_and_say_the_same(tmp_path: Path) -> None:
    files = {
        f"src/p{n % 20}/m{n}.py": f"from p{n % 20} import m{n + 20}\n" + "x = 1\n" * 20
        for n in range(1000)
    }
    files |= {f"src/p{n}/__init__.py": "" for n in range(20)}
    files |= {f"tests/test_{n}.py": f"import p{n}.m{n}\n" for n in range(20)}
    assert affected(tmp_path, files, "src/p3/m983.py").tests == ("tests/test_3.py",)
    again = importers_of(str(tmp_path), ["src/p3/m983.py"], {})
    assert again.tests == ("tests/test_3.py",)
