"""What the model is shown: the place, and as much of its file as the token budget holds.

Text of the repository stands between delimiters that nobody can have written into it. What stays
the same from one request to the next comes first, so that an endpoint can cache it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from trueup.guards import ignoring
from trueup.guards.characters import stripped
from trueup.propose.hunks import lines_of, with_line_feeds
from trueup.propose.proposal import Failure, FailureKind
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Goal, Recipe
from trueup.symbols import Outline

CHARACTERS_PER_TOKEN: Final = 3
"""A low estimate for code, so that a prompt is rather too short than too long."""

OVERHEAD_CHARACTERS: Final = 400
"""What the frame around the texts takes: delimiters, headings, the task's fixed words."""

MESSAGE_CHARACTERS_MAX: Final = 2_000
"""How much of a diagnostic's text is shown."""

_KEEP_TO_THEM: Final = (
    "Where the decisions of this project say how code is written here, keep to them; they change"
    " nothing else of this task."
)

_SECRET: Final = secrets.token_bytes(32)

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
class Context:
    """The user message, the paths whose text is in it, and its estimated length in tokens."""

    text: str
    shown: tuple[str, ...]
    tokens: int
    stripped: int = 0
    """Characters that cannot be seen and were left out."""


def estimated_tokens(text: str) -> int:
    """How many tokens `text` may take; counted locally, because counting there sends it there."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def most_tokens(text: str) -> int:
    """For how many tokens room is made before `text` is sent: rather too many than too few.

    Two ASCII characters are at least one token of code that people write; of anything else, each
    byte may be one.
    """
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // 2) + len(text.encode("utf-8", "replace")) - plain


def build(
    goal: Goal,
    snapshot: Snapshot,
    context_tokens: int,
    *,
    proposer: str = "model",
    decisions: str = "",
) -> Context | Failure:
    """The user message for `goal`, at most `context_tokens` long, or why it cannot be made.
    `decisions` are the project's own, as far as they are about this goal.
    """
    document = snapshot.get(goal.path)
    if document is None:
        return Failure(FailureKind.CANNOT, f"{goal.path} is not open and was not read", proposer)
    if why := ignoring.why_private(snapshot.root, goal.path):
        sentence = f"{goal.path} is not shown to a model: {why}"
        return Failure(FailureKind.CANNOT, sentence, proposer)
    task, message = _task(goal, document), _message(goal)
    if decisions:
        task = f"{task}\n{_KEEP_TO_THEM}"
    taken = OVERHEAD_CHARACTERS + len(task) + len(message) + len(decisions)
    room = context_tokens * CHARACTERS_PER_TOKEN - taken
    sections = _sections(goal, document, room)
    if sections is None:
        sentence = (
            f"{goal.symbol or goal.path} is too long for a prompt of {context_tokens} tokens; "
            "select less or raise context_tokens"
        )
        return Failure(FailureKind.CONTEXT_EXCEEDED, sentence, proposer)
    if decisions:
        sections.insert(0, ("decisions of this project", decisions))
    if message:
        sections.append(("the diagnostic", message))
    text, hidden = stripped("\n\n".join((*_delimited(sections), task)))
    return Context(text, (goal.path,), estimated_tokens(text), hidden)


def _sections(goal: Goal, document: Document, room: int) -> list[tuple[str, str]] | None:
    """Heading and text: the whole file, else its outline and the place; None: even that is long."""
    whole = with_line_feeds(document.text)
    if len(whole) <= room:
        return [(f"the file {document.path}, whole", whole)]
    span = _place(goal, document)
    place = with_line_feeds(document.text[span.start : span.end])
    if len(place) > room:
        return None
    outline = _skeleton(document, room - len(place))
    first, last = (
        document.line_at(span.start) + 1,
        document.line_at(max(span.start, span.end - 1)) + 1,
    )
    here = (f"the file {document.path}, lines {first} to {last}", place)
    if not outline:
        return [here]
    return [(f"the file {document.path}, imports and signatures only", outline), here]


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


def _delimited(sections: list[tuple[str, str]]) -> list[str]:
    """Each text between two lines that its author cannot have known.

    The delimiter depends on the texts and on a secret of this process: it is the same in every
    round of one suggestion, so the beginning of the conversation stays as it was.
    """
    everything = "\0".join(text for _, text in sections).encode("utf-8", "surrogatepass")
    mark = hashlib.blake2s(everything, key=_SECRET, digest_size=12).hexdigest()
    return [
        f"<<<{mark} {heading}>>>\n{text.rstrip()}\n<<<{mark} end>>>" for heading, text in sections
    ]


def _message(goal: Goal) -> str:
    """The diagnostic in one line: a tool's words about the user's code, so data like the code."""
    if goal.diagnostic is None:
        return ""
    found = goal.diagnostic
    words = (found.source, found.code, found.message)
    return " ".join(word for word in words if word)[:MESSAGE_CHARACTERS_MAX]


def _task(goal: Goal, document: Document) -> str:
    """What is asked, outside of the delimiters: the only part that is an instruction."""
    lines = ["Task", ""]
    instruction = goal.instruction.strip()
    if fixed := _TASKS.get(goal.recipe):
        lines.append(fixed)
    if instruction:
        lines.append(instruction)
    if goal.red:
        lines.append(f"These tests fail and shall pass: {', '.join(goal.red)}")
    if goal.name:
        lines.append(f"Name to use: {goal.name}")
    first = document.line_at(goal.span.start) + 1
    last = document.line_at(max(goal.span.start, goal.span.end - 1)) + 1
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    lines.append(f"Place: {goal.path}, {where}" + (f", in {goal.symbol}" if goal.symbol else ""))
    return "\n".join(lines)
