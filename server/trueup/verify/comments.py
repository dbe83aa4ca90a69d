"""Comments and docstrings survive.

A comment may go with the statement that carried it, when that statement itself is gone. A comment
on a line of its own stays, and so does every docstring unless the goal is about it.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from typing import Final

from trueup.snapshot import Document
from trueup.suggestion import Evidence, Recipe, SurfaceKind
from trueup.symbols import Outline
from trueup.verify.trees import comments_of, tree_of
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "comments"

NOQA: Final = re.compile(r"#\s*noqa\b(?:[\s:,]+[A-Z]+\d+)*\s*", re.IGNORECASE)
RUFF: Final = "ruff"
"""The proposer that takes away what suppresses nothing; had it done so, the linters would say."""


async def keeps_comments(trial: Trial) -> Evidence:
    """No comment or docstring is lost."""
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if old is None or new is None or not path.endswith(".py"):
            continue
        try:
            own = trial.candidate.proposer == RUFF
            before = tuple(_comments(old.text, without_noqa=own))
            after = tuple(_comments(new.text, without_noqa=own))
            docs_before, docs_after = dict(_docstrings(old.text)), dict(_docstrings(new.text))
        except (tokenize.TokenError, SyntaxError, ValueError) as problem:
            return unknown(CHECK, f"{path} cannot be read: {problem}", path)
        if finding := _lost_comment(before, after, new):
            return failed(CHECK, f"the comment {finding[0]!r} is lost", path, finding[1])
        declared = trial.goal.surface.kind is SurfaceKind.DOCSTRING
        if not declared and trial.goal.recipe is not Recipe.PATCH:
            for name in docs_before.keys() & _defined(new.text):
                if docs_before[name] != docs_after.get(name):
                    what = "changed" if name in docs_after else "is lost"
                    return failed(CHECK, f"the docstring of {name or path} {what}", path)
    return passed(CHECK, "comments and docstrings are kept")


def _comments(text: str, *, without_noqa: bool) -> Iterator[tuple[str, int, str]]:
    """Each comment, its 1-based line, and the code before it on that line ("" for none)."""
    for comment in comments_of(text):
        said = NOQA.sub("", comment.text).strip() if without_noqa else comment.text
        if said:
            yield said, comment.line, comment.code


def _lost_comment(
    before: tuple[tuple[str, int, str], ...], after: tuple[tuple[str, int, str], ...], new: Document
) -> tuple[str, int] | None:
    left = Counter(text for text, _, _ in after)
    spans = (new.line_span(line) for line in range(new.line_count))
    code_after = {new.text[span.start : span.end].strip() for span in spans}
    code_after |= {code for _, _, code in after}
    # A suppression that is written otherwise is for `tamper` to compare.
    silenced = {code for text, _, code in after if NOQA.search(text)}
    for text, line, code in before:
        if left[text]:
            left[text] -= 1
        elif NOQA.fullmatch(text) and code in silenced:
            continue
        elif not code or code in code_after:
            return text, line
    return None


def _docstrings(text: str) -> Iterator[tuple[str, str]]:
    """Docstrings by the qualified name of what they describe ("" for the module)."""
    stack: list[tuple[str, ast.AST]] = [("", tree_of(text))]
    while stack:
        name, node = stack.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node)
            if documented is not None:
                yield name, documented
        for child in ast.iter_child_nodes(node):
            own = getattr(child, "name", None) if isinstance(child, ast.stmt) else None
            stack.append((f"{name}.{own}".lstrip(".") if own else name, child))


def _defined(text: str) -> set[str]:
    """The names under which `_docstrings` could find one."""
    return {"", *(symbol.qualified for symbol in Outline(text))}
