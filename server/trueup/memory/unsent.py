"""What is in no prompt and in no trace: the files and decisions that are never to be sent.

Whether a path is hidden is asked before anything is ranked or read for somebody. Texts that are
made of the project by others (diagnostics, what the gate found) may still speak of what is hidden,
so they are gone through once more, at the one place where they leave. Knows which audience may see
what; not who asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final

from trueup import workspace
from trueup.memory.audience import Audience
from trueup.memory.decisions import Decision, Decisions, Visibility
from trueup.memory.globs import matches_any
from trueup.settings import Shown

A_FILE: Final = "(about a file that is never sent)"
A_DECISION: Final = "(of a decision that is never sent)"
PHRASE_CHARACTERS_MIN: Final = 4
"""A title or message that is shorter says nothing, and would be found in every text."""
_NAME: Final = re.compile(r"[^\s'\"`()\[\]{}<>,;:|=]+")


def hidden_from(audience: Audience, root: str, shown: Shown) -> Callable[[str], bool]:
    """Whether a path of the project is not for that audience, by any name that it has."""
    globs = () if audience is Audience.PERSON else shown.never
    if audience is Audience.TEAM:
        globs += shown.local
    if not globs:
        return lambda _: False
    folded = tuple(glob.casefold() for glob in globs)

    def is_hidden(path: str) -> bool:
        # A link is another name of what it leads to, and some disks know no case.
        names = {path, _real(root, path)}
        return any(matches_any(globs, name) or matches_any(folded, name.casefold())
                   for name in names)  # fmt: skip

    return is_hidden


def _real(root: str, path: str) -> str:
    try:
        return workspace.relative(root, Path(root, path)) or path
    except (OSError, ValueError):
        return path


class Unsent:
    """What of one project does not leave; `load` gives its decisions when they are asked for."""

    def __init__(self, root: str, shown: Shown, load: Callable[[], Decisions]) -> None:
        self.hides = hidden_from(Audience.MODEL, root, shown)
        self._any_path = bool(shown.never)
        self._load = load

    @cached_property
    def _phrases(self) -> tuple[str, ...]:
        """What decisions that are never sent say, the longest first."""
        said = {
            phrase
            for item in self._load()
            if item.visibility is Visibility.NEVER or self.hides(item.path)
            for phrase in _said_by(item)
            if len(phrase) >= PHRASE_CHARACTERS_MIN
        }
        return tuple(sorted(said, key=lambda phrase: (-len(phrase), phrase)))

    def without(self, text: str) -> str:
        """`text` with neither what such decisions say nor a line about such a file."""
        for phrase in self._phrases:
            text = text.replace(phrase, A_DECISION)
        if not self._any_path:
            return text
        return "\n".join(A_FILE if self._names(line) else line for line in text.split("\n"))

    def _names(self, line: str) -> bool:
        return any(self.hides(name.strip(".")) for name in _NAME.findall(line) if "." in name)


def _said_by(decision: Decision) -> tuple[str, ...]:
    messages = (rule.terms.message for rule in decision.rules)
    return tuple(" ".join(said.split()) for said in (decision.title, *messages))
