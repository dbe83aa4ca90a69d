"""Where modules are found: virtual environments, `.pth` files, editable installs, old Pythons."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.verify.grammar import oldest
from trueup.verify.installed import Absent, Installed, Module, Modules, installed


class Environment:
    """A virtual environment of a Python 3.8 that has two modules."""

    def __init__(self, folder: Path) -> None:
        library = folder / "base" / "lib" / "python3.8"
        library.mkdir(parents=True)
        (library / "os.py").write_text("sep = '/'\n")
        (library / "lib-dynload").mkdir()
        (library / "lib-dynload" / "_json.cpython-38.so").touch()
        self.packages = folder / "venv" / "lib" / "python3.8" / "site-packages"
        self.packages.mkdir(parents=True)
        self.interpreter = folder / "venv" / "bin" / "python"
        (folder / "venv" / "pyvenv.cfg").write_text(
            f"home = {folder / 'base' / 'bin'}\nversion = 3.8.18\n"
        )
        self.root = folder / "project"
        self.root.mkdir()

    def read(self) -> Installed:
        found = installed(self.interpreter)
        assert found is not None
        return found

    def find(self, name: str) -> Module | Absent:
        modules = Modules(str(self.root), ("", "src"), self.read(), frozenset(), frozenset())
        return modules.find(name, "price.py")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def test_the_library_is_that_of_the_projects_python(environment: Environment) -> None:
    assert environment.read().version == (3, 8)
    assert isinstance(environment.find("os"), Module)
    assert environment.find("tomllib") is Absent.MISSING
    compiled = environment.find("_json")
    assert isinstance(compiled, Module)
    assert compiled.opaque


def test_what_another_platform_has_is_not_known_to_be_missing(environment: Environment) -> None:
    assert environment.find("winreg") is Absent.UNKNOWN


def test_packages_namespaces_and_what_is_below_them(environment: Environment) -> None:
    (environment.packages / "shop").mkdir()
    (environment.packages / "shop" / "__init__.py").touch()
    (environment.packages / "group" / "part").mkdir(parents=True)
    (environment.packages / "group" / "part" / "tax.py").touch()
    assert isinstance(environment.find("shop"), Module)
    assert environment.find("shop.tax") is Absent.MISSING
    assert isinstance(environment.find("group.part.tax"), Module)
    assert environment.find("group.other") is Absent.MISSING
    assert environment.find("shop._version") is Absent.UNKNOWN


def test_folders_that_a_pth_file_adds(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "tax.py").touch()
    (environment.packages / "a.pth").write_text(f"# a comment\n{tmp_path / 'elsewhere'}\n")
    assert isinstance(environment.find("tax"), Module)
    assert environment.find("other") is Absent.MISSING


def test_the_finder_of_an_editable_install(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "checkout" / "shop").mkdir(parents=True)
    (tmp_path / "checkout" / "shop" / "__init__.py").touch()
    (environment.packages / "__editable___shop_1_finder.py").write_text(
        f"MAPPING: dict[str, str] = {{'shop': {str(tmp_path / 'checkout' / 'shop')!r}}}\n"
    )
    (environment.packages / "__editable__.shop-1.pth").write_text(
        "import __editable___shop_1_finder; __editable___shop_1_finder.install()\n"
    )
    found = environment.find("shop")
    assert isinstance(found, Module)
    assert found.file == tmp_path / "checkout" / "shop" / "__init__.py"
    assert environment.find("other") is Absent.MISSING


def test_after_code_that_is_not_understood_nothing_is_missing(environment: Environment) -> None:
    (environment.packages / "z.pth").write_text("import some_loader; some_loader.install()\n")
    assert environment.find("anything") is Absent.UNKNOWN


def test_no_interpreter_is_no_environment(tmp_path: Path) -> None:
    assert installed(None) is None
    assert installed(tmp_path / "bin" / "python") is None


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("pyproject.toml", "[project]\nrequires-python = '>=3.7,<4'\n", (3, 7)),
        ("pyproject.toml", "[project]\nrequires-python = '>=3.12'\n", (3, 8)),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.6'\n", (3, 6)),
        ("pyproject.toml", "tool = 3\n", (3, 8)),
        ("pyproject.toml", "not toml", (3, 8)),
        ("setup.cfg", "[options]\npython_requires = ~=3.7\n", (3, 7)),
        ("setup.cfg", "no section", (3, 8)),
    ],
)
def test_the_oldest_python_is_the_declared_or_the_installed_one(
    file: str, text: str, expected: tuple[int, int], environment: Environment
) -> None:
    (environment.root / file).write_text(text)
    assert oldest(str(environment.root), environment.interpreter) == expected
