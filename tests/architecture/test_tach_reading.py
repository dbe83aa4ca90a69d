"""Where things stand in a TOML text, and what patterns mean; the rest is in the cases."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from trueup.architecture.tach import Boundaries, Listing, globs, places, read, read_domain
from trueup.architecture.tach.blocks import Place
from trueup.architecture.tach.blocks import places as blocks

OURS: Final = Path(__file__).parents[2] / "pyproject.toml"
EVERY_SHAPE: Final = '''# a = 1
title = "a # b = 1"
'literal key' = 'x'
"quoted \\" key" = 2
dotted.inner . deep = true
long = """
no = 1
"" """ # after
literal = \'\'\'
[no]
\'\'\'
five = """quotes"""""
days = [1979-05-27, 07:32:00,
  "]", # [
  [1, { x = 1, y = [
    2] }],
]

[a.b]
x = 1
  [ a . "c d" ] # indented
  y = [
]
[[many]]
[[many.inner]]
z = { }
[many.inner.table]
w = -1
[[many.inner]]
[[many]]
last = 0x1F'''


def keys(value: Any, at: places.Key = ()) -> Iterator[places.Key]:
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, inner in items:
        yield (*at, key)
        if isinstance(inner, dict | list):
            yield from keys(inner, (*at, key))


@pytest.mark.parametrize("text", [EVERY_SHAPE, OURS.read_text("utf-8")], ids=["shapes", "ours"])
def test_every_key_has_its_line(text: str) -> None:
    found = places.lines(text)
    for key in keys(tomllib.loads(text)):
        assert key in found, key
        name = next(part for part in reversed(key) if isinstance(part, str))
        if isinstance(key[-1], str):
            line = text.split("\n")[found[key] - 1]
            assert name.partition('"')[0].strip() in line, key


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("long",), 6),
        (("five",), 12),
        (("days", 1), 13),
        (("days", 2), 14),
        (("days", 3, 1, "y", 0), 16),
        (("a", "b", "x"), 20),
        (("many", 0, "inner", 1), 29),
        (("many", 1, "last"), 31),
    ],
)
def test_lines(key: places.Key, line: int) -> None:
    assert places.lines(EVERY_SHAPE)[key] == line


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a.*", "a.b a.c", "a a.b.c"),
        ("a.**", "a a.b a.b.c", "ab b.a"),
        ("**.a", "a b.a c.b.a", "a.b ba"),
        ("a.**.b", "a.b a.x.b a.x.y.b", "a b"),
        ("a.**.**.b", "a.b a.x.b", "a.c"),
        ("**", "a", "a.b"),
        ("a?", "ab", "a a.b abc"),
        ("[!a].x", "b.x", "a.x"),
        ("{a,b.c}.x", "a.x b.c.x", "b.x c.x"),
        ("a", "a", "a.b"),
    ],
)
def test_globs_of_modules(pattern: str, yes: str, no: str) -> None:
    assert [module for module in yes.split() if not globs.means(pattern, module)] == []
    assert [module for module in no.split() if globs.means(pattern, module)] == []


@pytest.mark.parametrize("pattern", ["a[", "a.{b", "[", "{a,{b}", "a\\", "[z-a]"])
def test_a_broken_glob_means_nothing(pattern: str) -> None:
    assert not globs.means(pattern, "a.b")
    assert not globs.excluded("a/b.py", (pattern,))


@pytest.mark.parametrize(
    ("line", "yes", "no"),
    [
        ("tests", "tests a/tests", "tests/x.py mytests"),
        ("*.pyi", "a.pyi a/b.pyi", "a.py"),
        ("/a.py", "a.py", "b/a.py"),
        ("b/a.py", "b/a.py", "c/b/a.py a.py"),
        ("**/a.py", "a.py c/a.py", "a"),
        ("a/**", "a/b a/b/c", "a b/a"),
        ("docs/", "", "docs a/docs"),
    ],
)
def test_exclude(line: str, yes: str, no: str) -> None:
    assert [path for path in yes.split() if not globs.excluded(path, (line,))] == []
    assert [path for path in no.split() if globs.excluded(path, (line,))] == []


def test_the_last_line_of_exclude_decides() -> None:
    assert globs.excluded("docs", ("docs/",), folder=True)
    assert not globs.excluded("a.py", ("*.py", "!a.py"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", Place()),
        ("if x:\n    $", Place(nested=True)),
        ("if x: $", Place(nested=True)),
        ("if TYPE_CHECKING:\n\t$", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\n  x\nelif y:\n  $", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\n  x\nfor y in z:\n  $", Place(nested=True)),
        ("if TYPE_CHECKING:\n  if x:\n    y\n  else:\n    $", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\n  x\n# comment\n  $", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\n  x = '''\n'''\n  $", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\n  x = (\n1)\n  $", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\n  x = \\\n1\n  $", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\r\n  x\r\n  $", Place(nested=True, typing=True)),
        ("if TYPE_CHECKING:\n  x\ny; $", Place()),
        ("if not TYPE_CHECKING: $", Place(nested=True)),
        ("match x:\n  case 1:\n    $", Place()),
        ("match x:\n  case 1: $", Place()),
        ("def f(\n    a,\n):\n    $", Place(nested=True)),
        ("def broken(:\n$", Place()),
    ],
)
def test_blocks(text: str, expected: Place) -> None:
    offset = text.index("$")
    found = blocks(text.replace("$", "import a"), [offset])
    if "broken" not in text:
        assert found[offset] == expected
    else:
        assert offset in found


@pytest.mark.parametrize(
    "text",
    [
        "modules = 1",
        "modules = [1, [], {}]",
        "interfaces = {}",
        "layers = [[], { nam = 1 }, { name = 1, closed = 2 }]",
        "rules = []",
        "[rules]\nlocal_imports = []",
        "source_roots = [1, [], '', '/', '../..', 'a//b', '[']",
        "exclude = [1, '', '!', '/', '[', '{']",
        "root_module = []",
        "respect_gitignore = 1",
        "[[modules]]\npath = ''\n[[modules]]\npaths = ['', '.', '..', 'a..b', '[', '<root>', '.']",
        "[[modules]]\npath = 'a'\ndepends_on = 'b'\nlayer = 1\nvisibility = ['[', 1]",
        "[[modules]]\npath = 'a'\ndepends_on = [1, {}, { path = 1 }, '']\ncannot_depend_on = 1",
        "[[interfaces]]\nexpose = ['(', 1]\n[[interfaces]]\nexpose = []\nfrom = ['*']",
        "[[interfaces]]\nexpose = ['[[:alpha:]]']",
        "[tool",
        "a = 1\na = 2",
        "a = " + "[" * 20_000,
        "\0",
        "",
    ],
)
def test_whatever_a_configuration_says_the_rest_is_judged(text: str) -> None:
    config = read("tach.toml", text)
    assert config is not None
    files = {"a.py": "import b", "b/__init__.py": "", "b/c.py": "from .. import a"}
    domain = read_domain("b/tach.domain.toml", text)
    ours = Boundaries(config, Listing.of(files), [domain])
    for path, source in files.items():
        ours.judge(path, source)
        ours.uses(path, source)
    ours.unused([("a", "b")])
    assert all(problem.source.line >= 1 and problem.message for problem in ours.problems)
    assert text == "" or ours.problems


def test_a_pyproject_without_tach_has_no_configuration() -> None:
    assert read("pyproject.toml", "[tool.other]\n") is None
    assert read("pyproject.toml", "tool = 1\n") is None


def test_circles_of_five_hundred_modules_are_found_in_time() -> None:
    modules = "".join(
        f"[[modules]]\npath = 'm{number}'\ndepends_on = ['m{(number + 1) % 500}']\n"
        for number in range(500)
    )
    config = read("tach.toml", f"forbid_circular_dependencies = true\n{modules}")
    assert config is not None
    files = Listing.of(f"m{number}.py" for number in range(500))
    problems = Boundaries(config, files).problems
    assert len(problems) == 500
