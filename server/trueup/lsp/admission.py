"""Which messages are let in: JSON-RPC 2.0 and the life cycle that the protocol prescribes.

Knows the shape of a message and the order of a session, not what any method means. Every request
that is not let in gets an answer that says why; a notification that is not let in is dropped, as
the protocol demands. `boot` decides about the first messages with this, so only the standard
library is imported.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
NOT_INITIALIZED: Final = -32002
REQUEST_CANCELLED: Final = -32800
CONTENT_MODIFIED: Final = -32801

DEPTH_MAX: Final = 128
"""Objects and lists inside of each other in one message."""
ID_CHARACTERS_MAX: Final = 256
"""Length of the id of a request."""
METHOD_CHARACTERS_MAX: Final = 256

Identity = int | str


class Call(NamedTuple):
    """A request, or a notification where `identity` is None; `fields` is the whole message."""

    identity: Identity | None
    method: str
    fields: dict[str, object]


class Reply(NamedTuple):
    """What the client answers to a request of ours."""

    identity: Identity
    fields: dict[str, object]


class Refusal(NamedTuple):
    """The answer to a message that is not let in; without an identity where it has none to name."""

    identity: Identity | None
    code: int
    says: str

    def message(self) -> dict[str, object]:
        error = {"code": self.code, "message": self.says}
        return {"jsonrpc": "2.0", "id": self.identity, "error": error}


class Ended(NamedTuple):
    """The client said `exit`; the code with which the process ends."""

    code: int


class Dropped(NamedTuple):
    """A notification at the wrong time; the protocol knows no answer to it."""

    says: str


def decoded(body: bytes) -> Call | Reply | Refusal:
    """What a body says."""
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Refusal(None, PARSE_ERROR, "this is not JSON in UTF-8")
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _deeper(message, DEPTH_MAX):
        return Refusal(None, INVALID_REQUEST, f"nested more than {DEPTH_MAX} deep")
    if not isinstance(message, dict):
        return Refusal(None, INVALID_REQUEST, "not one JSON-RPC object (batches are not taken)")
    identity = message.get("id")
    known = _identity(identity)
    if message.get("jsonrpc") != "2.0":
        return Refusal(known, INVALID_REQUEST, 'a message must say "jsonrpc": "2.0"')
    if "id" in message and known is None and "error" not in message:
        return Refusal(None, INVALID_REQUEST, "an id is an integer or a string")
    method = message.get("method")
    if method is None and ("result" in message or "error" in message):
        # An error without an id answers something that we said and that was not understood.
        return Reply(known if known is not None else "", message)
    if not isinstance(method, str) or len(method) > METHOD_CHARACTERS_MAX:
        return Refusal(known, INVALID_REQUEST, "a method is a name")
    return Call(known, method, message)


def _identity(value: object) -> Identity | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, str) and len(value) > ID_CHARACTERS_MAX:
        return None
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _deeper(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [item for holder in level for item in _inside(holder)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[object]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict | list)]


class Lifecycle:
    """Where a session stands: what may be said now."""

    def __init__(self) -> None:
        self.initialized = False
        self.ending = False
        """Whether `shutdown` came."""
        self._open: set[Identity] = set()
        """Requests without an answer yet."""

    @property
    def exit_code(self) -> int:
        """What the protocol wants the process to end with now."""
        return 0 if self.ending else 1

    @property
    def all_answered(self) -> bool:
        return not self._open

    def admits(self, call: Call) -> Refusal | Dropped | Ended | None:
        """What becomes of `call` where it is not let in, None where it is."""
        if call.identity is None:
            if call.method == "exit":
                return Ended(self.exit_code)
            if not self.initialized or self.ending or call.method in _REQUESTS:
                return Dropped(f"{call.method} came at the wrong time")
            return None
        refused = self._refused(call.method, call.identity)
        if refused is None:
            self._open.add(call.identity)
            self.initialized = self.initialized or call.method == "initialize"
            self.ending = call.method == "shutdown"
        return refused

    def _refused(self, method: str, identity: Identity) -> Refusal | None:
        if self.ending:
            return Refusal(identity, INVALID_REQUEST, "the server is shutting down")
        if method == "initialize" and self.initialized:
            return Refusal(identity, INVALID_REQUEST, "initialize was sent already")
        if method != "initialize" and not self.initialized:
            return Refusal(identity, NOT_INITIALIZED, "initialize must be sent first")
        if identity in self._open:
            return Refusal(identity, INVALID_REQUEST, "this id is in use by another request")
        return None

    def answered(self, identity: Identity) -> None:
        """A request got its answer; its id may be used again."""
        self._open.discard(identity)


_REQUESTS: Final = frozenset({"initialize", "shutdown"})
