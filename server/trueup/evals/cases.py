"""A case of an evaluation: a workspace, a goal, what the model said, and what must come of it.

    origin: where the case is from                 a line of the prose, one in each case
    python path=src/x.py        a file of the workspace; `$0…$0` is the selection
    goal                        `key: value` lines: kind, recipe, path, symbol, instruction, …
    reply                       what the model answered, as it was; the next one is the next answer
    reply refusal               how an answer ended if not well: refusal, max_tokens
    reply again                 the answer before once more
    python edit=x.py symbol=f   an answer that replaces that symbol; with the word `too`, one more
                                edit of the answer before
    expect                      the outcome; then lines that must be found in the evidence, such as
                                `names failed there is no module x`, or `calls 2`, `answer applied`
    diff                        for the reader alone

Knows the notation, how it is read and how it is written; nothing of how a case is run.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trueup.literate import CURSOR, Block, CaseError, Draft, drafts_in, error, fields, selection
from trueup.snapshot import Span
from trueup.suggestion import (
    Diagnostic,
    Goal,
    GoalKind,
    Recipe,
    Surface,
    SurfaceKind,
)

GOAL_KEYS: Final = frozenset(
    {"kind", "recipe", "path", "symbol", "name", "surface", "diagnostic", "instruction", "red"}
)
ENDINGS: Final = frozenset({"end_turn", "refusal", "max_tokens"})
_ORIGIN: Final = re.compile(r"^origin: (\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model: its text, and the reason why it stopped."""

    text: str
    stop_reason: str = "end_turn"


@dataclass(frozen=True, slots=True)
class EvalCase:
    """`expected` is the outcome, or the name of a failure; `seen` are lines of the evidence."""

    file: Path
    title: str
    origin: str
    files: Mapping[str, str]
    goal: Goal
    replies: tuple[Reply, ...]
    expected: str
    seen: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.file.stem}: {self.title}"


def cases_in(file: Path) -> tuple[EvalCase, ...]:
    """Every case of a file. Raises CaseError with the file, the line and one sentence."""
    try:
        drafts = drafts_in(file)
        origins = _origins(file, [draft.line for draft in drafts])
    except (OSError, UnicodeDecodeError) as problem:
        raise CaseError(f"{file.name} cannot be read: {problem}") from None
    found: dict[str, EvalCase] = {}
    for draft in drafts:
        if draft.title in found:
            raise error(file, draft.line, f"there are two cases called {draft.title!r}")
        if draft.line not in origins:
            raise error(file, draft.line, f"{draft.title!r} has no line `origin: …`")
        found[draft.title] = _case(file, draft, origins[draft.line])
    if not found:
        raise error(file, 1, "there is no case: a case begins with `## title`")
    return tuple(found.values())


def _origins(file: Path, titles: list[int]) -> dict[int, str]:
    """The origin of each case, by the 1-based line of its title."""
    lines = file.read_text("utf-8").splitlines()
    found = {}
    for start, end in itertools.pairwise([*titles, len(lines) + 1]):
        if match := _ORIGIN.search("\n".join(lines[start : end - 1])):
            found[start] = match[1]
    return found


@dataclass
class _Parts:
    """What the blocks of one case hold, while they are read."""

    file: Path
    files: dict[str, str] = field(default_factory=dict)
    selected: str = ""
    span: Span = field(default_factory=lambda: Span(0, 0))
    replies: list[Reply | list[dict[str, object]]] = field(default_factory=list)
    goal: Mapping[str, str] | None = None
    expected: tuple[str, ...] = ()

    def take(self, block: Block) -> None:
        shape = block.words[0] if block.words else ""
        if path := block.attribute("path"):
            self._file(block, path)
        elif path := block.attribute("edit"):
            self._edit(block, path)
        elif shape == "reply":
            self._reply(block)
        elif shape == "goal":
            self.goal = fields(self.file, block)
        elif shape == "expect":
            self.expected = tuple(line.strip() for line in block.text.splitlines() if line.strip())
        elif shape != "diff":
            raise error(
                self.file, block.line, f"`{shape}` is no block of a case: path=, edit=, goal,"
                " reply, expect or diff"
            )  # fmt: skip

    def _file(self, block: Block, path: str) -> None:
        if CURSOR in block.text:
            self.selected, self.span = path, selection(self.file, block)
        self.files[path] = block.text.replace(CURSOR, "")

    def _edit(self, block: Block, path: str) -> None:
        edit: dict[str, object] = {
            "path": path,
            "symbol": block.attribute("symbol"),
            "before": None,
            "after": block.text,
        }
        if "too" not in block.words:
            self.replies.append([edit])
        elif self.replies and isinstance(self.replies[-1], list):
            self.replies[-1].append(edit)
        else:
            raise error(self.file, block.line, "there is no edit before, to which this belongs")

    def _reply(self, block: Block) -> None:
        ending = block.words[1] if len(block.words) > 1 else "end_turn"
        if ending == "again" and self.replies:
            self.replies.append(self.replies[-1])
            return
        if ending not in ENDINGS:
            raise error(self.file, block.line, f"no answer ends with {ending!r}")
        self.replies.append(Reply(block.text.rstrip("\n"), ending))


