"""What a person says about the code that a decision rests on: so it is, so it is now, it moved.

Writes the front matter's evidence, scope and status, and nothing else; and only while the file is
what it was when it was read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from trueup import InputError
from trueup.architecture.modules import source_roots
from trueup.memory import lifecycle
from trueup.memory.code_base import CodeBase, Place
from trueup.memory.decisions import Anchor, Decision, Decisions, Origin, Status
from trueup.memory.globs import matches_any
from trueup.memory.lifecycle import quoted
from trueup.memory.markdown import page_of
from trueup.memory.reading import read_decision
from trueup.memory.staleness import Move, Staleness, staleness
from trueup.memory.yaml_text import Sequence, Table, Text
from trueup.snapshot import Span, apply_edits


def pin(root: str, decision: Decision) -> None:
    """Write down what its evidence is where that is not known yet. Raises as `lifecycle.accept`."""
    _pin(root, decision, decision.status)


def accept(root: str, decision: Decision) -> None:
    """As `lifecycle.accept`, and `pin` in the same write."""
    _pin(root, decision, Status.ACCEPTED)


def put_in_force(root: str, decisions: Decisions, decision: Decision) -> None:
    """`accept`, and what it says it supersedes is superseded. Raises as `lifecycle.accept`."""
    accept(root, decision)
    for name in decision.supersedes:
        for old in decisions.find(name):
            if old.is_in_force and old.path != decision.path:
                lifecycle.set_status(root, old, Status.SUPERSEDED)


def refresh(root: str, decision: Decision) -> None:
    """Take the evidence as it is now, and accept the decision again if it needed a review."""
    again = decision.status is Status.NEEDS_REVIEW
    status = Status.ACCEPTED if again else decision.status
    _pin(root, decision, status, afresh=True)


def review(root: str, decision: Decision) -> None:
    """Write that it needs a review."""
    lifecycle.set_status(root, decision, Status.NEEDS_REVIEW)


def follow(root: str, decisions: Decisions, decision: Decision) -> tuple[Move, ...]:
    """Write the new names of what moved; the moves. Raises InputError where nothing did."""
    moves = tuple(item.move for item in _of(root, decisions, decision) if item.move is not None)
    if not moves:
        raise InputError(f"nothing that decision {decisions.short(decision)} names has moved")
    text = made = lifecycle.current(root, decision)
    evidence = decision.evidence
    for move in moves:
        evidence = tuple(_followed(anchor, move) for anchor in evidence)
        made = _with_scope(made, root, decisions, decision, move)
    lifecycle.write(root, decision, text, with_evidence(decision.path, made, evidence))
    return moves


def _of(root: str, decisions: Decisions, decision: Decision) -> tuple[Staleness, ...]:
    return tuple(item for item in staleness(root, decisions) if item.decision == decision)


def _followed(anchor: Anchor, move: Move) -> Anchor:
    if (anchor.path, anchor.symbol) != (move.old.path, move.old.symbol):
        return anchor
    return replace(anchor, path=move.path, symbol=move.names[1] if anchor.symbol else "")


def _with_scope(text: str, root: str, decisions: Decisions, decision: Decision, move: Move) -> str:
    """The text with the new name of a symbol, and of a file that the scope names outright."""
    front = page_of(text).front
    table = lifecycle.table_of(front)
    scope = table.get("scope") if table is not None else None
    if not isinstance(scope, Table):
        return text
    edits: list[tuple[Span, str]] = []
    for text_node in _texts(scope, "symbols"):
        if text_node.value.removesuffix(".*") == move.old.symbol:
            ends = ".*" if text_node.value.endswith(".*") else ""
            edits.append((text_node.span, quoted(move.names[1] + ends)))
    gone = not CodeBase(root, decisions.roots).has(move.old.path)
    if not matches_any(decision.scope.paths, move.path):
        for text_node in _texts(scope, "paths"):
            if text_node.value == move.old.path:
                both = f"{text[text_node.span.start : text_node.span.end]}, {quoted(move.path)}"
                edits.append((text_node.span, quoted(move.path) if gone else both))
    return apply_edits(text, edits)


def _texts(table: Table, key: str) -> tuple[Text, ...]:
    node = table.get(key)
    items = node.items if isinstance(node, Sequence) else (node,)
    return tuple(item for item in items if isinstance(item, Text))


def _pin(root: str, decision: Decision, status: Status, *, afresh: bool = False) -> None:
    if decision.origin is Origin.INSTRUCTIONS:
        lifecycle.set_status(root, decision, status)
        return
    text = made = lifecycle.current(root, decision)
    if status is not decision.status:
        made = lifecycle.with_status(text, status)
    evidence = _pinned(CodeBase(root, source_roots(Path(root))), decision, afresh=afresh)
    if evidence != decision.evidence:
        made = with_evidence(decision.path, made, evidence)
    lifecycle.write(root, decision, text, made)


def _pinned(code: CodeBase, decision: Decision, *, afresh: bool) -> tuple[Anchor, ...]:
    found: list[Anchor] = []
    for anchor in decision.evidence:
        place = code.named(anchor.path, anchor.symbol) if code.has(anchor.path) else None
        now = code.digest(place) if place is not None else ""
        wanted = now and (afresh or not anchor.digest)
        found.append(replace(anchor, digest=now) if wanted else anchor)
    known = {anchor.symbol for anchor in found}
    for name in decision.scope.symbols:
        places = code.meant(name) or ()
        if name in known or len(places) != 1 or not places[0].symbol:
            continue
        found.append(_follower(code, name, places[0]))
    return tuple(found)


def _follower(code: CodeBase, name: str, place: Place) -> Anchor:
    return Anchor(place.path, name, code.digest(place), follows=True)


def with_evidence(path: str, text: str, evidence: tuple[Anchor, ...]) -> str:
    """The file's text with this evidence, one entry a line, and all else as it was.

    Raises InputError where its front matter is written in a way that only a person can edit.
    """
    front = page_of(text).front
    table = lifecycle.table_of(front)
    if front is None or table is None:
        raise InputError("its front matter cannot be read")
    newline = "\r\n" if text[: front.start].endswith("\r\n") else "\n"
    lines = "".join(f"  - {_entry(anchor)}{newline}" for anchor in evidence)
    lines = f"evidence:{newline}{lines}" if evidence else f"evidence: []{newline}"
    end = front.start + len(front.text)
    start = end
    for number, (key, _) in enumerate(table.entries):
        if key.value == "evidence":
            start = key.span.start
            following = table.entries[number + 1 : number + 2]
            end = following[0][0].span.start if following else end
            # Comments above the next key are about that.
            own = re.sub(r"(?:^[ \t]*(?:#[^\n]*)?\n)+\Z", "", text[start:end], flags=re.MULTILINE)
            end = start + len(own)
    made = apply_edits(text, [(Span(start, end), lines)])
    if read_decision(path, made).decision.evidence != evidence:
        raise InputError("its evidence is written in a way that only a person can edit")
    return made


def _entry(anchor: Anchor) -> str:
    parts = [("path", anchor.path), ("symbol", anchor.symbol), ("hash", anchor.digest)]
    said = [f"{key}: {quoted(value)}" for key, value in parts if value]
    return "{" + ", ".join([*said, *(["follows: true"] if anchor.follows else [])]) + "}"
