"""What the model is shown: the place, and as much of what belongs to it as the token budget holds.

Text of the repository stands between delimiters that nobody can have written into it. What stays
the same from one request to the next comes first, so that an endpoint can cache it. What is taken
when there is not room for all goes by how much a wrong answer without it would cost: the place and
the diagnostic always, then the whole file or its outline, then what the project has decided, then
the code around, the nearest first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trueup.guards import ignoring
from trueup.guards.characters import stripped
from trueup.memory.hidden import one_line
from trueup.propose.delimiters import FRAME_CHARACTERS, delimited
from trueup.propose.endpoints import CHARACTERS_PER_TOKEN
from trueup.propose.hunks import lines_of, with_line_feeds
from trueup.propose.proposal import Failure, FailureKind
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Goal, Recipe
from trueup.symbols import Outline

OVERHEAD_CHARACTERS: Final = 400
"""What the frame around the texts takes: delimiters, headings, the task's fixed words."""

FILE_SHARE: Final = 0.7
"""How much of the room the whole file may take before its outline has to do."""

FILE_CHARACTERS_MAX: Final = 500_000
"""Longer files are not looked at for a model: to find the place in one takes seconds."""

MESSAGE_CHARACTERS_MAX: Final = 2_000
"""How much of a diagnostic's text is shown."""

_KEEP_TO_THEM: Final = (
    "Where the rules and decisions of this project say how code is written here, keep to them; they"
    " change nothing else of this task."
)

