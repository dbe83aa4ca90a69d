"""Reads the cases of this folder: Markdown in which a case is a title, prose and fenced blocks.

Knows the notation and nothing of the gate. A block's first line says what it holds:

    python path=src/x.py        a file of the workspace; `$0…$0` is the selection
    python after=src/x.py       that file as the candidate leaves it
    goal                        `key: value` lines
    tests                       `key: value` lines: what a run of the tests would say
    verdict                     what the gate concludes; `pytest --update-cases` rewrites it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup.literate import (
    CURSOR,
    Block,
    CaseError,
    Draft,
    drafts_in,
    error,
    fields,
    once,
    selection,
)
from trueup.snapshot import Span

__all__ = [
    "Block",
    "Case",
    "CaseError",
    "Draft",
    "cases_in",
    "drafts_in",
    "with_block",
    "with_verdict",
]

SHAPES: Final = ("goal", "tests", "verdict")


@dataclass(frozen=True)
class Case:
    """One case. `fields` of `goal` and `tests` keep the order in which they are written."""

    file: Path
    title: str
    line: int
    before: Mapping[str, str]
    after: Mapping[str, str]
    encodings: Mapping[str, str]
    selected: str
    span: Span
    goal: Mapping[str, str]
    tests: Mapping[str, str]
    verdict: Block

    @property
    def name(self) -> str:
        return f"{self.file.stem}: {self.title}"


def cases_in(file: Path) -> tuple[Case, ...]:
    """Every case of a file. Raises CaseError."""
    found: dict[str, Case] = {}
    for draft in drafts_in(file):
        if draft.title in found:
            raise error(file, draft.line, f"there are two cases called {draft.title!r}")
        found[draft.title] = _case(file, draft)
    if not found:
        raise error(file, 1, "there is no case: a case begins with `## title`")
    return tuple(found.values())


def with_verdict(case: Case, lines: tuple[str, ...]) -> str:
    """The text of the case's file, read again, with `lines` in its verdict block."""
    now = next(item for item in cases_in(case.file) if item.title == case.title)
    return with_block(case.file, now.verdict, lines)


def with_block(file: Path, block: Block, lines: tuple[str, ...]) -> str:
    """The text of a file with `lines` in a block, which was read from it as it is now."""
    text = file.read_text("utf-8").splitlines()
    text[block.line : block.line + len(block.text.splitlines())] = lines
    return "\n".join(text) + "\n"


def _case(file: Path, draft: Draft) -> Case:
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    encodings: dict[str, str] = {}
    parts: dict[str, Block] = {}
    selected, span = "", Span(0, 0)
    for block in draft.blocks:
        path, result = block.attribute("path"), block.attribute("after")
        shape = block.words[0] if block.words else ""
        if path:
            once(file, block.line, before, path)
            before[path] = block.text.replace(CURSOR, "")
            encodings[path] = block.attribute("encoding") or "utf-8"
            if CURSOR in block.text:
                if selected:
                    raise error(file, block.line, f"`{CURSOR}` is in {selected} already")
                selected, span = path, selection(file, block)
        elif result:
            once(file, block.line, after, result)
            after[result] = block.text
        elif shape in SHAPES:
            once(file, block.line, parts, shape)
            parts[shape] = block
        else:
            raise error(
                file, block.line, f"`{shape}` is no block of a case: path=, after=, goal, tests"
                " or verdict"
            )  # fmt: skip
    for shape in ("goal", "verdict"):
        if shape not in parts:
            raise error(file, draft.line, f"{draft.title!r} has no `{shape}` block")
    if not before and not after:
        raise error(file, draft.line, f"{draft.title!r} has no file")
    tests = parts.get("tests")
    return Case(
        file=file,
        title=draft.title,
        line=draft.line,
        before=before,
        after=after,
        encodings=encodings,
        selected=selected or next(iter((*after, *before))),
        span=span,
        goal=fields(file, parts["goal"]),
        tests=fields(file, tests) if tests else {},
        verdict=parts["verdict"],
    )
