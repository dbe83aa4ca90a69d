"""A model's answer with the secrets back in it, in the places where they were and nowhere else.

The model saw placeholders. An edit that repeats one where the secret stood gets the secret back;
one that puts it anywhere else is refused: it could carry a key into a log, a test or a message.
"""

from __future__ import annotations

import json

from trueup.guards.redaction import MARK, Veil
from trueup.propose.proposal import Failure, FailureKind
from trueup.propose.reply import Reply, parse_reply
from trueup.snapshot import Edit, Snapshot


def parse(text: str, snapshot: Snapshot, proposer: str, veil: Veil) -> Reply | Failure:
    """As `parse_reply`, of an answer to what `veil` hid."""
    if not veil.secrets and MARK not in text:
        return parse_reply(text, snapshot, proposer=proposer)
    # Inside the strings of the answer, which is JSON.
    quoted = Veil({_quoted(secret): name for secret, name in veil.secrets.items()})
    reply = parse_reply(quoted.lifted(text), snapshot, proposer=proposer)
    if isinstance(reply, Failure):
        return Failure(reply.kind, veil.over(reply.sentence), reply.proposer)
    for edit in reply.edits:
        if MARK in edit.replacement:
            return _refused(f"the edit of {edit.path} holds a placeholder of no secret", proposer)
        if name := _carried(edit, snapshot, veil):
            return _refused(f"{name} may stay where it is in {edit.path}, or go", proposer)
    return Reply(veil.over(reply.title), veil.over(reply.explanation), reply.edits)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _carried(edit: Edit, snapshot: Snapshot, veil: Veil) -> str:
    """The placeholder of a secret that the edit puts where it was not, or more often; or ""."""
    document = snapshot.get(edit.path)
    old = document.text[edit.span.start : edit.span.end] if document is not None else ""
    for secret, name in veil.secrets.items():
        if edit.replacement.count(secret) > old.count(secret):
            return name
    return ""


def _refused(sentence: str, proposer: str) -> Failure:
    return Failure(FailureKind.NONSENSE, sentence, proposer)
