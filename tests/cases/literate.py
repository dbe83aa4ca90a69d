"""Reads the cases of this folder: Markdown in which a case is a title, prose and fenced blocks.

Knows the notation and nothing of the gate. A block's first line says what it holds:

    python path=src/x.py        a file of the workspace; `$0…$0` is the selection
    python after=src/x.py       that file as the candidate leaves it
    goal                        `key: value` lines
    tests                       `key: value` lines: what a run of the tests would say
    verdict                     what the gate concludes; `pytest --update-cases` rewrites it
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trueup.snapshot import Span

CURSOR: Final = "$0"
SHAPES: Final = ("goal", "tests", "verdict")
_FENCE: Final = re.compile(r"^(`{3,})(.*)$")
_FIELD: Final = re.compile(r"^(.+?):(?: (.*))?$")


class CaseError(Exception):
    """A case that cannot be read: the file, the line and one sentence."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its words after the fence, its text, and the 1-based line of its fence."""

    words: tuple[str, ...]
    text: str
    line: int

    def attribute(self, name: str) -> str:
        start = f"{name}="
        return next((word.removeprefix(start) for word in self.words if word.startswith(start)), "")


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


@dataclass
class Draft:
    """The title of a case, the line of it, and its blocks, whatever they hold."""

    title: str
    line: int
    blocks: list[Block] = field(default_factory=list)


def cases_in(file: Path) -> tuple[Case, ...]:
    """Every case of a file. Raises CaseError."""
    found: dict[str, Case] = {}
    for draft in _drafts(file, file.read_text("utf-8")):
        if draft.title in found:
            raise _error(file, draft.line, f"there are two cases called {draft.title!r}")
        found[draft.title] = _case(file, draft)
    if not found:
        raise _error(file, 1, "there is no case: a case begins with `## title`")
    return tuple(found.values())


def drafts_in(file: Path) -> tuple[Draft, ...]:
    """The cases of a file as blocks, for who gives them another meaning. Raises CaseError."""
    return tuple(_drafts(file, file.read_text("utf-8")))


def with_verdict(case: Case, lines: tuple[str, ...]) -> str:
    """The text of the case's file, read again, with `lines` in its verdict block."""
    now = next(item for item in cases_in(case.file) if item.title == case.title)
    return with_block(case.file, now.verdict, lines)


def with_block(file: Path, block: Block, lines: tuple[str, ...]) -> str:
    """The text of a file with `lines` in a block, which was read from it as it is now."""
    text = file.read_text("utf-8").splitlines()
    text[block.line : block.line + len(block.text.splitlines())] = lines
    return "\n".join(text) + "\n"


def _error(file: Path, line: int, sentence: str) -> CaseError:
    return CaseError(f"{file.name}:{line}: {sentence}")


def _drafts(file: Path, text: str) -> Iterator[Draft]:
    draft: Draft | None = None
    fence, opened, words, body = "", 0, "", [""]
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if fence:
            if match and match[1] == fence and not match[2].strip():
                if draft is None:
                    raise _error(file, opened, "a block stands before the first `## title`")
                content = "".join(f"{item}\n" for item in body)
                draft.blocks.append(Block(tuple(words.split()), content, opened))
                fence = ""
            else:
                body.append(line)
        elif match:
            fence, words, opened, body = match[1], match[2], number, []
        elif line.startswith("## "):
            if draft is not None:
                yield draft
            draft = Draft(line[3:].strip(), number)
    if fence:
        raise _error(file, opened, "the block is not closed")
    if draft is not None:
        yield draft


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
            _once(file, block.line, before, path)
            before[path] = block.text.replace(CURSOR, "")
            encodings[path] = block.attribute("encoding") or "utf-8"
            if CURSOR in block.text:
                if selected:
                    raise _error(file, block.line, f"`{CURSOR}` is in {selected} already")
                selected, span = path, _selection(file, block)
        elif result:
            _once(file, block.line, after, result)
            after[result] = block.text
        elif shape in SHAPES:
            _once(file, block.line, parts, shape)
            parts[shape] = block
        else:
            raise _error(
                file, block.line, f"`{shape}` is no block of a case: path=, after=, goal, tests"
                " or verdict"
            )  # fmt: skip
    for shape in ("goal", "verdict"):
        if shape not in parts:
            raise _error(file, draft.line, f"{draft.title!r} has no `{shape}` block")
    if not before and not after:
        raise _error(file, draft.line, f"{draft.title!r} has no file")
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
        goal=_fields(file, parts["goal"]),
        tests=_fields(file, tests) if tests else {},
        verdict=parts["verdict"],
    )


def _once(file: Path, line: int, known: Mapping[str, object], name: str) -> None:
    if name in known:
        raise _error(file, line, f"{name} is given twice")


def _selection(file: Path, block: Block) -> Span:
    pieces = block.text.split(CURSOR)
    if len(pieces) > 3:
        raise _error(file, block.line, f"`{CURSOR}` stands more than twice")
    start = len(pieces[0])
    return Span(start, start + (len(pieces[1]) if len(pieces) == 3 else 0))


def _fields(file: Path, block: Block) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        match = _FIELD.match(line)
        if match is None:
            raise _error(file, number, f"not a `key: value` line: {line!r}")
        _once(file, number, found, match[1])
        found[match[1]] = (match[2] or "").strip()
    return found
