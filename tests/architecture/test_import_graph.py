"""Modules, edges and their lines, found here and by grimp: no difference but those that are listed.

Where we differ on purpose:

* A relative import with more dots than there are packages leads nowhere here; grimp panics.
* Folders that are links are followed while they stay inside the root; grimp does not enter them.
* A file that cannot be parsed or decoded has the imports that stand whole in it; grimp gives up on
  the whole project.
* `one_more` beside a regular package `one` is a namespace of its own; grimp compares paths by their
  first letters, and takes it for a part of `one`.
* Of `one.py` beside the folder of a root package `one`, the folder is read, as Python does. Grimp
  reads the file. Below a root both read the file, so that contracts mean the same.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import grimp
import pytest

from trueup.architecture import scan
from trueup.architecture.imports import Imports, Universe, imports_of

Line = tuple[str, str, int]
"""Importer, imported, and the line of the statement."""
Write = Callable[[Mapping[str, str]], Path]

EVERY_PACKAGE = (
    "rope", "hypothesis", "libcst", "rich", "pygls", "anthropic", "click", "_pytest",
    "importlinter", "grimp", "tach", "cattrs", "httpx2", "pydantic", "lsprotocol", "pip",
)  # fmt: skip
QUICK = ("rope", "pygls", "click", "_pytest", "importlinter", "grimp", "cattrs", "httpx2", "tach")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the files of a project, from whose root grimp can then import."""

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8", newline="")
        monkeypatch.syspath_prepend(str(root))
        importlib.invalidate_caches()
        return root

    return write


def lines_here(imports: Imports) -> set[Line]:
    found: set[Line] = set()
    for file in imports.by_path.values():
        text = imports.sources.text(file.path) or ""
        plain = text.replace("\r\n", " \n").replace("\r", "\n")
        for item in scan.imports(text):
            target = imports.target(file, item)
            if target is not None:
                found.add((file.name, target, plain.count("\n", 0, item.statement) + 1))
    return found


def lines_there(graph: grimp.ImportGraph) -> set[Line]:
    return {
        (found["importer"], found["imported"], found["line_number"])
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        for found in graph.get_import_details(importer=importer, imported=imported)
    }


def edges_here(imports: Imports) -> set[tuple[str, str]]:
    names = imports.graph.names
    return {(names[importer], names[imported]) for importer, imported in imports.graph.edges()}


def both(root: Path, packages: tuple[str, ...], *, externals: bool, typing: bool) -> int:
    """Compare everything; how many lines there are."""
    here = imports_of(root, Universe(packages, externals, typing))
    assert not here.missing
    there = grimp.build_graph(
        *packages,
        include_external_packages=externals,
        exclude_type_checking_imports=not typing,
        cache_dir=None,
    )
    assert set(here.graph.modules()) == there.modules
    lines = lines_there(there)
    assert edges_here(here) == {(importer, imported) for importer, imported, _ in lines}
    assert lines_here(here) == lines
    return len(lines)


def agree(root: Path, *packages: str) -> None:
    for externals in (False, True):
        for typing in (False, True):
            both(root, packages, externals=externals, typing=typing)


@pytest.mark.parametrize("externals", [False, True], ids=["internal", "external"])
@pytest.mark.parametrize("typing", [False, True], ids=["running", "typing"])
@pytest.mark.parametrize(
    "packages", [pytest.param(QUICK, id="quick"), pytest.param(EVERY_PACKAGE, id="every")]
)
def test_installed_packages_have_the_edges_and_lines_that_grimp_finds(
    packages: tuple[str, ...], externals: bool, typing: bool
) -> None:
    lines = 0
    for package in packages:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        lines += both(
            Path(spec.origin).parent.parent, (package,), externals=externals, typing=typing
        )
    assert lines > 1_500


def test_several_packages_make_one_graph(write: Write) -> None:
    root = write(
        {
            "manyone/__init__.py": "import manytwo.a\nfrom manythree import *\n",
            "manytwo/__init__.py": "",
            "manytwo/a.py": "from manyone import b\nfrom os import path\nimport os.path as p\n",
            "manyone/b.py": "if x:\n  from manytwo.a import (\n    something,\n    other)\n",
            "manythree/__init__.py": "import yaml.nodes; from . import nothing\n",
        }
    )
    agree(root, "manyone", "manytwo", "manythree")