_TASKS: Final = {
    Recipe.FIX_DIAGNOSTIC: "Fix the diagnostic, and nothing else.",
    Recipe.RUFF_RULE: "Fix the diagnostic, and nothing else.",
    Recipe.SIMPLIFY: "Simplify the code without changing what it does.",
    Recipe.ANNOTATE: "Add type annotations, and nothing but them and the imports they need.",
    Recipe.DOCUMENT: "Write or correct the docstring. Change nothing but docstrings.",
    Recipe.EXTRACT_FUNCTION: "Extract the selected code into a function of its own.",
    Recipe.EXTRACT_VARIABLE: "Extract the selected expression into a variable.",
    Recipe.INLINE: "Inline the symbol into its uses and remove it.",
    Recipe.RENAME: "Rename the symbol everywhere.",
    Recipe.MOVE: "Move the symbol to the module named below.",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that may be shown. `place` is what a plan calls it, "" where no plan can name it."""

    heading: str
    text: str
    place: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to show beside the file, the most important of each first. `said` is what the
    project says of itself: written rules, contracts, decisions.
    """

    said: tuple[Piece, ...] = ()
    related: tuple[Piece, ...] = ()
    tests: tuple[Piece, ...] = ()
    may_change: tuple[str, ...] = ()
    """Other places that may be changed, of which the task has to tell."""


NOTHING: Final = Material()


@dataclass(frozen=True, slots=True)
class Context:
    """The user message, the paths whose text is in it, its estimated length in tokens, and the
    headings of what there was no room for.
    """

    text: str
    shown: tuple[str, ...]
    tokens: int
    crowded_out: tuple[str, ...] = ()
    stripped: int = 0
    """Characters that cannot be seen and were left out."""


def estimated_tokens(text: str, characters_per_token: float = CHARACTERS_PER_TOKEN) -> int:
    """How many tokens `text` may take; counted locally, because counting there sends it there."""
    return math.ceil(len(text) / characters_per_token)


def most_tokens(text: str) -> int:
    """For how many tokens room is made before `text` is sent: rather too many than too few.

    Two ASCII characters are at least one token of code that people write; of anything else, each
    byte may be one.
    """
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // 2) + len(text.encode("utf-8", "replace")) - plain


def is_shown_whole(document: Document, context_tokens: float) -> bool:
    """Whether the file is short enough to leave room for what belongs to it."""
    return len(document.text) <= context_tokens * CHARACTERS_PER_TOKEN * FILE_SHARE


def obstacle(goal: Goal, snapshot: Snapshot, proposer: str) -> Failure | None:
    """Why nothing can be shown of the goal's file at all; told before anything is looked for."""
    document = snapshot.get(goal.path)
    if document is None:
        return Failure(FailureKind.CANNOT, f"{goal.path} is not open and was not read", proposer)
    if why := ignoring.why_private(snapshot.root, goal.path):
        sentence = f"{goal.path} is not shown to a model: {why}"
        return Failure(FailureKind.PRIVATE, sentence, proposer)
    if len(document.text) > FILE_CHARACTERS_MAX:
        sentence = (
            f"{goal.path} is too long for a model: it has {len(document.text):,} characters,"
            f" and {FILE_CHARACTERS_MAX:,} are the most"
        )
        return Failure(FailureKind.CONTEXT_EXCEEDED, sentence, proposer)
    return None


def build(
    goal: Goal,
    snapshot: Snapshot,
    context_tokens: int,
    *,
    proposer: str = "model",
    material: Material = NOTHING,
    characters_per_token: float = CHARACTERS_PER_TOKEN,
) -> Context | Failure:
    """The user message for `goal`, at most `context_tokens` long, or why it cannot be made."""
    if (hindered := obstacle(goal, snapshot, proposer)) is not None:
        return hindered
    document = snapshot.documents[goal.path]
    task, message, red = _task(goal, document, material), _message(goal), "\n".join(goal.red)
    if material.said:
        task = f"{task}\n{_KEEP_TO_THEM}"
    room = math.floor(context_tokens * characters_per_token)
    room -= OVERHEAD_CHARACTERS + len(task) + len(message) + len(red)
    file = _of_file(goal, document, room, others=bool(material.related or material.tests))
    if file is None:
        sentence = (
            f"{goal.symbol or goal.path} is too long for a prompt of {context_tokens} tokens; "
            "select less or raise context_tokens"
        )
        return Failure(FailureKind.CONTEXT_EXCEEDED, sentence, proposer)
    room -= sum(_length(piece) for piece in file)
    crowded: list[str] = []
    said, room = _fitting(material.said, room, crowded)
    tests, room = _fitting(material.tests[:1], room, crowded)
    related, room = _fitting(material.related, room, crowded)
    more, room = _fitting(material.tests[1:], room, crowded)
    pieces = [*said, *related, *file, *tests, *more]
    if message:
        pieces.append(Piece("the diagnostic", message))
    if goal.red:
        pieces.append(Piece("the tests that fail and shall pass", red))
    marked = [delimited(_heading(piece), piece.text) for piece in pieces]
    text, unseen = stripped("\n\n".join((*marked, task)))
    shown = dict.fromkeys((goal.path, *(_path(piece.place) for piece in (*related, *tests, *more))))
    tokens = estimated_tokens(text, characters_per_token)
    return Context(text, tuple(shown), tokens, tuple(crowded), unseen)


def _path(place: str) -> str:
    return place.partition("::")[0]


def _heading(piece: Piece) -> str:
    return f"{piece.heading} ({piece.why})" if piece.why else piece.heading


def _length(piece: Piece) -> int:
    return len(piece.text) + len(_heading(piece)) + FRAME_CHARACTERS


def _fitting(
    pieces: Iterable[Piece], room: int, crowded: list[str]
) -> tuple[tuple[Piece, ...], int]:
    """Those that there is room for, in their order, and the room that is left."""
    taken = []
    for piece in pieces:
        if _length(piece) <= room:
            taken.append(piece)
            room -= _length(piece)
        else:
            crowded.append(piece.heading)
    return tuple(taken), room


def _of_file(goal: Goal, document: Document, room: int, *, others: bool) -> list[Piece] | None:
    """The whole file, else its outline and the place; None: even that is too long. Where there are
    `others` to be shown, the file leaves some room to them.
    """
    whole = with_line_feeds(document.text)
    if len(whole) <= room * (FILE_SHARE if others else 1):
        return [Piece(f"the file {document.path}, whole", whole)]
    span = _place(goal, document)
    place = with_line_feeds(document.text[span.start : span.end])
    if len(place) > room:
        return None
    outline = _skeleton(document, math.floor((room - len(place)) * (FILE_SHARE if others else 1)))
    first, last = (
        document.line_at(span.start) + 1,
        document.line_at(max(span.start, span.end - 1)) + 1,
    )
    here = Piece(f"the file {document.path}, lines {first} to {last}", place)
    if not outline:
        return [here]
    return [Piece(f"the file {document.path}, imports and signatures only", outline), here]


def _place(goal: Goal, document: Document) -> Span:
    """Whole lines of the symbol that the goal is about, or else of what is selected."""
    outline = Outline(document.text)
    named = outline.find(goal.symbol) if goal.symbol else ()
    holding = [symbol for symbol in named if symbol.span.contains(goal.span)]
    symbol = next(iter(holding or named), None) or outline.enclosing(goal.span)
    span = symbol.span if symbol else goal.span
    first, last = document.line_at(span.start), document.line_at(max(span.start, span.end - 1))
    return Span(document.line_span(first).start, document.line_span(last).end)


def _skeleton(document: Document, room: int) -> str:
    """The file without function bodies, cut to `room` characters at a line."""
    outline = Outline(document.text)
    bodies = [symbol.body for symbol in outline if symbol.kind == "function"]
    kept, position = [], 0
    for body in bodies:
        if body.start >= position:
            kept.append(document.text[position : body.start])
            kept.append("...")
            position = body.end
    kept.append(document.text[position:])
    lines, length = [], 0
    for line in lines_of(with_line_feeds("".join(kept))):
        length += len(line)
        if length > room:
            break
        lines.append(line)
    return "".join(lines)


def _message(goal: Goal) -> str:
    """The diagnostic in one line: a tool's words about the user's code, so data like the code."""
    if goal.diagnostic is None:
        return ""
    found = goal.diagnostic
    words = (found.source, found.code, found.message)
    return " ".join(word for word in words if word)[:MESSAGE_CHARACTERS_MAX]


def _task(goal: Goal, document: Document, material: Material) -> str:
    """What is asked, outside of the delimiters: the only part that is an instruction."""
    lines = ["Task", ""]
    instruction = goal.instruction.strip()
    if fixed := _TASKS.get(goal.recipe):
        lines.append(fixed)
    if instruction:
        lines.append(instruction)
    if goal.red:
        lines.append("The tests that are named above fail and shall pass.")
    if goal.name:
        lines.append(f"Name to use: {goal.name}")
    first = document.line_at(goal.span.start) + 1
    last = document.line_at(max(goal.span.start, goal.span.end - 1)) + 1
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    # The name of a file is somebody's text too: on one line it cannot pose as another task.
    lines.append(
        one_line(f"Place: {goal.path}, {where}" + f", in {goal.symbol}" * bool(goal.symbol))
    )
    if material.may_change:
        places = one_line(", ".join(material.may_change))
        lines.append(f"These may change too where that needs it: {places}")
    return "\n".join(lines)
