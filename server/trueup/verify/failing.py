"""Whether a test that somebody brings shows a defect of the code as it is.

It does when it fails, warm and in a fresh interpreter, after it has run the code that it is about,
by an assertion of its own or by an error that comes out of that code. A test that cannot be loaded,
that fails by its own mistake, that replaces what it tests or that asserts nothing shows nothing.
Whether what it asserts was ever promised, no machine can say: that is for the reader of the test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from trueup.parsing import parse_module
from trueup.runner.results import RunStatus, TestOutcome, TestResult, TestRun
from trueup.snapshot import Document, Span
from trueup.suggestion import Outcome
from trueup.symbols import Outline
from trueup.verify import danger, names
from trueup.verify.changes import changed_statements
from trueup.verify.tests import last_line
from trueup.verify.trial import Trial

ASSERTION: Final = frozenset({"AssertionError", "Failed"})
"""How pytest calls an assertion that does not hold, and a `raises` in which nothing was raised."""

_REPLACING: Final = frozenset(
    {"mock", "unittest.mock", "monkeypatch", "mocker", "setattr", "delattr", "importlib"}
)
# "src/a.py:3: ValueError", in other styles of pytest "src/a.py:3: in f" and 'File "a.py", line 3'.
_FRAME: Final = re.compile(
    r"^(?:(?P<path>\S[^\n:]*\.py):(?P<line>\d+):(?: (?P<kind>[A-Z]\w*)$)?"
    r'| *File "(?P<file>[^"\n]+)", line (?P<at>\d+))',
    re.MULTILINE,
)
_ERROR: Final = re.compile(r"^(?:E +)?(?:[a-z_][\w.]*\.)?([A-Z]\w*)(?::|$)", re.MULTILINE)


def written(test: Document) -> str:
    """Why the text of a test cannot show anything, or "". Nothing is run."""
    try:
        tree = parse_module(test.text)
    except (SyntaxError, ValueError, RecursionError):
        return "its test is not Python"
    if not any(name.startswith("test") for name in _functions(tree)):
        return "its test file holds no test"
    if replaced := sorted(_REPLACING & set(_names(tree))):
        return f"its test uses {replaced[0]}, which may replace the code under review"
    if replaced := sorted(_imported(tree) & set(_assigned(tree))):
        return f"its test assigns to {replaced[0]}, which may replace the code under review"
    return ""


def _imported(tree: ast.Module) -> set[str]:
    """What imports bind, in the whole file."""
    return {
        (item.asname or item.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for item in node.names
    }


def _assigned(tree: ast.Module) -> Iterator[str]:
    """The names of objects of which an attribute or an item is set or deleted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            base: ast.expr = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            if isinstance(base, ast.Name):
                yield base.id


def _functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=found):
                yield from (item.name for item in found)
            case ast.ImportFrom(module=str(module), names=found):
                yield module
                yield from (f"{module}.{item.name}" for item in found)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield name


async def shown(trial: Trial, path: str, body: Span) -> tuple[tuple[str, ...], str] | str:
    """The red tests of a new file and what the first failure says; or why it shows nothing.

    The candidate of `trial` is that file and nothing else; `body` is the code at `path` that it is
    about.
    """
    (name,) = trial.candidate.paths
    test = trial.after.documents[name]
    if why := written(test):
        return why
    for check in (names.exist, danger.calls_nothing_dangerous):
        found = await check(trial)
        # What exists is not always known; what is dangerous is not run.
        if found.outcome is Outcome.FAILED or (
            found.outcome is Outcome.UNKNOWN and check is danger.calls_nothing_dangerous
        ):
            return f"its test was not run: {found.detail}"
    if why := await trial.bed.refusal():
        return why
    document = trial.before.documents[path]
    probes = {path: _statements(document, body)}
    request = replace(trial.request(trial.after, (name,)), probes=probes)
    warm = await trial.bed.run(request)
    red = _red(warm, test)
    if isinstance(red, str):
        return _inside(trial, red)
    ran = frozenset().union(*(warm.runners.get((path, line), ()) for line in probes[path]))
    # What stands at module level is run by the import, before any test.
    at_import = "" in ran and Outline(document.text).enclosing(body) is None
    if not set(red) <= ran and not at_import:
        return "its test never runs the code under review"
    cold = _red(await trial.bed.confirm(replace(request, probes={})), test)
    if isinstance(cold, str):
        return _inside(trial, f"in a fresh interpreter, {cold}")
    if cold != red:
        return "its test fails now and then"
    return red, _inside(trial, last_line(warm.results[red[0]].detail))


def _inside(trial: Trial, said: str) -> str:
    """A sentence that reads the same wherever the workspace lies."""
    return said.replace(f"{trial.before.root}/", "")


def _statements(document: Document, body: Span) -> frozenset[int]:
    """First lines, counted from 1, of the statements in `body`."""
    first, last = document.line_at(body.start) + 1, document.line_at(max(0, body.end - 1)) + 1
    return frozenset(
        statement.first
        for statement in changed_statements("", document.text)
        if first <= statement.first <= last
    )


def _red(run: TestRun, test: Document) -> tuple[str, ...] | str:
    """The tests of the file that fail as they should, or why that shows nothing."""
    for said in run.collection_errors.values():
        return f"its test cannot be loaded: {last_line(said)}"
    if run.status is not RunStatus.FINISHED:
        return f"its test did not end: {run.reason}"
    own = {name: item for name, item in run.results.items() if name.startswith(f"{test.path}::")}
    if not own:
        return "its test did not run"
    red = sorted(name for name, item in own.items() if item.outcome.is_red)
    if not red:
        return "its test passes on the code as it is"
    for name in red:
        if why := _fault(own[name], test):
            return why
    return tuple(red)


def _fault(result: TestResult, test: Document) -> str:
    """Why a failure is the test's own fault, or ""."""
    said = last_line(result.detail)
    if result.outcome is TestOutcome.ERROR:
        return f"its test fails before it calls the code: {said}"
    if result.blocked:
        return f"its test needs what the sandbox does not allow: {result.blocked}"
    frames = list(_frames(result.detail))
    if not frames:
        return "the project's settings hide where its test fails"
    path, line, kind = frames[-1]
    if path != test.path:
        # An error that comes out of the code, or out of what it calls.
        between = {place for place, _, _ in frames} - {test.path}
        inside = any(not place.startswith(("/", "<", "..")) for place in between)
        return "" if inside else f"its test itself fails: {said}"
    if (kind or next(reversed(_ERROR.findall(result.detail)), "")) not in ASSERTION:
        return f"its test itself fails: {said}"
    if _asserts_nothing(test.text, line) and "DID NOT RAISE" not in result.detail:
        return "what its test asserts has nothing to do with the code"
    return ""


def _frames(detail: str) -> Iterator[tuple[str, int, str]]:
    """Where the traceback leads, the innermost place last, as pytest shows it: with the name of the
    error where it stands there.
    """
    for match in _FRAME.finditer(detail):
        kind = match["kind"] or ""
        yield match["path"] or match["file"], int(match["line"] or match["at"]), kind


def _asserts_nothing(text: str, line: int) -> bool:
    """Whether what fails at that line, counted from 1, is no assertion about any value."""
    for node in ast.walk(parse_module(text)):
        if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or line):
            return not any(isinstance(part, ast.Name) for part in ast.walk(node.test))
    return True
