"""From rejections to a proposed decision, which a person accepts or does not.

Two rejections of one kind that introduce the same call, or one explicit "never", are enough to
propose. A rule goes with it only where it holds what was rejected, nothing that was accepted, and
few places in the tree; otherwise it is advice.
"""

from __future__ import annotations

from typing import Final

from trueup import InputError, workspace
from trueup.memory import journal, lifecycle
from trueup.memory.code import Code
from trueup.memory.decisions import Decisions, Status, Weight
from trueup.memory.feedback import Change, digest_of
from trueup.memory.journal import Event, Journal, Reason
from trueup.memory.judges import judge, obstacle, patterns_of
from trueup.memory.lifecycle import Draft, quoted
from trueup.memory.places import load
from trueup.memory.rule_blocks import rule_of
from trueup.memory.rules import Rule

PLACES_MAX: Final = 50
"""A rule that finds more than this in the tree is about the project, not about a suggestion."""


def propose(root: str, change: Change, event: Event) -> str:
    """The path of a new proposed decision, "" where the rejections do not amount to one.

    `event` is the rejection of `change`, in the journal already. Raises InputError where the
    decision cannot be written.
    """
    kept = journal.read(root)
    like = _alike(kept, change, event)
    if event.reason is not Reason.NEVER and not like:
        return ""
    common = [
        pattern
        for pattern in change.patterns
        if all(digest_of(pattern) in other.introduces for other in like)
    ]
    known = load(root)
    if any(_is_known(known, pattern) for pattern in common):
        return ""
    pattern = next((item for item in common if _holds(root, kept, item)), "")
    return lifecycle.add(root, _draft(change, (*like, event), pattern))


def _alike(kept: Journal, change: Change, event: Event) -> tuple[Event, ...]:
    """The latest other rejection that is of one kind with this, if there is one."""
    shared = [
        item
        for item in kept.rejections
        if item.id != event.id
        and item.kind == change.kind
        and item.fingerprint != change.fingerprint
        and set(item.introduces) & set(change.introduces)
    ]
    return tuple(shared[-1:])


def _is_known(known: Decisions, pattern: str) -> bool:
    """Whether a decision is about it already; retired and rejected ones count: that was said."""
    return any(
        item.text == pattern
        for decision in known
        for rule in decision.rules
        for item in patterns_of(rule)
    )


def _holds(root: str, kept: Journal, pattern: str) -> bool:
    """The back-test; that it finds what was rejected is what it was made from."""
    if any(digest_of(pattern) in item.introduces for item in kept.accepted):
        return False
    rule, remarks = rule_of(_rule_text(pattern), 1, 0)
    if rule is None or remarks or obstacle(rule):
        return False
    if not _finds(rule, pattern.replace("$$$ARGS", "") + "\n"):
        return False
    places = 0
    for path in workspace.python_files(root):
        try:
            text = workspace.read(root, path).text
        except InputError:
            continue
        if pattern.partition("(")[0].rpartition(".")[2] in text:
            places += _finds(rule, text, path)
        if places > PLACES_MAX:
            return False
    return True


def _finds(rule: Rule, text: str, path: str = "example.py") -> int:
    return sum(1 for _ in judge(rule, Code(path, text), ""))


def _rule_text(pattern: str) -> str:
    name = pattern.partition("(")[0]
    return "\n".join(
        (
            "kind: forbid-pattern",
            f"pattern: {quoted(pattern)}",
            f"message: {quoted(f'Suggestions that call {name} were rejected')}",
            f"examples: {{bad: [{quoted(f'{name}()')}], good: [{quoted('pass')}]}}",
        )
    )


def _draft(change: Change, events: tuple[Event, ...], pattern: str) -> Draft:
    what = f"calls of {pattern.partition('(')[0]}" if pattern else change.kind
    where = "" if pattern else f" in {change.symbol or change.paths[0]}"
    said = ", ".join(f"{item.id} ({item.reason})" for item in events)
    limit = (
        f"The rule holds what was rejected, nothing that was accepted, and at most {PLACES_MAX} "
        "places of the tree."
        if pattern
        else "No rule follows from it by itself; write one, or keep it as advice."
    )
    return Draft(
        title=f"Do not suggest {what}{where}",
        body=f"Proposed because suggestions were rejected: {said}.\n\n{limit}",
        status=Status.PROPOSED,
        severity=Weight.WARN if pattern else Weight.ADVICE,
        rules=(_rule_text(pattern),) if pattern else (),
    )
