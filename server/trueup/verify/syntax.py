"""The result still parses, with libcst and with Python, and fits the file's encoding."""

from __future__ import annotations

import warnings
from typing import Final

import libcst

from trueup import InputError, workspace
from trueup.snapshot import Document
from trueup.suggestion import Evidence
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
            return failed(CHECK, f"{path} does not parse: {message}", path, line)
        if before is not None and (problem_before := _problem(before.text)):
            message, line = problem_before
            return unknown(CHECK, f"{path} did not parse before: {message}", path, line)
    return passed(CHECK, "every edited file parses")


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


def _problem(text: str) -> tuple[str, int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Compiles, because `return` outside of a function parses. Nothing is executed.
            compile(text, "<text>", "exec", dont_inherit=True)
        libcst.parse_module(text)
    except SyntaxError as problem:
        return problem.msg, problem.lineno or 1
    except libcst.ParserSyntaxError as problem:
        return problem.message.splitlines()[0], problem.editor_line
    except (ValueError, RecursionError) as problem:
        return str(problem), 1
    return None
