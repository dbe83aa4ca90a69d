"""The result still parses, with libcst and with the project's Python, and fits its encoding.

The grammar of a Python older than ours is Ruff's to know. Code that only a newer one than ours can
read is not judged.
"""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Final

import libcst

from trueup import InputError, linting, workspace
from trueup.snapshot import Document
from trueup.suggestion import Diagnostic, Evidence
from trueup.verify import grammar
from trueup.verify.trees import TEXTS_MAX, concrete_tree_of, tree_of
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "syntax"


async def parses(trial: Trial) -> Evidence:
    """Every edited Python file parses. A file that did not parse before cannot be compared."""
    for path in trial.candidate.paths:
        after, before = trial.after.get(path), trial.before.get(path)
        if after is None or not path.endswith(".py"):
            continue
        try:
            after.to_bytes()
        except UnicodeEncodeError as problem:
            character = problem.object[problem.start]
            return failed(
                CHECK, f"{path} is {problem.encoding} and cannot hold {character!r}", path
            )
        if problem_read := _read_otherwise(before, after):
            return failed(CHECK, problem_read, path)
        if problem_after := _problem(after.text):
            message, line = problem_after
            if before is not None and _problem(before.text) and _too_new(trial, after.text):
                return unknown(CHECK, f"{path} needs a newer Python than Trueup runs on", path)
            return failed(CHECK, f"{path} does not parse: {message}", path, line)
        if before is not None and (problem_before := _problem(before.text)):
            message, line = problem_before
            return unknown(CHECK, f"{path} did not parse before: {message}", path, line)
        if newer := await _newer_grammar(trial, before, after):
            return newer
    return passed(CHECK, "every edited file parses")


def _too_new(trial: Trial, text: str) -> bool:
    """Whether this is Python, though not for ours."""
    version = grammar.oldest(trial.after.root, trial.interpreter)
    if version is None or version <= sys.version_info[:2]:
        return False
    try:
        libcst.parse_module(text)
    except (libcst.ParserSyntaxError, ValueError, RecursionError):
        return False
    return True


async def _newer_grammar(trial: Trial, before: Document | None, after: Document) -> Evidence | None:
    """What the change writes that the project's oldest Python cannot read."""
    version = grammar.oldest(trial.after.root, trial.interpreter)
    if version is None or version >= sys.version_info[:2] or trial.only_text:
        return None
    new = await _unreadable(trial, after, version)
    old = await _unreadable(trial, before, version) if new and before is not None else []
    for item in new:
        if item.message not in {known.message for known in old}:
            line = after.line_at(item.span.start) + 1
            return failed(CHECK, item.message, after.path, line)
    return None


async def _unreadable(
    trial: Trial, document: Document, version: grammar.Version
) -> list[Diagnostic]:
    # Syntax is reported whichever rules are asked for.
    answer = await linting.diagnostics(
        trial.after.root, document, only=("F821",), target=f"py{version[0]}{max(version[1], 7)}"
    )
    if isinstance(answer, linting.LintFailure):
        return []
    found = [item.diagnostic for item in answer]
    return [item for item in found if item.code == linting.SYNTAX_ERROR]


def _read_otherwise(before: Document | None, after: Document) -> str:
    """Whether Python would read the result's bytes as other text than was judged: a coding line."""
    declared = _declared(after)
    if declared == after.encoding or (before is not None and _declared(before) == declared):
        return ""
    return f"{after.path} is {after.encoding} and would be read as {declared or 'no encoding'}"


def _declared(document: Document) -> str:
    try:
        return workspace.encoding_of(document.to_bytes())
    except (InputError, UnicodeEncodeError):
        return ""


@functools.lru_cache(maxsize=TEXTS_MAX)
def _problem(text: str) -> tuple[str, int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Compiles, because `return` outside of a function parses. Nothing is executed.
            compile(tree_of(text), "<text>", "exec", dont_inherit=True)
        concrete_tree_of(text)
    except SyntaxError as problem:
        return problem.msg, problem.lineno or 1
    except libcst.ParserSyntaxError as problem:
        return problem.message.splitlines()[0], problem.editor_line
    except (ValueError, RecursionError) as problem:
        return str(problem), 1
    return None