TREES: Mapping[str, Mapping[str, str]] = {
    "a module beside a package of its name": {
        "besides/__init__.py": "",
        "besides/x.py": "from besides import one\nfrom . import two\n",
        "besides/x/inner.py": "from besides import two\n",
        "besides/one.py": "from besides.x import inner\nimport besides.x.inner\n",
        "besides/two.py": "",
    },
    "folders that are no identifiers": {
        "folders/__init__.py": "",
        "folders/my-part/__init__.py": "",
        "folders/my-part/a.py": "import folders.b",
        "folders/2nd/__init__.py": "import folders.b",
        "folders/größe/__init__.py": "import folders.b",
        "folders/class/__init__.py": "import folders.b",
        "folders/__pycache__/stray.py": "import folders.b",
        "folders/b.py": "from folders import größe",
    },
    "hidden files, and dots in names": {
        "dotted/__init__.py": "",
        "dotted/.hidden.py": "import dotted.a",
        "dotted/.py": "import dotted.a",
        "dotted/.folder/__init__.py": "import dotted.a",
        "dotted/a.test.py": "import dotted.a",
        "dotted/a.py": "from dotted import b",
        "dotted/b.PY": "import dotted.a",
        "dotted/c.pyi": "import dotted.a",
        "dotted/d.pyx": "import dotted.a",
        "dotted/my-script.py": "import dotted.a",
        "dotted/with space.py": "import dotted.a",
    },
    "orphans": {
        "orphans/__init__.py": "",
        "orphans/a.py": "import orphans.lost.b\nfrom orphans.lost.deep import c\n",
        "orphans/lost/b.py": "import orphans.a",
        "orphans/lost/deep/__init__.py": "import orphans.a",
        "orphans/lost/deep/c.py": "import orphans.a",
    },
    "stubs": {
        "stubbed/__init__.py": "from stubbed import a, b",
        "stubbed/a.pyi": "import stubbed.b",
        "stubbed/b.py": "",
        "stubbed/b.pyi": "import stubbed.a",
        "stubbed/only/__init__.pyi": "import stubbed.b",
    },
    "relative imports": {
        "relative/__init__.py": "from . import a\nfrom .a import thing\nfrom .b.c import thing\n",
        "relative/a.py": "from .b import c\nfrom . import b\nfrom .b.nothing import deep\n",
        "relative/b/__init__.py": "from .. import a\nfrom ..a import thing\nfrom . import *\n",
        "relative/b/c.py": "from .. import a\n",
    },
    "names that are only partly there": {
        "partly/__init__.py": "",
        "partly/a.py": (
            "import partly.missing\nimport partly.missing.deep\nfrom partly.b import C, d\n"
            "from partly.b.C import e\nimport partly.b.c.d\nimport partly, partly.b as x\n"
        ),
        "partly/b.py": "import part\nimport partlyother\nfrom part.ly import a\n",
    },
    "type checking": {
        "checking/__init__.py": "",
        "checking/a.py": (
            "from typing import TYPE_CHECKING\nimport typing as t\n"
            "if TYPE_CHECKING:\n    import checking.b\n    if x:\n        from checking import c\n"
            "else:\n    from checking import d\n"
            "if t.TYPE_CHECKING: from checking import e; import yaml\n"
            "if not TYPE_CHECKING:\n    import checking.f\n"
            "def g():\n    if t.TYPE_CHECKING:\n        import checking.f\n    import checking.e\n"
        ),
        **{f"checking/{name}.py": "" for name in "bcdef"},
    },
    "line ends and marks": {
        "ends/__init__.py": "",
        "ends/a.py": "\ufeffimport ends.b\r\nfrom ends import (\r\n  c,\r\n)\r\n",
        "ends/b.py": "x = '''\r\nimport ends.a\r\n'''\r\nimport ends.c\r\n",
        "ends/c.py": "s = 1; import ends.a\n\n\n\fimport ends.b\n",
    },
    "modules called as others": {
        "shadowed/__init__.py": "import shadowed.shadowed\n",
        "shadowed/shadowed.py": "import shadowed\nfrom shadowed import os\nimport os\n",
        "shadowed/os.py": "import sys\n",
    },
    "a circle, and modules that import themselves": {
        "circling/__init__.py": "import circling\nfrom . import a\n",
        "circling/a.py": "from . import b, a\nimport circling.a\n",
        "circling/b.py": "from . import a\n",
    },
}


@pytest.mark.parametrize("title", TREES)
def test_made_up_packages_have_the_edges_and_lines_that_grimp_finds(
    title: str, write: Write
) -> None:
    root = write(TREES[title])
    agree(root, next(iter(TREES[title])).partition("/")[0])


