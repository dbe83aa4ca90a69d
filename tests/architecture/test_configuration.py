"""Configurations of contracts as text, in `contracts.md`: what is read, and what is said of it.

A case is files, a `graph` block, and what is to be said; `pytest --update-cases` rewrites that. The
graph is one import a line, `importer -> imported`, or the name of a module; without a block it is
the usual one. Of a contract that was read the case says `read`, its id and its place; then come
problems and illegal imports.
"""

from __future__ import annotations

import configparser
import itertools
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.application.contract_utils import AlertLevel
from importlinter.application.use_cases import read_user_options
from importlinter.domain.contract import InvalidContractOptions

from cases.literate import Block, Draft, drafts_in
from support.import_linter import CLASSES
from trueup.architecture import importlinter, own, places
from trueup.architecture.configuration import KEYS, Configuration, on_disk
from trueup.architecture.contracts import Problem, Severity, Violation
from trueup.architecture.graph import ImportGraph
from trueup.architecture.judges import judge
from trueup.architecture.places import Place

USUAL = """shop.cli -> shop.core
shop.core.price -> shop.base
shop.core -> shop.cli
shop.base -> shop.tools
shop.tools -> shop.core.price
shop.core.price -> requests
"""
FILE = Path(__file__).with_name("contracts.md")
CASES = drafts_in(FILE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_case(case: Draft, request: pytest.FixtureRequest) -> None:
    said = said_of(case)
    if request.config.getoption("--update-cases"):
        update(case.title, said)
        return
    assert "\n".join(said) == block_of(case, "said").text.rstrip("\n"), f"{FILE.name}:{case.line}"


def said_of(case: Draft) -> list[str]:
    files = {path: block.text for block in case.blocks if (path := block.attribute("path"))}
    shown = [block.text for block in case.blocks if block.words[:1] == ("graph",)]
    graph = graph_of(shown[0] if shown else USUAL)
    found = [found for notation in (importlinter, own) if (found := notation.read(files.get))]
    return [line for one in found for line in said(one, graph)] or ["nothing"]


def said(configuration: Configuration, graph: ImportGraph) -> Iterator[str]:
    judges = [judge(one, graph, configuration.scope) for one in configuration.contracts]
    for one in judges:
        yield f"read {one.terms.id} ({one.terms.source.path}:{one.terms.source.line})"
    problems = [*configuration.problems, *(found for one in judges for found in one.problems)]
    yield from (problem_line(found) for found in problems)
    for one in judges:
        for importer, imported, _ in sorted(one.all_illegal()):
            yield violation_line(one.explain(importer, imported))


def problem_line(found: Problem) -> str:
    return f"{found.severity} {found.source.path}:{found.source.line} {found.message}"


def violation_line(found: Violation) -> str:
    return f"{found.severity} {found.importer} -> {found.imported}: {found.message}"


def graph_of(text: str) -> ImportGraph:
    graph = ImportGraph()
    for line in text.splitlines():
        names = [name.strip() for name in line.split("->")]
        for name in names:
            parts = name.split(".")
            for depth in range(1, len(parts) + 1):
                graph.add_module(".".join(parts[:depth]))
        for importer, imported in itertools.pairwise(names):
            graph.add(graph.ids[importer], graph.ids[imported])
    return graph


def block_of(case: Draft, shape: str) -> Block:
    (block,) = (block for block in case.blocks if shape in block.words[:1])
    return block


def update(title: str, lines: list[str]) -> None:
    # Read again: an earlier case may have moved this one.
    case = next(case for case in drafts_in(FILE) if case.title == title)
    block = block_of(case, "said")
    text = FILE.read_text("utf-8").splitlines()
    text[block.line : block.line + len(block.text.splitlines())] = lines
    FILE.write_text("\n".join(text) + "\n", "utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_import_linter_reads_the_same_contracts(
    case: Draft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path: block.text for block in case.blocks if (path := block.attribute("path"))}
    for path, text in files.items():
        (tmp_path / path).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    found = importlinter.read(files.get)
    try:
        options = read_user_options()
    except FileNotFoundError:
        assert found is None
        return
    except (configparser.Error, tomllib.TOMLDecodeError, KeyError, AttributeError):
        assert found is not None
        assert any(problem.severity is Severity.ERROR for problem in found.problems)
        return
    assert found is not None
    names = options.session_options["root_packages"]
    assert list(found.root_packages) == names
    read = [one.terms.name for one in found.contracts]
    for one in options.contracts_options:
        assert (one.get("name") in read) == accepts(one, names)


def accepts(options: dict[str, Any], roots: list[str]) -> bool:
    """Whether import-linter can check a contract in some graph; its crashes are refusals."""
    graph = grimp.ImportGraph()
    for text in re.findall(r"[\w.]+", str(options)):
        graph.add_module(text)
    try:
        contract = CLASSES[options["type"]](options["name"], {"root_packages": roots}, options)
        contract.unmatched_ignore_imports_alerting = AlertLevel.NONE
        contract.check(graph, verbose=False)
    except (InvalidContractOptions, KeyError, TypeError, AttributeError):
        return False
    except ValueError as error:
        # What is wrong whatever modules there are, it says late and we say early.
        return not re.search(r"Cannot skip|Missing layer '[^']*\*", str(error))
    return True


LINES = '''\
title = """
[tool.fake]
x = 1 \\""" # no comment
"""            # 4

[tool]         # 6
"quoted.key" = 1
dotted.key = '#'
[[tool.list]]  # 9
items = [      # a list
  "a", "b",
  [ "c" ],     # 12

  { d = 1, e = [
    2 ] },
]
last = \'\'\'
]\'\'\'
[[ tool . list ]]
one = "in line" # 20
[tool.list.below]
two = ["x"]
'''


@pytest.mark.parametrize(
    ("path", "line", "items"),
    [
        (("title",), 1, ()),
        (("tool",), 6, ()),
        (("tool", "quoted.key"), 7, ()),
        (("tool", "dotted", "key"), 8, ()),
        (("tool", "list"), 9, ()),
        (("tool", "list", 0), 9, ()),
        (("tool", "list", 0, "items"), 10, (11, 11, 12, 14)),
        (("tool", "list", 0, "items", 3), 14, ()),
        (("tool", "list", 0, "items", 3, "d"), 14, ()),
        (("tool", "list", 0, "last"), 17, ()),
        (("tool", "list", 1), 19, ()),
        (("tool", "list", 1, "one"), 20, ()),
        (("tool", "list", 1, "nowhere"), 19, ()),
        (("tool", "list", 1, "below", "two"), 22, (22,)),
        (("nowhere", "at", "all"), 1, ()),
    ],
)
def test_lines_of_toml(path: places.Keys, line: int, items: tuple[int, ...]) -> None:
    assert tomllib.loads(LINES)
    assert places.toml(LINES).of(path) == Place(line, items)


def test_lines_of_ini_that_end_as_on_windows() -> None:
    text = "[importlinter]\r\nroot_packages =\r\n    one\r\n\r\n    two\r\nother : x\r\n"
    found = places.ini(text)
    assert found.of(("importlinter", "root_packages")) == Place(2, (3, 5))
    assert found.of(("importlinter", "other")) == Place(6, (6,))
    assert importlinter.parse("setup.cfg", text).root_packages == ("one", "two")


def test_a_nesting_deeper_than_the_stack_is_a_problem() -> None:
    text = f"[tool.importlinter]\nroot_package = {'[' * 20_000}"
    found = importlinter.parse("pyproject.toml", text)
    assert found is not None
    assert [problem.severity for problem in found.problems] == [Severity.ERROR]


def test_a_file_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.importlinter]\nroot_package = '\xff'")
    for notation in (importlinter, own):
        found = notation.read(on_disk(tmp_path))
        assert found is not None
        assert "cannot be read" in found.problems[0].message


def test_the_example_of_our_own_form_is_right() -> None:
    text, _, _ = textwrap.dedent((own.__doc__ or "").partition("\n\n")[2]).partition(
        "\nIn one level"
    )
    found = own.parse(text)
    assert found is not None
    assert found.problems == ()
    assert len(found.contracts) == len(KEYS)
