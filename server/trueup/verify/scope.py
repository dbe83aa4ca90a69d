"""A candidate stays where the goal is, and away from files that execute or configure."""

from __future__ import annotations

import ast
import bisect
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Final

from trueup.guards import permission
from trueup.guards.permission import Permission
from trueup.lines import line_starts
from trueup.parsing import parse_module
from trueup.snapshot import Edit, Snapshot, Span
from trueup.suggestion import Evidence, Outcome, Recipe
from trueup.symbols import Outline
from trueup.verify.renames import WithoutImports
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "scope"

_DEFINING: Final = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)

WHOLE_WORKSPACE: Final = frozenset({Recipe.PATCH, Recipe.RENAME, Recipe.MOVE, Recipe.INLINE})
WHOLE_FILE: Final = frozenset(
    {Recipe.RUFF_RULE, Recipe.RUFF_SAFE, Recipe.RUFF_UNSAFE, Recipe.EXTRACT_FUNCTION}
)


async def stays_within_the_goal(trial: Trial) -> Evidence:
    """Every edit lies in the workspace, in a file that may be edited, where the goal points."""
    goal = trial.goal
    if all(_text(trial.before, path) == _text(trial.after, path) for path in trial.candidate.paths):
        return failed(CHECK, "changes nothing")
    for path in trial.candidate.paths:
        if problem := _problem(trial, path):
            return failed(CHECK, f"edits {path}{problem}", path)
    within = _within_symbols(trial) if goal.recipe not in WHOLE_WORKSPACE | WHOLE_FILE else None
    if within is not None and within.outcome is not Outcome.PASSED:
        return within
    if goal.recipe is not Recipe.PATCH and permission.by_name(goal.path) == permission.JUDGES:
        # The user pointed at it, so the user decides.
        return unknown(CHECK, f"edits {goal.path}, {permission.JUDGES.says}", goal.path)
    return within or passed(CHECK, f"edits {', '.join(trial.candidate.paths)} only")


def _problem(trial: Trial, path: str) -> str:
    """Why a candidate for this goal may not edit that path, to follow its name; or ""."""
    goal = trial.goal
    if refused := permission.where(trial.before.root, path):
        return f", {refused.says}"
    if goal.recipe is Recipe.PATCH:
        return ""  # It may configure: it is there already, and is only judged.
    named = permission.by_name(path)
    if named.permission is Permission.REFUSED:
        return f", {named.says}"
    if goal.recipe not in WHOLE_WORKSPACE and path not in _paths(trial):
        return f"; it was asked about {goal.path}"
    if goal.recipe in WHOLE_WORKSPACE and not path.endswith(".py"):
        return ", which is not Python"
    if named.permission is Permission.CONFIRM and path != goal.path:
        return f", {named.says}"
    return ""


def _paths(trial: Trial) -> frozenset[str]:
    """The files that may be edited."""
    if trial.plan is None:
        return frozenset({trial.goal.path})
    return frozenset(place.partition("::")[0] for place in trial.plan.changes)


def _symbols(trial: Trial, path: str) -> frozenset[str]:
    """The symbols of a file that may be edited; "" among them: all of it."""
    if trial.plan is None:
        return frozenset({trial.goal.symbol})
    places = (place.partition("::") for place in trial.plan.changes)
    return frozenset(name for planned, _, name in places if planned == path)


def _text(snapshot: Snapshot, path: str) -> str | None:
    document = snapshot.get(path)
    return document.text if document is not None else None


def _within_symbols(trial: Trial) -> Evidence | None:
    """Whether the edits of each file stay within what may be edited of it; None: they may be
    anywhere in it.
    """
    said: list[str] = []
    for path in trial.candidate.paths:
        names = _symbols(trial, path)
        if "" in names:
            continue
        if (outside := _outside(trial, path, names)) is not None:
            return outside
        said += sorted(names)
    return passed(CHECK, f"edits {', '.join(said)} and imports only") if said else None


def _outside(trial: Trial, path: str, names: frozenset[str]) -> Evidence | None:
    """What the candidate edits in `path` beside these symbols and the imports, if anything."""
    said = ", ".join(sorted(names))
    base = trial.before.get(path)
    if base is None:
        return failed(CHECK, f"{path} is not there", path)
    outline = Outline(base.text)
    spans = [symbol.span for symbol in outline if symbol.qualified in names]
    for edit in trial.candidate.edits:
        if edit.path != path:
            continue
        if any(_grown(span, base.text).contains(edit.span) for span in spans):
            continue
        if _only_imports(base.text, edit) and outline.enclosing(edit.span) is None:
            continue
        line = base.line_at(edit.span.start) + 1
        return failed(CHECK, f"edits line {line}, outside {said} and the imports", path, line)
    after = trial.after.get(path)
    if after is not None and (line := _stray(base.text, after.text)):
        return failed(
            CHECK, f"puts code that runs on import into line {line}, outside {said}", path, line
        )
    return None


def _stray(before: str, after: str) -> int:
    """The line of a new statement of the module that neither defines nor imports; 0 for none."""
    try:
        old, new = parse_module(before), parse_module(after)
    except (SyntaxError, ValueError, RecursionError):
        return 0  # For the next check to say.
    for tree in (old, new):
        WithoutImports().visit(tree)
    known = Counter(ast.dump(node) for node in old.body)
    for node in new.body:
        if isinstance(node, _DEFINING):
            continue
        key = ast.dump(node)
        if not known[key]:
            return node.lineno
        known[key] -= 1
    return 0


def _grown(span: Span, text: str) -> Span:
    """A symbol with its indentation and the line end behind it, which a replacement may carry."""
    start, end = span.start, span.end
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    while end < len(text) and text[end] in " \t\r\n":
        end += 1
    return Span(start, end)


def _only_imports(text: str, edit: Edit) -> bool:
    """Whether the edit touches nothing but whole import statements and blank lines."""
    lines = line_starts(text)
    first = bisect.bisect_right(lines, edit.span.start) - 1
    last = max(first, bisect.bisect_left(lines, edit.span.end) - 1)
    for top, bottom in _imports(text):
        if top <= last and first <= bottom:
            first, last = min(first, top), max(last, bottom)
    start, end = lines[first], lines[last + 1] if last + 1 < len(lines) else len(text)
    if edit.span.start == edit.span.end == start:
        end = start  # New lines above: what stands below is not touched.
    old = text[start:end]
    new = text[start : edit.span.start] + edit.replacement + text[edit.span.end : end]
    return _is_imports(old) and _is_imports(new)


def _imports(text: str) -> Iterator[tuple[int, int]]:
    """First and last line, 0-based, of every import statement."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node.lineno - 1, (node.end_lineno or node.lineno) - 1


def _is_imports(part: str) -> bool:
    if "#" in part and any(line.lstrip().startswith("#") for line in part.splitlines()):
        return False
    try:
        body = parse_module(textwrap.dedent(part)).body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in body)
