"""Configurations of contracts as text, in `contracts.md`: what is read, and what is said of it.

A case is files, a `graph` block, and what is to be said; `pytest --update-cases` rewrites that. The
graph is one import a line, `importer -> imported`, or the name of a module; without a block it is
the usual one. Of a contract that was read the case says `read`, its id and its place; then come
problems and illegal imports.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from cases.literate import Block, _Draft, _drafts
from trueup.architecture import importlinter, own
from trueup.architecture.configuration import Configuration
from trueup.architecture.contracts import Problem, Violation
from trueup.architecture.graph import ImportGraph
from trueup.architecture.judges import judge

USUAL = """shop.cli -> shop.core
shop.core.price -> shop.base
shop.core -> shop.cli
shop.base -> shop.tools
shop.tools -> shop.core.price
shop.core.price -> requests
"""
FILE = Path(__file__).with_name("contracts.md")
CASES = tuple(_drafts(FILE, FILE.read_text("utf-8")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_case(case: _Draft, request: pytest.FixtureRequest) -> None:
    said = said_of(case)
    if request.config.getoption("--update-cases"):
        update(case.title, said)
        return
    assert "\n".join(said) == block_of(case, "said").text.rstrip("\n"), f"{FILE.name}:{case.line}"


def said_of(case: _Draft) -> list[str]:
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


def block_of(case: _Draft, shape: str) -> Block:
    (block,) = (block for block in case.blocks if shape in block.words[:1])
    return block


def update(title: str, lines: list[str]) -> None:
    # Read again: an earlier case may have moved this one.
    case = next(case for case in _drafts(FILE, FILE.read_text("utf-8")) if case.title == title)
    block = block_of(case, "said")
    text = FILE.read_text("utf-8").splitlines()
    text[block.line : block.line + len(block.text.splitlines())] = lines
    FILE.write_text("\n".join(text) + "\n", "utf-8")
