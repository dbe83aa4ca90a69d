"""Ruff's findings and fixes on a text that need not be saved.

Knows how to ask the bundled Ruff and how to read its answer. Ruff reads the project's
configuration, which is data; nothing of the project is executed, and nothing is written: the text
goes in on stdin.

Ruff counts lines and columns from 1, and columns in code points, as Python does; a byte order mark
is not counted.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, cast

from trueup.snapshot import Document, Edit, Span
from trueup.suggestion import Diagnostic

RUFF_SECONDS: Final = 20.0
"""Wall time of one run of Ruff."""

SOURCE: Final = "Ruff"
SYNTAX_ERROR: Final = "invalid-syntax"
"""The code of a finding that no rule made."""

Applicability = Literal["safe", "unsafe", "display"]

_FOUND_OR_NOT: Final = (0, 1)
_UNKNOWN_RULE: Final = re.compile(r"Unknown rule selector `(\S+)` in `extend-select` from the CLI")


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic; `fix` is empty where Ruff has none.

    `safe` keeps behaviour in Ruff's own judgement, `unsafe` may not, `display` may even be wrong.
    """

    diagnostic: Diagnostic
    fix: tuple[Edit, ...] = ()
    applicability: Applicability = "display"
    fix_message: str = ""


@dataclass(frozen=True, slots=True)
class LintFailure:
    """Why Ruff has no answer, in one sentence for the user."""

    sentence: str


async def diagnostics(
    root: str,
    document: Document,
    *,
    select: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    target: str = "",
) -> tuple[Finding, ...] | LintFailure:
    """What Ruff says about `document` under the project's own configuration.

    `select` adds rules to those that the project selects (Ruff's defaults where it does not say);
    `only` asks for these alone. `target` is the Python to read it as (`py38`), where that is not
    for Ruff to find out.
    """
    arguments = ["--output-format=json", "--no-fix"]
    if select:
        arguments.append(f"--extend-select={','.join(select)}")
    if target:
        arguments.append(f"--target-version={target}")
    if only:
        arguments.append(f"--select={','.join(only)}")
    answer = await _run(root, document, arguments)
    if isinstance(answer, LintFailure):
        return answer
    try:
        rows = cast("list[Mapping[str, object]]", json.loads(answer or "[]"))
        return tuple(_finding(document, row) for row in rows)
    except (ValueError, KeyError, TypeError):
        return LintFailure("Ruff answered in a form that Trueup does not know")


async def fixed(root: str, document: Document, *, unsafe: bool = False) -> str | LintFailure:
    """The text after all fixes that Ruff calls safe, or after the unsafe ones too."""
    arguments = ["--fix-only", "--unsafe-fixes" if unsafe else "--no-unsafe-fixes"]
    return await _run(root, document, arguments)


async def formatted(root: str, document: Document) -> str | LintFailure:
    """The text as Ruff's formatter writes it under the project's configuration."""
    return await _run(root, document, (), command="format")


@functools.cache
def _binary() -> str:
    # The package has one function and no types.
    return cast("str", importlib.import_module("ruff").find_ruff_bin())


def _environment() -> dict[str, str]:
    """Ours without RUFF_*, one of which names a file that Ruff would write."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RUFF_")}


async def _run(
    root: str, document: Document, arguments: Sequence[str], command: str = "check"
) -> str | LintFailure:
    """Ruff's standard output for `document` on its standard input."""
    try:
        # Always UTF-8: a file in another encoding is text here, and Ruff reads nothing else.
        raw = document.text.encode()
        process = await asyncio.create_subprocess_exec(
            _binary(),
            command,
            "--no-cache",
            "--quiet",
            *arguments,
            f"--stdin-filename={document.path}",
            "-",
            cwd=root,
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except UnicodeEncodeError:
        return LintFailure(f"{document.path} holds characters that no file can hold")
    except OSError as problem:
        return LintFailure(f"Ruff cannot be started: {problem.strerror or problem}")
    try:
        async with asyncio.timeout(RUFF_SECONDS):
            output, complaint = await process.communicate(raw)
    except TimeoutError:
        return LintFailure(f"Ruff did not finish within {RUFF_SECONDS:g} s")
    finally:
        # Also on cancellation: no process outlives the request that started it.
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in _FOUND_OR_NOT:
        return LintFailure(_sentence(root, complaint.decode(errors="replace")))
    return output.decode()


def _sentence(root: str, complaint: str) -> str:
    """Ruff's complaint without its frame and without the machine's paths."""
    unknown = _UNKNOWN_RULE.search(complaint)
    if unknown:
        return f"Ruff has no rule {unknown.group(1)}"
    lines = [
        line.strip().removeprefix("Cause: ")
        for line in complaint.replace(str(Path(root).resolve()) + os.sep, "").splitlines()
        if line.strip() and not line.strip().startswith(("|", "For more information"))
    ]
    said = [line for line in lines if line != "ruff failed" and "|" not in line.split(" ")[0:2]]
    if not said:
        return "Ruff failed and did not say why"
    told = said[-3:] if len(said) > 2 else said
    return f"Ruff cannot run here: {'; '.join(told)}"


def _finding(document: Document, row: Mapping[str, object]) -> Finding:
    span = _span(document, row)
    code = str(row["code"] or "")
    diagnostic = Diagnostic(document.path, span, str(row["message"]), SOURCE, code)
    fix = cast("Mapping[str, object] | None", row["fix"])
    if fix is None:
        return Finding(diagnostic)
    edits: list[Edit] = []
    for part in cast("list[Mapping[str, object]]", fix["edits"]):
        edit = Edit(document.path, _span(document, part), str(part["content"] or ""))
        if edits and edits[-1].span == edit.span:
            # Two insertions at one place, in this order.
            edit = replace(edit, replacement=edits.pop().replacement + edit.replacement)
        edits.append(edit)
    # Ruff writes "displayonly" here and "display-only" elsewhere.
    said = str(fix["applicability"])
    applicability = cast("Applicability", "display" if said.startswith("display") else said)
    return Finding(diagnostic, tuple(edits), applicability, str(fix["message"] or ""))


def _span(document: Document, row: Mapping[str, object]) -> Span:
    start = _offset(document, cast("Mapping[str, int]", row["location"]))
    return Span(
        start, max(start, _offset(document, cast("Mapping[str, int]", row["end_location"])))
    )


def _offset(document: Document, place: Mapping[str, int]) -> int:
    return document.offset(place["row"] - 1, place["column"] - 1)
