"""What the model finds wrong with changed code, shown where it is, for as long as that code stays.

A finding with a failing test is a diagnostic; a guess is a hint that says why it is one. Both are
held with the text that they are about and go when it changes. What can be done about them is for
`review_actions`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from trueup import InputError, TrueupError, settings
from trueup.engine.findings import Finding
from trueup.engine.messages import Declined, OpenDocument, Review
from trueup.guards.plain import plain
from trueup.lsp.documents import Buffer
from trueup.snapshot import Span
from trueup.symbols import Outline

if TYPE_CHECKING:
    from trueup.lsp.transport import Server

SOURCE: Final = "trueup"
PROVEN, GUESSED = "review", "review-unproven"
"""The codes of diagnostics and of hints."""


@dataclass(frozen=True, slots=True)
class Held:
    """A finding with the text that it is about: that of its symbol, or of its line."""

    number: int
    finding: Finding
    text: str
    offset: int
    """Where the finding begins in that text."""

    def span(self, buffer: Buffer) -> Span | None:
        """Where it stands now; None where the text is not there any more, or more than once."""
        text, finding = buffer.document.text, self.finding
        if finding.symbol:
            found = [
                symbol.span.start
                for symbol in buffer.outline.find(finding.symbol)
                if text[symbol.span.start : symbol.span.end] == self.text
            ]
        else:
            found = [text.index(self.text)] if text.count(self.text) == 1 else []
        if len(found) != 1:
            return None
        start = found[0] + self.offset
        return Span(start, start + (finding.span.end - finding.span.start))


def held_of(number: int, finding: Finding, text: str) -> Held:
    """A finding about `text`, held with the part of it that it is about."""
    about = Span(
        text.rfind("\n", 0, finding.span.start) + 1,
        text.find("\n", finding.span.end) if "\n" in text[finding.span.end :] else len(text),
    )
    if finding.symbol:
        named = Outline(text).find(finding.symbol)
        about = next((item.span for item in named if item.span.contains(finding.span)), about)
    return Held(
        number,
        finding,
        text[about.start : about.end],
        finding.span.start - about.start,
    )


class Reviews:
    """The findings about open buffers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._held: dict[str, list[Held]] = {}
        self._reviewed: dict[str, str] = {}
        """The text of each buffer that was reviewed last, by URI."""
        self._running: dict[str, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)

    def saved(self, buffer: Buffer) -> None:
        """Review what changed since the last review, where the user wants that on every save."""
        if not self._server.trusted or self._server.safe:
            return
        if running := self._running.pop(buffer.uri, None):
            running.cancel()
        self._running[buffer.uri] = self._server.later(self._on_save(buffer))

    async def _on_save(self, buffer: Buffer) -> None:
        async def nobody(_says: str, _choices: tuple[str, ...]) -> str:
            return ""

        given = dict(self._server.client_settings)
        try:
            chosen = await asyncio.to_thread(settings.load, buffer.root, given)
            if not chosen.review.on_save:
                return
            wanted = self.wanted(buffer, self._reviewed.get(buffer.uri))
            with self._server.status.job(f"Review {wanted.path}") as told:
                made = await self._server.engine.review(wanted, told, nobody)
        except TrueupError:
            # Whoever picks an action is told; a save is no question.
            return
        if not isinstance(made, Declined):
            self.hold(buffer, wanted, made.findings, replacing=False)

    def wanted(self, buffer: Buffer, since: str | None) -> Review:
        documents = tuple(
            OpenDocument(item.document.path, item.document.text, item.document.version)
            for item in self._server.buffers.under(buffer.root)
        )
        given = dict(self._server.client_settings)
        path, trusted = buffer.document.path, self._server.trusted
        return Review(0, buffer.root, path, documents, since, given, trusted=trusted)

    def hold(
        self, buffer: Buffer, wanted: Review, found: tuple[Finding, ...], *, replacing: bool
    ) -> None:
        if self._server.buffers.get(buffer.uri) is not buffer:
            # It was closed meanwhile.
            return
        text = next(item.text for item in wanted.documents if item.path == wanted.path)
        self._reviewed[buffer.uri] = text
        held = [] if replacing else self._held.get(buffer.uri, [])
        self._held[buffer.uri] = [
            *held,
            *(held_of(next(self._numbers), finding, text) for finding in found),
        ]
        self._server.contracts.refresh(buffer)

    def closed(self, buffer: Buffer) -> None:
        self._held.pop(buffer.uri, None)
        self._reviewed.pop(buffer.uri, None)
        if running := self._running.pop(buffer.uri, None):
            running.cancel()

    def here(self, buffer: Buffer) -> Iterator[tuple[Held, Span]]:
        """What still holds of this buffer; what its text has left behind is forgotten."""
        for held in tuple(self._held.get(buffer.uri, ())):
            span = held.span(buffer)
            if span is None:
                self._held[buffer.uri].remove(held)
            else:
                yield held, span

    def diagnostics(self, buffer: Buffer) -> list[types.Diagnostic]:
        return [
            _diagnostic(self._server.buffers.codec.range(buffer.document, span), held)
            for held, span in self.here(buffer)
        ]

    def found(self, buffer: Buffer, number: int) -> tuple[Finding, Span]:
        """A finding and where it is now. Raises InputError where its code has changed."""
        for held, span in self.here(buffer):
            if held.number == number:
                return held.finding, span
        raise InputError("the code that this was about has changed; review it again")


def owns(diagnostic: types.Diagnostic) -> bool:
    """Whether it is one of ours: its fix is another one than that of any tool's diagnostic."""
    return diagnostic.source == SOURCE and diagnostic.code in {PROVEN, GUESSED}


def _diagnostic(place: types.Range, held: Held) -> types.Diagnostic:
    finding = held.finding
    proof = finding.proof
    if proof is not None:
        message = f"{finding.message} ({proof.names[0]} fails: {proof.detail})"
        severity, code = types.DiagnosticSeverity.Warning, PROVEN
    else:
        message = f"{finding.message} (unproven: {finding.unproven})"
        severity, code = types.DiagnosticSeverity.Hint, GUESSED
    return types.Diagnostic(
        place,
        plain(message),
        severity=severity,
        code=code,
        source=SOURCE,
        data={"review": held.number},
    )
