"""What an editor with an evidence panel is to a test: pages that are answered, and what it hears.

Part of `editor`. It declares nothing unless it is asked to, so that an editor without a panel stays
one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lsprotocol import types

from trueup.lsp.convert import plain
from trueup.lsp.custom import DECISIONS, SUGGESTIONS, TRACE, TRUSTED, Params
from trueup.lsp.ready import COMMAND
from trueup.lsp.showing import EVIDENCE, JUDGED, SETTLED
from trueup.lsp.status import METHOD as STATUS

if TYPE_CHECKING:
    from pygls.lsp.client import LanguageClient

Json = dict[str, object]


@dataclass
class Panel:
    """Answers each page with the first of its choices that is among `answers`."""

    answers: frozenset[str]
    reason: str = ""
    decide: bool = False
    silent: bool = False
    """Never answer; `withdrawn` then counts the pages that the server took back."""
    answering: asyncio.Event | None = None
    """Answer when it is set, so that something can happen in the meantime."""
    pages: list[Json] = field(default_factory=list)
    judged: list[Json] = field(default_factory=list)
    settled: list[Json] = field(default_factory=list)
    told: list[Json] = field(default_factory=list)
    """What the status said, one value for each time."""
    withdrawn: int = 0
    refreshed: int = 0
    """How often the server said that lenses changed."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def register(self, client: LanguageClient) -> None:
        # pygls leaves marks on what it registers, which a bound method does not take.
        async def answer(page: Params) -> Json:
            return await self._answer(_json(page))

        client.feature(EVIDENCE)(answer)
        client.feature(types.WORKSPACE_CODE_LENS_REFRESH)(lambda _: self._refresh())
        for method, kept in (
            (JUDGED, self.judged),
            (SETTLED, self.settled),
            (STATUS, self.told),
        ):
            client.feature(method)(lambda value, kept=kept: self._keep(kept, value))

    def _keep(self, kept: list[Json], value: object) -> None:
        kept.append(_json(value))
        self._changed()

    def _refresh(self) -> None:
        self.refreshed += 1
        self._changed()

    async def _answer(self, page: Json) -> Json:
        self.pages.append(page)
        self._changed()
        if self.silent:
            try:
                await asyncio.Event().wait()
            finally:
                self.withdrawn += 1
                self._changed()
        if self.answering is not None:
            await self.answering.wait()
        offered = page["choices"]
        choices = offered if isinstance(offered, list) else []
        chosen = next((item for item in choices if item in self.answers), "")
        return {"choice": chosen, "reason": self.reason, "decide": self.decide}

    def _changed(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def next(self) -> None:
        """Wait until the server says something to the panel."""
        await self._news.wait()

    async def page(self) -> Json:
        """The first page that was to be answered, when there is one."""
        while not self.pages:
            await self.next()
        return self.pages[0]

    async def state(self, wanted: str) -> Json:
        """The status as it was last told, when it is in that state."""
        while not (self.told and self.told[-1]["state"] == wanted):
            await self.next()
        return self.told[-1]


async def fixes(client: LanguageClient, uri: str) -> list[types.CodeLens]:
    """The lenses of fixes that are ready."""
    found = await client.text_document_code_lens_async(
        types.CodeLensParams(types.TextDocumentIdentifier(uri))
    )
    return [item for item in found or () if item.command and item.command.command == COMMAND]


async def completions(
    client: LanguageClient, uri: str, position: types.Position
) -> list[types.InlineCompletionItem]:
    """What the server would show at the cursor."""
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
    found = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(context, types.TextDocumentIdentifier(uri), position)
    )
    return list(found) if isinstance(found, list) else []


def trust(client: LanguageClient, *, trusted: bool) -> None:
    """Say that the user trusts the workspace, or does not any more."""
    client.protocol.notify(TRUSTED, {"trusted": trusted})


async def suggestions(client: LanguageClient, limit: int | None = None) -> list[Json]:
    found = await _asked(client, SUGGESTIONS, {} if limit is None else {"limit": limit})
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


async def trace(client: LanguageClient, name: str, *, html: bool = False) -> Json:
    found = await _asked(client, TRACE, {"trace": name, "html": html})
    return found if isinstance(found, dict) else {}


async def decisions(client: LanguageClient, uri: str = "") -> list[Json]:
    found = await _asked(client, DECISIONS, {"uri": uri} if uri else {})
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


async def _asked(client: LanguageClient, method: str, params: Json) -> object:
    return plain(await client.protocol.send_request_async(method, params))


def _json(value: object) -> Json:
    found = plain(value)
    return found if isinstance(found, dict) else {}
