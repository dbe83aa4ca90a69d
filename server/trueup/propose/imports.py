"""Candidates that break an import which a contract forbids.

Three that need no judgement: an import that nobody uses goes; one that only annotations use moves
under `if TYPE_CHECKING:`; a name that another module only passes on is imported from where it is
defined. Whether one of them satisfies the contract, the gate says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trueup import linting
from trueup.architecture.checker import Architecture
from trueup.architecture.imports import Imports
from trueup.architecture.scan import Imported, imports
from trueup.architecture.sources import cache_file
from trueup.snapshot import Document, Edit, Snapshot, Span
from trueup.suggestion import Candidate, Goal

PROPOSER: Final = "trueup"
SOURCE: Final = "trueup"
"""The source of our own diagnostics."""
PASSED_ON_MAX: Final = 10
"""How often a name may be passed on before it is defined."""
_TYPING_ONLY: Final = ("TC001", "TC002", "TC003", "TC004")
_UNUSED: Final = ("F401",)


async def propose(goal: Goal, snapshot: Snapshot) -> tuple[Candidate, ...]:
    """Candidates for the import that the goal's diagnostic marks, the best first."""
    document = snapshot.get(goal.path)
    if document is None or goal.diagnostic is None:
        return ()
    wanted = _marked(document, goal.diagnostic.span)
    if not wanted:
        return ()
    found: list[Candidate] = []
    for rules, title in (
        (_UNUSED, "Remove the import, which nothing uses"),
        (_TYPING_ONLY, "Import it for type checkers only"),
    ):
        fixes = await _ruffs(snapshot.root, document, wanted, rules)
        if fixes:
            found.append(Candidate(title, fixes, PROPOSER))
    if edits := _from_where_defined(snapshot, document, wanted):
        found.append(Candidate("Import it from where it is defined", edits, PROPOSER))
    return tuple(found)


def _marked(document: Document, span: Span) -> tuple[Imported, ...]:
    """The names of the statement that are meant: the one that is marked, or all of its module."""
    stated = [
        item
        for item in imports(document.text)
        if item.statement <= span.start and span.end <= max(item.end, item.module_end)
    ]
    named = [item for item in stated if Span(item.start, item.end) == span]
    whole = [item for item in stated if Span(item.module_start, item.module_end) == span]
    if named:
        return (named[0],)
    last = max((item.statement for item in whole), default=-1)
    return tuple(item for item in imports(document.text) if item.statement == last and last >= 0)


async def _ruffs(
    root: str, document: Document, wanted: tuple[Imported, ...], rules: tuple[str, ...]
) -> tuple[Edit, ...]:
    """Ruff's fixes of these rules for the wanted names, () unless there is one for each."""
    findings = await linting.diagnostics(root, document, select=rules)
    if isinstance(findings, linting.LintFailure):
        return ()
    edits: dict[Edit, None] = {}
    for item in wanted:
        near = [
            finding
            for finding in findings
            if finding.fix
            and finding.diagnostic.code in rules
            and finding.diagnostic.span.overlaps(Span(item.start, item.end))
        ]
        if not near:
            return ()
        edits.update(dict.fromkeys(near[0].fix))
    return tuple(edits)


def _from_where_defined(
    snapshot: Snapshot, document: Document, wanted: tuple[Imported, ...]
) -> tuple[Edit, ...]:
    """The statement with its module replaced by the one that defines every wanted name."""
    if any(not item.module or item.name == "*" for item in wanted):
        return ()
    root = Path(snapshot.root)
    architecture = Architecture(root, cache_file(root))
    architecture.suppose({item.path: item.text for item in snapshot if item.path.endswith(".py")})
    for graph in architecture.graphs:
        file = graph.by_path.get(document.path)
        if file is None:
            continue
        homes = {_home(architecture, graph, graph.absolute(file, item.written)) for item in wanted}
        home = homes.pop() if len(homes) == 1 else None
        if home is not None:
            return _moved(document, wanted, home)
    return ()


def _home(architecture: Architecture, graph: Imports, name: str) -> str | None:
    """The module that defines `name`, where the one that it is asked of only passes it on."""
    module, _, member = name.rpartition(".")
    first = module
    for _ in range(PASSED_ON_MAX):
        path = graph.path_of(module)
        text = architecture.sources.text(path) if path is not None else None
        if path is None or text is None:
            return None
        passing = [item for item in imports(text) if item.module and item.bound == member]
        if not passing:
            return module if module != first else None
        if passing[0].name != member:
            # Under another name there: a rename is more than a move.
            return None
        target = graph.absolute(graph.by_path[path], passing[0].written)
        module = target.rpartition(".")[0]
    return None


def _moved(document: Document, wanted: tuple[Imported, ...], home: str) -> tuple[Edit, ...]:
    """Edits that import `wanted`, all of one statement, from `home` instead."""
    text, first = document.text, wanted[0]
    others = [
        item for item in imports(text) if item.statement == first.statement and item not in wanted
    ]
    if not others:
        return (Edit(document.path, Span(first.module_start, first.module_end), home),)
    line = document.line_span(document.line_at(first.statement))
    indent = re.match(r"[ \t]*", text[line.start : line.end])
    if text[line.start : first.statement].strip():
        return ()
    listed = ", ".join(f"{it.name} as {it.alias}" if it.alias else it.name for it in wanted)
    space = indent[0] if indent else ""
    made = f"{space}from {home} import {listed}{document.newline}"
    removed = (Edit(document.path, span, "") for span in _without(text, wanted))
    return (Edit(document.path, Span(line.start, line.start), made), *removed)


def _without(text: str, wanted: tuple[Imported, ...]) -> Iterator[Span]:
    """The characters of the names with one comma each: the one behind, else the one before."""
    for item in wanted:
        end = item.end
        if item.alias:
            end = text.index(item.alias, item.end) + len(item.alias)
        behind = re.compile(r"\s*,[ \t]*").match(text, end)
        if behind is not None:
            yield Span(item.start, behind.end())
        else:
            before = text[: item.start].rstrip()
            yield Span(len(before) - before.endswith(","), end)
