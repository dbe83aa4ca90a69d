"""A candidate stays where the goal is, and away from files that execute or configure."""

from __future__ import annotations

import ast
import bisect
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import workspace
from trueup.parsing import parse_module
from trueup.snapshot import Edit, Snapshot, Span, line_starts
from trueup.suggestion import Evidence, Recipe
from trueup.symbols import Outline
from trueup.verify.renames import WithoutImports
from trueup.verify.trial import Trial, failed, passed

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
FORBIDDEN_FOLDERS: Final = frozenset(
    {".claude", ".cursor", ".devcontainer", ".git", ".github", ".idea", ".vscode"}
)
FORBIDDEN_FILES: Final = frozenset(
    {
        ".env",
        ".envrc",
        ".gitlab-ci.yml",
        ".mcp.json",
        ".pre-commit-config.yaml",
        "agents.md",
        "claude.md",
        "conftest.py",
        "makefile",
        "noxfile.py",
        "pyproject.toml",
        "pytest.ini",
        "setup.cfg",
        "setup.py",
        "sitecustomize.py",
        "tox.ini",
        "usercustomize.py",
    }
)


async def stays_within_the_goal(trial: Trial) -> Evidence:
    """Every edit lies in the workspace, in a file that may be edited, where the goal points."""
    goal = trial.goal
    if all(_text(trial.before, path) == _text(trial.after, path) for path in trial.candidate.paths):
        return failed(CHECK, "changes nothing")
    for path in trial.candidate.paths:
        if problem := _forbidden(trial.before.root, path, own_patch=goal.recipe is Recipe.PATCH):
            return failed(CHECK, f"edits {path}, {problem}", path)
        if goal.recipe not in WHOLE_WORKSPACE and path not in _paths(trial):
            return failed(CHECK, f"edits {path}; it was asked about {goal.path}", path)
        if goal.recipe in WHOLE_WORKSPACE - {Recipe.PATCH} and not path.endswith(".py"):
            return failed(CHECK, f"edits {path}, which is not Python", path)
    if goal.recipe not in WHOLE_WORKSPACE | WHOLE_FILE:
        for path in trial.candidate.paths:
            names = _symbols(trial, path)
            if "" not in names and (outside := _outside(trial, path, names)):
                return outside
        if goal.symbol or trial.plan is not None:
            places = ", ".join(
                ", ".join(sorted(names)) if "" not in (names := _symbols(trial, path)) else path
                for path in trial.candidate.paths
            )
            return passed(CHECK, f"edits {places} and imports only")
    return passed(CHECK, f"edits {', '.join(trial.candidate.paths)} only")


def _text(snapshot: Snapshot, path: str) -> str | None:
    document = snapshot.get(path)
    return document.text if document is not None else None


def _forbidden(root: str, path: str, *, own_patch: bool) -> str:
    """Why this path may not be edited, "" where it may. A user's own patch may configure."""
    parts = PurePosixPath(path.casefold()).parts
    if path.startswith("/") or ".." in parts or workspace.relative(root, Path(root, path)) is None:
        return "which lies outside the workspace"
    target = Path(root, path)
    if target.is_symlink() or (target.exists() and target.stat().st_nlink > 1):
        return "which is a link"
    if ".git" in parts:
        return "which belongs to git"
    if own_patch:
        return ""
    if FORBIDDEN_FOLDERS & set(parts) or parts[-1] in FORBIDDEN_FILES or path.endswith(".pth"):
        return "which executes or configures"
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
