"""A suggestion put before the user, and what came back.

A client that declared `evidence` gets pages: one to answer (`trueup/evidence`), or one to read
where nothing is asked (`trueup/judged`), and at last what became of it (`trueup/settled`). Every
other client gets the patch as a document and the question as a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trueup import InputError, settings
from trueup.files import write_atomically
from trueup.lsp import reasons
from trueup.lsp.asking import ask
from trueup.lsp.convert import plain, uri_of
from trueup.lsp.pages import Page, headline
from trueup.lsp.transport import Server
from trueup.memory import feedback
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits
from trueup.snapshot import Edit, Snapshot, Span
from trueup.suggestion import Suggestion

EVIDENCE: Final = "trueup/evidence"
JUDGED: Final = "trueup/judged"
SETTLED: Final = "trueup/settled"
REASON_CHARACTERS_MAX: Final = 1_000
"""Of the words in which somebody says why a suggestion was discarded."""

log = logging.getLogger("trueup.lsp")


@dataclass(frozen=True, slots=True)
class Answer:
    """`choice` is one of the page's, "" for none; `reason` why it was discarded; `decide`: it is to
    be proposed as a decision too. Where nobody was asked why, `reason` is None.
    """

    choice: str = ""
    reason: str | None = None
    decide: bool = False


async def page_of(
    server: Server, identity: str, base: Snapshot, suggestion: Suggestion, *choices: str
) -> Page:
    """The page about a suggestion that was judged on `base`."""
    before, after = await asyncio.to_thread(_sides, base, suggestion)
    return Page(
        identity,
        suggestion,
        before,
        after,
        choices,
        reasons.CHOICES if choices else (),
        server.contracts.decisions(base.root),
        await trace_of(suggestion),
    )


def _sides(base: Snapshot, suggestion: Suggestion) -> tuple[Snapshot, Snapshot]:
    candidate = suggestion.candidate
    try:
        before = feedback.with_touched(base, candidate)
        after = before.edited(candidate.edits, candidate.deletes)
    except (InputError, ValueError):
        # A file changed on disk: the page has no diff, and applying will say that it is stale.
        before = after = base
    after = after.edited(Edit(kept.path, Span(0, 0), kept.text) for kept in suggestion.pinned)
    return before, after


async def trace_of(suggestion: Suggestion) -> Trace | None:
    """What was written down of the job that made it."""
    if not suggestion.trace:
        return None
    found = await asyncio.to_thread(TraceStore(TraceLimits()).read, suggestion.trace)
    return found if isinstance(found, Trace) else None


async def answered(server: Server, page: Page) -> Answer:
    """What the user wants done with it."""
    if not server.shows_evidence:
        await as_a_patch(server, page)
        return Answer(await ask(server, headline(page.suggestion), page.choices))
    try:
        said = plain(await server.request(EVIDENCE, _json(server, page)))
    except JsonRpcException as problem:
        # A client may fail as it likes; then nobody has said anything.
        log.warning("the client cannot show a page: %s", problem)
        said = None
    fields = said if isinstance(said, dict) else {}
    choice, reason = fields.get("choice"), fields.get("reason")
    return Answer(
        choice if isinstance(choice, str) and choice in page.choices else "",
        reason[:REASON_CHARACTERS_MAX] if isinstance(reason, str) else "",
        fields.get("decide") is True,
    )


def told(server: Server, page: Page) -> None:
    """Show a page about which nothing is asked."""
    if server.shows_evidence:
        server.protocol.notify(JUDGED, _json(server, page))


def settled(server: Server, identity: str, message: str, *, applied: bool) -> None:
    """Say what became of a page."""
    if server.shows_evidence:
        fields = {"id": identity, "applied": applied, "message": message}
        server.protocol.notify(SETTLED, fields)


def _json(server: Server, page: Page) -> dict[str, object]:
    root = page.before.root

    def as_the_editor_calls_it(path: str) -> str:
        buffer = server.buffers.at(root, path)
        return buffer.uri if buffer is not None else uri_of(Path(root, path))

    return page.to_json(as_the_editor_calls_it)


async def as_a_patch(server: Server, page: Page) -> None:
    """The diff and the evidence, in a document of its own where the client can show one."""
    await as_a_document(server, page.patch, "suggestions", ".diff")


async def as_a_document(server: Server, text: str, folder: str, suffix: str) -> None:
    """A text in a document of its own, where the client can show one; else in its log."""
    if not server.client.shows_documents:
        server.window_log_message(types.LogMessageParams(types.MessageType.Info, text))
        return
    raw = text.encode("utf-8", "replace")
    path = settings.cache_folder() / folder / f"{hashlib.sha256(raw).hexdigest()[:16]}{suffix}"
    with contextlib.suppress(OSError, JsonRpcException):
        await asyncio.to_thread(write_atomically, path, raw)
        await server.window_show_document_async(
            types.ShowDocumentParams(uri_of(Path(path)), external=False, take_focus=False)
        )
