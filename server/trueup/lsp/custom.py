"""The part of the protocol that is ours: requests under `trueup/`, which an extension may use.

One function per request, as in `server`; what they answer is found elsewhere. A client that knows
none of this misses nothing that it could show.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from pygls.exceptions import JsonRpcException

from trueup import TrueupError, settings
from trueup.lsp import history, searching
from trueup.lsp.convert import plain, uri_of
from trueup.lsp.searching import known_in
from trueup.lsp.transport import Server
from trueup.memory import governing
from trueup.memory.decisions import Decision, Decisions
from trueup.memory.hidden import one_line
from trueup.operations.tracestore import TraceStore

TRUSTED: Final = "trueup/trusted"
SUGGESTIONS: Final = "trueup/suggestions"
TRACE: Final = "trueup/trace"
DECISIONS: Final = "trueup/decisions"
REQUEST_FAILED: Final = -32803

Params = tuple[object, ...] | None
"""What pygls makes of an object; it takes a handler of any `object` to want the server first."""


def declared(server: Server, options: dict[str, object]) -> None:
    """What this client said of itself in its `initializationOptions`."""
    given = options.get("settings")
    server.client_settings = given if isinstance(given, dict) else {}
    server.can_ask = options.get("input") is True
    server.shows_evidence = options.get("evidence") is True
    server.status.wanted = options.get("status") is True
    server.trusted = options.get("trusted") is not False
    try:
        chosen = settings.load("/", server.client_settings)
    except TrueupError:
        # Whoever picks an action is told what is wrong with the settings.
        return
    server.answer_seconds = chosen.limits.answer_seconds
    server.ready.configure(chosen.background, declared=options.get("ready") is True)


def register(server: Server) -> None:
    """Let `server` answer these requests."""

    @server.feature(TRUSTED)
    async def trusted(params: Params) -> None:
        """The editor's own workspace trust changed."""
        server.trusted = _fields(params).get("trusted") is True
        if not server.trusted:
            server.status.cancel_all()
            server.ready.end_engine()
            await server.engine.close()
        server.ready.everything_changed()
        server.status.changed()

    @server.feature(SUGGESTIONS)
    async def suggestions(params: Params) -> list[dict[str, object]]:
        limit = _fields(params).get("limit")
        roots = server.buffers.roots
        return await asyncio.to_thread(history.suggestions, _store(server), roots, limit)

    @server.feature(TRACE)
    async def trace(params: Params) -> dict[str, object]:
        fields = _fields(params)
        name = str(fields.get("trace") or "last")
        try:
            if fields.get("html") is True:
                path = await asyncio.to_thread(history.written, _store(server), name)
                return {"path": str(path)}
            return {"text": await history.shown(name)}
        except TrueupError as problem:
            raise JsonRpcException(str(problem), code=REQUEST_FAILED) from None

    @server.feature(searching.METHOD)
    async def search(params: Params) -> list[dict[str, object]]:
        """Decisions and code about a query; for clients that show them."""
        return await searching.search(server, str(_fields(params).get("query") or ""))

    @server.feature(DECISIONS)
    async def decisions(params: Params) -> list[dict[str, object]]:
        return await _decisions(server, str(_fields(params).get("uri") or ""))


def _fields(params: object) -> dict[str, object]:
    """The members of what a request came with; none where it is no object."""
    found = plain(params)
    return found if isinstance(found, dict) else {}


def _store(server: Server) -> TraceStore:
    """Raises JsonRpcException where the settings cannot be read."""
    try:
        return TraceStore(settings.load("/", server.client_settings).traces)
    except TrueupError as problem:
        raise JsonRpcException(str(problem), code=REQUEST_FAILED) from None


async def _decisions(server: Server, uri: str) -> list[dict[str, object]]:
    """Those of the whole workspace; of one document, those that govern it or a symbol in it."""
    if not uri:
        found: list[dict[str, object]] = []
        for root in server.buffers.roots:
            known = await known_in(server, root)
            found += [_row(root, known, item) for item in known]
        return found
    buffer = server.buffers.get(uri)
    if buffer is None:
        return []
    known, path = await known_in(server, buffer.root), buffer.document.path
    about = list(governing.of_file(known, path))
    if any(item.scope.symbols for item in known):
        names = (symbol.qualified for symbol in buffer.outline)
        for found_there in governing.of_symbols(known, path, names).values():
            about += found_there
    return [_row(buffer.root, known, item) for item in dict.fromkeys(about)]


def _row(root: str, known: Decisions, item: Decision) -> dict[str, object]:
    return {
        "id": item.id,
        "number": known.short(item),
        "title": one_line(item.title),
        "status": item.status.value,
        "severity": item.severity.value,
        "paths": list(item.scope.paths),
        "uri": uri_of(Path(root, item.path)),
    }
