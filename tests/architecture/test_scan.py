"""The imports of a text: as `ast` sees them where it can, and as people mean them where not."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.architecture import scan
from trueup.architecture.sources import text_of
from trueup.parsing import parse_module

Seen = tuple[str, int, int, bool, str]
"""The dotted name, the lines of the statement and of the name, for type checkers only, alias."""


def by_ast(text: str) -> list[Seen]:
    tree = parse_module(text)
    found: list[Seen] = []
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, typing = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            base = "" if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
            for alias in node.names:
                name = scan.joined(base, alias.name)
                found.append((name, node.lineno, alias.lineno, typing, alias.asname or ""))
        elif isinstance(node, ast.If):
            guarded = typing or _is_type_checking(node.test)
            waiting += ((child, guarded) for child in node.body)
            waiting += ((child, typing) for child in node.orelse)
        else:
            waiting += ((child, typing) for child in ast.iter_child_nodes(node))
    return sorted(found)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.id if isinstance(test, ast.Name) else ""
    return (test.attr if isinstance(test, ast.Attribute) else name) == "TYPE_CHECKING"


def by_scan(text: str) -> list[Seen]:
    lines = text.replace("\r\n", " \n").replace("\r", "\n")
    return sorted(
        (
            item.written,
            lines.count("\n", 0, item.statement) + 1,
            lines.count("\n", 0, item.start) + 1,
            item.typing,
            item.alias,
        )
        for item in scan.imports(text)
    )


def agrees(text: str) -> None:
    expected = by_ast(text)
    assert by_scan(text) == expected
    running = {name for name, _, _, typing, _ in expected if not typing}
    names = scan.names(text)
    assert set(names.running) == running
    assert set(names.typing) == {name for name, *_ in expected} - running


def corpus(*packages: str) -> Iterator[Path]:
    for package in packages:
        module = sys.modules.get(package) or __import__(package)
        yield from sorted(Path(str(module.__file__)).parent.rglob("*.py"))


def read_whole(folders: Iterator[Path]) -> int:
    count = 0
    for file in folders:
        text = text_of(file.read_bytes())
        try:
            parse_module(text)
        except (SyntaxError, ValueError):
            continue
        agrees(text)
        count += 1
    return count


def test_it_agrees_with_ast_on_what_is_installed() -> None:
    assert read_whole(corpus("pygls", "rich", "_pytest", "rope")) > 250


@pytest.mark.soak
def test_it_agrees_with_ast_on_everything_installed() -> None:
    """The standard library with its own tests, and whatever else lies there."""
    assert read_whole(iter(sorted(Path(ast.__file__).parent.rglob("*.py")))) > 1_000


TEXTS = [
    "import a",
    "import a.b.c as d, e",
    "import a . b",
    "from a import b",
    "from a import (b, c as d,)",
    "from a import (  # one (two)\n  b,  # three)\n  c)\nimport d",
    "from a import b \\\n  , c",
    "from \\\n  a \\\n  import b",
    "from.import x",
    "from . import x",
    "from .a import*",
    "from ...a.b import x",
    "from a import(b)",
    "if x: import a",
    "x = 1; import a; from b import c",
    "try:\n  import a\nexcept ImportError: a = None",
    "def f():\n\timport a\n\tfrom b import c",
    's = "import a"; import b',
    's = """\nimport a\n"""\nimport b',
    "s = 'it\\'s # not a comment'\nimport b",
    "s = ''\nimport b",
    "s = \"\"; t = ''''''\nimport b",
    "# import a\nimport b  # import c",
    "x = {'a': b'\\\\'}\nimport c",
    "s = r'a\\b'\nimport b",
    "match x:\n  case 1: import a",
    "lambda: 0\nimport a",
    "é = 'ü'\nfrom ä.ö import ß",
    "import a\r\nfrom b import (c,\r\n  d)\r\n",
    "s = 'a\\\r\nimport b'\r\nimport c\r\n",
    "import a\rfrom b import c\r",
    "\fimport a",
    "if TYPE_CHECKING:\n  import a\nimport b",
    "if typing.TYPE_CHECKING:\n  import a\nelse:\n  import b",
    "if (TYPE_CHECKING):\n  import a",
    "if not TYPE_CHECKING:\n  import a",
    "if TYPE_CHECKING or x:\n  import a",
    "if TYPE_CHECKING: import a; import c\nimport b",
    "if x:\n  pass\nelif TYPE_CHECKING:\n  import a\nimport b",
    'if TYPE_CHECKING:\n  import a\n  s = """\nx\n"""\n  import b\nimport c',
    "if TYPE_CHECKING:\n  from a import (\nb,\n)\n  import c\nimport d",
    "if TYPE_CHECKING:\n  import a\n# a comment\n  import b\n\n\nimport c",
    "def f():\n  if TYPE_CHECKING:\n    import a\n  import b",
    "if TYPE_CHECKING:\n  if x:\n    import a\n  import b\nimport c",
    "import a\nif TYPE_CHECKING:\n  import a",
]


@pytest.mark.parametrize("text", TEXTS)
def test_it_agrees_with_ast_on_what_is_written_by_hand(text: str) -> None:
    agrees(text)


# What Python 3.11 cannot parse: the interpreter that runs these tests may be one.
NEWER = [
    ('x = f"{a["b"]}"\nimport c', ["c"]),
    ("x = f'{a['import b']}'\nimport c", ["c"]),
    ('x = f"{"\\n".join(["import a"])}"\nimport c', ["c"]),
    ('x = f"{f"{f"{1}"}"}"\nimport c', ["c"]),
    ('x = f"""{a["""import b"""]}"""\nimport c', ["c"]),
    ('x = f"{\n  a["b"]\n}"\nimport c', ["c"]),
    ('x = f"{a!r:{"}"}>{w}}"\nimport c', ["c"]),
    ('x = f"{{"\nimport c', ["c"]),
    ('x = f"{{}}{a}"\nimport c', ["c"]),
    ('x = rf"\\{a["b"]}"\nimport c', ["c"]),
    ('x = f"{a # {\n}"\nimport c', ["c"]),
    ('x = t"{a["b"]}"\nimport c', ["c"]),
    ('x = t"import a {b}"\nimport c', ["c"]),
    ("lazy import a\nlazy from b import c", ["a", "b.c"]),
    ("type X = int\nimport c", ["c"]),
]


@pytest.mark.parametrize(("text", "names"), NEWER)
def test_newer_strings_hide_no_import(text: str, names: list[str]) -> None:
    assert list(scan.names(text).running) == names
    assert [item.written for item in scan.imports(text)] == names


BROKEN = [
    ("def broken(:\nimport a", ["a"]),
    ("from a import (b, c\n\nimport d\nx = (1", ["a.b", "a.c", "d"]),
    ("from a import (\n  b,\n\ndef f(): import d", ["a.b", "d"]),
    ("from a.\nimport b", ["b"]),
    ("from a import\nimport b", ["b"]),
    ("from a imp\nimport b", ["b"]),
    ("import \nimport b", ["b"]),
    ("import a,\nimport b", ["a", "b"]),
    ("x = 'open\nimport b", ["b"]),
    ("   import a\n import b", ["a", "b"]),
    ("from import b\nimport c", ["c"]),
    ("import a.\nimport c", ["c"]),
]


@pytest.mark.parametrize(("text", "names"), BROKEN)
def test_what_stands_whole_is_found_in_half_typed_text(text: str, names: list[str]) -> None:
    assert list(scan.names(text).running) == names


@given(st.text("import from()as.,\n \\\"'#{}f=:;x\t\r", max_size=200))
def test_any_text_is_read_and_both_ways_agree(text: str) -> None:
    found = scan.imports(text)
    names = scan.names(text)
    assert {item.written for item in found} == {*names.running, *names.typing}
    for item in found:
        assert 0 <= item.statement <= item.start < item.end <= len(text)
        assert "".join(text[item.start : item.end].split()).replace("\\", "") == item.name


def test_the_places_are_of_the_names() -> None:
    text = "from  a.b import c, d as e\nimport f.g"
    places = [
        (text[item.module_start : item.module_end], text[item.start : item.end], item.bound)
        for item in scan.imports(text)
    ]
    assert places == [("a.b", "c", "c"), ("a.b", "d", "e"), ("", "f.g", "f")]


def test_a_long_line_of_quotes_takes_no_time_to_speak_of() -> None:
    """Linear in the length of the text, whatever is in it: a backtracking search would not end."""
    for piece in ('"', "'", '"""', "from a import (", "\\", "f'{", "{", "from . \\\n", "\n\n (("):
        assert scan.imports(piece * 20_000) is not None