def _case(file: Path, draft: Draft, origin: str) -> EvalCase:
    parts = _Parts(file)
    for block in draft.blocks:
        parts.take(block)
    if parts.goal is None or not parts.expected:
        missing = "goal" if parts.goal is None else "expect"
        raise error(file, draft.line, f"{draft.title!r} has no `{missing}` block")
    if not parts.files:
        raise error(file, draft.line, f"{draft.title!r} has no file")
    try:
        goal = goal_of(parts.goal, parts.selected or next(iter(parts.files)), parts.span)
    except (ValueError, KeyError) as problem:
        raise error(file, draft.line, f"{draft.title!r} has no goal: {problem}") from None
    return EvalCase(
        file, draft.title, origin, parts.files, goal,
        tuple(item if isinstance(item, Reply) else _answer(item) for item in parts.replies),
        parts.expected[0], parts.expected[1:],
    )  # fmt: skip


def _answer(edits: list[dict[str, object]]) -> Reply:
    answer = {"title": "Change the code", "explanation": "As it was asked.", "edits": edits}
    return Reply(json.dumps(answer))


def goal_of(said: Mapping[str, str], selected: str, span: Span) -> Goal:
    """The goal that `key: value` lines name. Raises ValueError, KeyError."""
    if strange := said.keys() - GOAL_KEYS:
        raise ValueError(f"a goal has no {min(strange)!r}")
    path = said.get("path", selected)
    diagnostic = None
    if words := said.get("diagnostic"):
        source, code, message = words.split(maxsplit=2)
        diagnostic = Diagnostic(path, span, message, source, code)
    return Goal(
        kind=GoalKind(said["kind"]),
        recipe=Recipe(said["recipe"]),
        path=path,
        span=span,
        symbol=said.get("symbol", ""),
        diagnostic=diagnostic,
        instruction=said.get("instruction", ""),
        name=said.get("name", ""),
        red=tuple(said.get("red", "").split()),
        surface=surface_of(said.get("surface", "keep").split()),
    )


def surface_of(words: list[str]) -> Surface:
    """Raises ValueError where no surface is written like this."""
    match words:
        case ["rename", old, new]:
            return Surface(SurfaceKind.RENAME, old=old, new=new)
        case ["move", name, old, new]:
            return Surface(SurfaceKind.MOVE, old=old, new=new, name=name)
        case ["add", new]:
            return Surface(SurfaceKind.ADD, new=new)
        case ["remove", old]:
            return Surface(SurfaceKind.REMOVE, old=old)
        case [kind]:
            return Surface(SurfaceKind(kind))
    raise ValueError(f"no surface is written like this: {' '.join(words)}")


def written(case: EvalCase, says: str = "", diff: str = "") -> str:
    """The text of a case, as `cases_in` reads it; `says` is prose below its origin."""
    parts = [f"## {case.title}", f"origin: {case.origin}", *([says] if says else [])]
    for path, text in case.files.items():
        shown = _with_selection(text, case.goal.span) if path == case.goal.path else text
        language = "python" if path.endswith(".py") else "text"
        parts.append(_block(f"{language} path={path}", shown))
    parts.append(_block("goal", "\n".join(_goal_lines(case.goal))))
    for reply in case.replies:
        ending = "" if reply.stop_reason == "end_turn" else f" {reply.stop_reason}"
        parts.append(_block(f"reply{ending}", _readable(reply.text)))
    if diff:
        parts.append(_block("diff", diff))
    parts.append(_block("expect", "\n".join((case.expected, *case.seen))))
    return "\n\n".join(parts) + "\n"


def _with_selection(text: str, span: Span) -> str:
    middle = f"{CURSOR}{text[span.start : span.end]}{CURSOR}" if span.end > span.start else CURSOR
    return text[: span.start] + middle + text[span.end :]


def _goal_lines(goal: Goal) -> list[str]:
    found = goal.diagnostic
    told = (found.source, found.code, found.message) if found else ()
    said = {
        "kind": goal.kind.value,
        "recipe": goal.recipe.value,
        "path": goal.path,
        "symbol": goal.symbol,
        "name": goal.name,
        "instruction": _line(goal.instruction),
        "red": " ".join(goal.red),
        "diagnostic": " ".join(_line(word) or "-" for word in told),
    }
    return [f"{key}: {value}" for key, value in said.items() if value]


def _line(text: str) -> str:
    return " ".join(text.split())


def _readable(reply: str) -> str:
    """JSON over several lines; anything else as it was."""
    try:
        return json.dumps(json.loads(reply), indent=1, ensure_ascii=False)
    except ValueError:
        return reply


def _block(words: str, text: str) -> str:
    """A fence that nothing in the text closes."""
    longest = max((len(run) for run in re.findall(r"^`+", text, re.MULTILINE)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{words}\n{text.rstrip(chr(10))}\n{fence}"