NAMESPACES: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "a root that is a namespace": (
        ("spacious",),
        {
            "spacious/one/__init__.py": "from spacious.two import a\nimport spacious.two.a.b\n",
            "spacious/one/x.py": "import spacious\nimport spacious.two\nimport yaml\n",
            "spacious/two/a.py": "from spacious import one\nfrom ..one import x\nfrom .. import c",
            "spacious/c.py": "import spacious.empty\nimport spacious.deep.er.d\n",
            "spacious/deep/er/d.py": "from ... import c\n",
            "spacious/empty/readme.txt": "",
        },
    ),
    "portions of a namespace": (
        ("shared.ours",),
        {
            "shared/ours/__init__.py": "import shared.theirs.thing\nimport shared\nimport yaml\n",
            "shared/ours/a.py": "from shared.ours import b\nfrom shared import theirs\n",
            "shared/ours/b.py": "from .. import theirs\nfrom ..theirs import thing\n",
            "shared/theirs/__init__.py": "",
            "shared/theirs/thing.py": "import shared.ours\n",
        },
    ),
    "two portions": (
        ("both.ours", "both.theirs"),
        {
            "both/ours/__init__.py": "import both.theirs.thing\nimport both.others.a.b\n",
            "both/ours/a.py": "from ..theirs import thing\n",
            "both/theirs/__init__.py": "",
            "both/theirs/thing.py": "from both.ours import a\nimport both.others\n",
        },
    ),
    "a deep portion": (
        ("deep.er.ours",),
        {
            "deep/er/ours/__init__.py": "import deep.other\nimport deep.er.other.x\n",
            "deep/er/ours/a.py": "import deep\nimport deep.er\nfrom deep.er import ours, zed\n",
        },
    ),
}


@pytest.mark.parametrize("title", NAMESPACES)
def test_namespaces_have_the_edges_and_lines_that_grimp_finds(title: str, write: Write) -> None:
    packages, files = NAMESPACES[title]
    try:
        agree(write(files), *packages)
    finally:
        # To find a portion, importlib imports what is above it.
        for name in [name for name in sys.modules if name.partition(".")[0] in packages[0]]:
            del sys.modules[name]


def edges_in(root: Path, *packages: str, externals: bool = False) -> set[tuple[str, str]]:
    return edges_here(imports_of(root, Universe(packages, externals)))


def test_relative_imports_with_too_many_dots_lead_nowhere(write: Write) -> None:
    root = write(
        {
            "dots/__init__.py": "from .. import a\nfrom ...x import b\nfrom . import a\n",
            "dots/a.py": f"from {'.' * 300} import x\nfrom .. import y\nimport dots\n",
        }
    )
    assert edges_in(root, "dots", externals=True) == {("dots", "dots.a"), ("dots.a", "dots")}


def test_a_namespace_is_no_part_of_a_package_whose_name_it_begins_with(write: Write) -> None:
    root = write(
        {
            "begins/one/__init__.py": "",
            "begins/one_more/a.py": "import begins.one\n",
        }
    )
    assert edges_in(root, "begins") == {("begins.one_more.a", "begins.one")}


def test_a_file_beside_a_root_package_does_not_stand_for_it(write: Write) -> None:
    files = {
        "root/__init__.py": "from root import a\n",
        "root/a.py": "",
        "root.py": "import root.b",
    }
    assert edges_in(write(files), "root") == {("root", "root.a")}


def test_linked_folders_are_followed_inside_of_the_root_and_never_in_circles(
    write: Write, tmp_path: Path
) -> None:
    root = write(
        {
            "linked/__init__.py": "",
            "linked/a.py": "from linked.inside import thing\nfrom linked.outside import x\n",
            "elsewhere/__init__.py": "",
            "elsewhere/thing.py": "from linked import a\n",
            "linked/deep/__init__.py": "",
        }
    )
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "__init__.py").write_text("from linked import a")
    (outside / "x.py").write_text("from linked import a")
    for link, target in {
        "inside": root / "elsewhere",
        "outside": outside,
        "deep/up": root / "linked",
        "itself": root / "linked" / "itself",
        "deep/all": root,
        "gone": root / "nowhere",
    }.items():
        (root / "linked" / link).symlink_to(target, target_is_directory=True)
    (root / "linked" / "gone.py").symlink_to(root / "nowhere.py")
    (root / "linked" / "linked_file.py").symlink_to(root / "elsewhere" / "thing.py")
    imports = imports_of(root, Universe(("linked",)))
    assert edges_here(imports) == {
        ("linked.a", "linked.inside.thing"),
        ("linked.inside.thing", "linked.a"),
        ("linked.linked_file", "linked.a"),
    }
    assert "linked.outside" not in imports.graph


def test_what_is_no_file_is_no_module(write: Write) -> None:
    root = write({"odd/__init__.py": "", "odd/folder.py/x.py": "import odd"})
    os.mkfifo(root / "odd" / "pipe.py")
    assert set(imports_of(root, Universe(("odd",))).graph.modules()) == {"odd"}


def test_a_file_that_cannot_be_parsed_keeps_the_others_as_they_are(write: Write) -> None:
    root = write(
        {
            "halves/__init__.py": "",
            "halves/a.py": "import halves.b\ndef f(:\n  from halves import c\n",
            "halves/b.py": "import halves.c\n",
            "halves/c.py": "",
        }
    )
    expected = {("halves.a", "halves.b"), ("halves.a", "halves.c"), ("halves.b", "halves.c")}
    assert edges_in(root, "halves") == expected
