"""Nobody left a note, or an empty body, where code has to be."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from typing import Final

from trueup.suggestion import Evidence
from trueup.verify.comments import RUFF
from trueup.verify.trees import comments_of, tree_of
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "laziness"

NOTE: Final = re.compile(
    r"#\s*(\.{3}|…)"
    r"|#.*\b(existing|remaining|rest of( the)?|same as (before|above)|unchanged|omitted)\b.*"
    r"(code|unchanged|here|implementation|for brevity|\.\.\.|…)"
    r"|#\s*(todo|fixme|xxx)\b.{0,12}\b(implement|fill|write|complete|add (the )?(logic|code))"
    r"|#.*\b(your|actual|real|implementation|logic|code) (code|implementation|logic|goes)\b"
    r".*\bhere\b"
    r"|#\s*(implement|placeholder)\b.*\b(here|later|this)\b",
    re.IGNORECASE,
)


async def leaves_nothing_out(trial: Trial) -> Evidence:
    """No new note stands for code, and no body that did something is a placeholder now."""
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if new is None or not path.endswith(".py"):
            continue
        before = old.text if old is not None else ""
        try:
            known = Counter(text for text, _ in _notes(before))
            for text, line in _notes(new.text):
                if not known[text]:
                    return failed(CHECK, f"a note stands for code: {text}", path, line)
            # What Ruff leaves empty did nothing: an unused variable was all that was there.
            own = trial.candidate.proposer == RUFF
            did = {name for name, _, empty in _functions(before) if not empty and not own}
            functions = tuple(_functions(new.text))
            # Of several definitions, as overloads are, one has to do it.
            do = {name for name, _, empty in functions if not empty}
            for name, line, empty in functions:
                if empty and name in did - do:
                    return failed(CHECK, f"{name} did something and is a placeholder", path, line)
        except (tokenize.TokenError, SyntaxError, ValueError, RecursionError) as problem:
            return unknown(CHECK, f"{path} cannot be read: {problem}", path)
    return passed(CHECK, "no code is left out")


def _notes(text: str) -> Iterator[tuple[str, int]]:
    for comment in comments_of(text):
        if NOTE.search(comment.text):
            yield comment.text, comment.line


def _functions(text: str) -> Iterator[tuple[str, int, bool]]:
    """Qualified name, line, and whether the body is a placeholder."""
    stack: list[tuple[str, ast.AST]] = [("", tree_of(text))]
    while stack:
        prefix, node = stack.pop()
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    yield f"{prefix}{name}", child.lineno, all(map(_is_nothing, child.body))
                    stack.append((f"{prefix}{name}.", child))
                case ast.ClassDef(name=name):
                    stack.append((f"{prefix}{name}.", child))
                case _:
                    stack.append((prefix, child))


def _is_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False
