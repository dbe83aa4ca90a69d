"""What a rejection means: the same suggestion is not made again, until somebody takes it back or
the code or its decisions change.

Knows when two changes are the same: by the syntax trees of the definitions that they change, so
that layout and comments make no difference. Only what a person said is evidence; what the gate
rejected never comes here.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trueup import workspace
from trueup.memory import journal, ulid
from trueup.memory.decisions import Decision
from trueup.memory.evaluate import applies
from trueup.memory.globs import matches_any
from trueup.memory.journal import Event, Reason, Said
from trueup.memory.places import load
from trueup.parsing import parse_module
from trueup.snapshot import Snapshot
from trueup.suggestion import Candidate, Goal

DIGEST_CHARACTERS: Final = 32
SHORT_CHARACTERS: Final = 16
"""Of an id: the time, and enough behind it to tell two apart that were made at once."""

_WORDS: Final = {
    Reason.WRONG: "wrong",
    Reason.STYLE: "not our style",
    Reason.NEVER: "never to be suggested",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A candidate without its layout. `patterns` are calls that it introduces, for ast-grep."""

    fingerprint: str
    kind: str
    symbol: str
    paths: tuple[str, ...]
    patterns: tuple[str, ...] = ()

    @property
    def introduces(self) -> tuple[str, ...]:
        return tuple(digest_of(item) for item in self.patterns)


def digest_of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[
        :DIGEST_CHARACTERS
    ]


def with_touched(before: Snapshot, candidate: Candidate) -> Snapshot:
    """`before` with the files that the candidate edits, read where they are not open.

    Raises InputError where one cannot be read.
    """
    for path in candidate.paths:
        if before.get(path) is None and Path(before.root, path).exists():
            before = before.having(workspace.read(before.root, path))
    return before


def change_of(goal: Goal, candidate: Candidate, before: Snapshot) -> Change:
    """Raises ValueError where the candidate does not fit the text."""
    after = before.edited(candidate.edits, candidate.deletes)
    removed: Counter[str] = Counter()
    added: Counter[str] = Counter()
    called: Counter[str] = Counter()
    for path in candidate.paths:
        old, new = before.get(path), after.get(path)
        old_units, old_calls = _units(old.text if old else "")
        new_units, new_calls = _units(new.text if new else "")
        removed += old_units - new_units
        added += new_units - old_units
        called += new_calls - old_calls
    kind = goal.recipe.value
    if goal.diagnostic is not None and goal.diagnostic.code:
        kind = f"{kind} {goal.diagnostic.code}"
    if not removed and not added:
        # Comments and layout are all that it changes, so they are what it is.
        added.update(" ".join(edit.replacement.split()) for edit in candidate.edits)
    parts = (kind, "-", *sorted(removed.elements()), "+", *sorted(added.elements()))
    return Change(digest_of(*parts), kind, goal.symbol, candidate.paths, tuple(sorted(set(called))))


def _units(text: str) -> tuple[Counter[str], Counter[str]]:
    """The statements of a module and of its classes, normalised; and what is called in them."""
    try:
        tree = parse_module(text)
        dumped = Counter(ast.dump(node) for node in _statements(tree.body))
        return dumped, Counter(_calls(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Counter([" ".join(text.split())]), Counter()


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _statements(node.body)
            node.body = []
        yield node


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if all(part.isidentifier() for part in name.split(".")):
                yield f"{name}($$$ARGS)"


def governing(root: str, change: Change) -> str:
    """A digest of the decisions in force over what the change touches.

    Advice about everything is not among them, nor is what the rejections themselves led to: else
    accepting that would bring back what it is about.
    """
    learned = tuple(item.id for item in journal.read(root).rejections)
    known = (
        f"{item.id} {item.digest}"
        for item in load(root)
        if any(_governs(item, path) for path in change.paths)
        and not any(name in item.body for name in learned)
    )
    return digest_of(*sorted(known))


def _governs(decision: Decision, path: str) -> bool:
    scoped = decision.is_in_force and matches_any(decision.scope.paths, path)
    return scoped or applies(decision, path)


def objection(root: str, goal: Goal, candidate: Candidate, before: Snapshot) -> str:
    """Why this is not to be offered, one sentence with the way back; "" where nothing is."""
    rejections = journal.read(root).rejections
    if not rejections:
        return ""
    try:
        change = change_of(goal, candidate, with_touched(before, candidate))
    except ValueError:
        return ""
    same = [item for item in rejections if item.fingerprint == change.fingerprint]
    now = governing(root, change) if same else ""
    for item in reversed(same):
        if item.decisions == now:
            said = _WORDS[item.reason] if item.reason else "not wanted"
            return (
                f"this suggestion was rejected on {item.date} as {said}; "
                f"`trueup decisions feedback undo {item.id[:SHORT_CHARACTERS]}` takes that back"
            )
    return ""


def reject(root: str, change: Change, reason: Reason) -> Event:
    """Write down that somebody does not want it. Raises InputError."""
    return _add(root, change, Event(ulid.new(), Said.REJECTED, reason=reason))


def is_kept(root: str) -> bool:
    """Whether the project has a journal: it begins with the first rejection."""
    return Path(root, journal.path_of(root)).is_file()


def accept(root: str, change: Change) -> None:
    """Write down that somebody took it. Raises InputError."""
    _add(root, change, Event(ulid.new(), Said.ACCEPTED))


def _add(root: str, change: Change, event: Event) -> Event:
    whole = replace(
        event,
        fingerprint=change.fingerprint,
        kind=change.kind,
        symbol=change.symbol,
        introduces=change.introduces,
        decisions=governing(root, change),
    )
    journal.append(root, whole)
    return whole
