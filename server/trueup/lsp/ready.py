"""Fixes that are verified before anyone asks: found while the user rests, shown as lenses.

When nobody types and nothing else runs, what is wrong in the current document is fixed in the
background by the proposers that need no model (Ruff's own fix, a forbidden import broken), each
through the whole gate, in an engine of low priority. What is *verified* is kept ready until any
text that it was judged with changes; nothing else is ever shown. It begins only where the tests of
the workspace may run, rests on battery and under load, and stops at once when there is something
better to do.

Knows when and how much; `spare` knows the machine, `suggest` how a fix is applied.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from trueup import TrueupError, settings
from trueup.engine.client import Engine
from trueup.engine.messages import Done, OpenDocument, Start
from trueup.lsp import fixable, inline, spare
from trueup.lsp.apply import stale_paths
from trueup.lsp.offers import goal_of
from trueup.memory.hidden import one_line
from trueup.settings import Settings
from trueup.snapshot import Snapshot
from trueup.suggestion import Diagnostic, Goal, Ruling, Suggestion

if TYPE_CHECKING:
    from trueup.lsp.documents import Buffer
    from trueup.lsp.transport import Server

COMMAND: Final = "trueup.ready"
RETRY_SECONDS: Final = 30.0
"""How long to wait before looking again whether the machine has something to spare."""
UNUSED_SECONDS: Final = 120.0
"""How long the engine of the background is kept without work."""
OFFERED_MAX: Final = 20
"""Fixes that were shown at the cursor and are remembered until one is accepted."""
UNTRUSTED: Final = "no fixes are looked for: the workspace is not trusted"
SAFE: Final = "no fixes are looked for: this start is a safe one"
RESTS: Final = "no fixes are looked for now: the machine has other work, or runs on battery"

log = logging.getLogger("trueup.lsp")


@dataclass(frozen=True, slots=True)
class Fix:
    """A verified suggestion, and the texts that it was judged with."""

    id: str
    root: str
    suggestion: Suggestion
    base: Snapshot


class Ready:
    """The fixes that are ready in one server, and the work that finds them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._engine = Engine()
        self._fixes: dict[str, Fix] = {}
        self._offered: dict[str, Fix] = {}
        """Those that were shown at the cursor, also when the text changed since: by them, maybe."""
        self._tried: set[tuple[str, Diagnostic]] = set()
        """Findings by their root, so that none is tried twice on the same texts."""
        self._numbers = itertools.count(1)
        self._shown = ""
        self.says = ""
        """Why nothing is looked for, for the status; "" where it is, or is not wanted at all."""
        self._timer: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[None] | None = None
        self._allowance = spare.Allowance(0, 0)
        self.idle_seconds = settings.Background().idle_seconds
        self.is_on = False
        """Whether fixes are looked for at all."""
        self.shows_ruff = False
        """Whether the client has shown a finding of Ruff: then the user wants those fixed."""

    def configure(self, rules: settings.Background, *, declared: bool) -> None:
        """By the machine's rules; `declared`: the client shows fixes that are ready."""
        self.is_on = declared if rules.enabled is None else rules.enabled
        self.idle_seconds = rules.idle_seconds
        niceness = str(int(rules.niceness))
        self._engine = Engine((sys.executable, "-m", "trueup.engine.worker", niceness))

    # What happens in the editor.

    def touched(self, buffer: Buffer) -> None:
        """The user opened, changed or closed a document: what was judged with it is void."""
        self._void(buffer.root)
        self.rest()

    def looked_at(self, buffer: Buffer) -> None:
        """The editor shows a document: where it is another one than before, that has its turn."""
        if buffer.uri != self._shown:
            self._shown = buffer.uri
            self.rest()

    def everything_changed(self) -> None:
        """Files changed that no buffer holds, or what may be done with them."""
        for root in {fix.root for fix in self._fixes.values()}:
            self._void(root)
        self._tried.clear()
        self.rest()

    def rest(self) -> None:
        """Stop what runs, and begin again when nothing has happened for a while."""
        if self._work is not None:
            self._work.cancel()
        self._later(self.idle_seconds)

    async def close(self) -> None:
        """Stop, and end the engine."""
        self.is_on = False
        if self._timer is not None:
            self._timer.cancel()
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._fixes.clear()
        await self._engine.close()

    # What is shown.

    def find(self, identity: str) -> Fix | None:
        """The fix of that name, as long as it is ready."""
        return self._fixes.get(identity)

    def accepted(self, identity: str) -> Fix | None:
        """The fix of that name, as it was shown at the cursor; once."""
        return self._offered.pop(identity, None)

    def lenses(self, buffer: Buffer) -> list[types.CodeLens]:
        found = []
        for fix in self._of(buffer):
            where = fix.suggestion.goal.span
            title = f"✓ verified fix ready: {one_line(fix.suggestion.candidate.title)}"
            argument: types.LSPAny = {"uri": buffer.uri, "id": fix.id}
            command = types.Command(title, COMMAND, arguments=[argument])
            area = self._server.buffers.codec.range(buffer.document, where)
            found.append(types.CodeLens(area, command))
        return found

    def completions(
        self, buffer: Buffer, position: types.Position
    ) -> list[types.InlineCompletionItem]:
        """Those that can be shown at the cursor."""
        codec, document = self._server.buffers.codec, buffer.document
        cursor = codec.offset(document, position)
        found = []
        for fix in self._of(buffer):
            made = inline.ghost(document, fix.suggestion.candidate.edits, cursor)
            if made is not None:
                area = codec.range(document, made.span)
                argument: types.LSPAny = {"uri": buffer.uri, "id": fix.id, "accepted": True}
                # The editor makes the change itself, and then says so.
                told = types.Command("Accepted", COMMAND, arguments=[argument])
                found.append(types.InlineCompletionItem(made.text, range=area, command=told))
                self._offered[fix.id] = fix
                if len(self._offered) > OFFERED_MAX:
                    self._offered.pop(next(iter(self._offered)))
        return found

    def _of(self, buffer: Buffer) -> Iterator[Fix]:
        for fix in self._fixes.values():
            if fix.root == buffer.root and fix.suggestion.goal.path == buffer.document.path:
                yield fix

    def _void(self, root: str) -> None:
        self._tried.clear()
        gone = [fix.id for fix in self._fixes.values() if fix.root == root]
        for identity in gone:
            del self._fixes[identity]
        if gone:
            self._refresh()

    def _refresh(self) -> None:
        if self._server.client.relenses:
            self._server.workspace_code_lens_refresh(None)

    # The work.

    def _later(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.is_on:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._begin)

    def _begin(self) -> None:
        if self._work is None or self._work.done():
            self._work = self._server.later(self._working())
        else:
            # It was cancelled and is not over yet: its engine takes a moment to stop.
            self._later(self.idle_seconds)

    async def _working(self) -> None:
        buffer = self._server.buffers.latest
        if buffer is None or not self._server.buffers.knows(buffer):
            return
        if not self._server.trusted or self._server.safe:
            self._tell(UNTRUSTED if not self._server.trusted else SAFE)
            return
        try:
            chosen, why = await asyncio.to_thread(
                fixable.allowed, buffer.root, self._server.client_settings
            )
            rules = chosen.background
            if not why and (wait := self._wait(rules)):
                why = RESTS
                self._later(wait)
            self._tell(why)
            if why:
                return
            if not self._server.status.is_idle:
                self._later(rules.idle_seconds)
                return
            for goal in await self._goals(buffer, chosen):
                if sum(1 for _ in self._of(buffer)) >= rules.fixes:
                    break
                if wait := self._wait(rules):
                    self._tell(RESTS)
                    self._later(wait)
                    return
                async with self._counted():
                    await self._try(buffer, goal, chosen)
        except TrueupError as problem:
            log.warning("no fix was tried in the background: %s", problem)
        self._later_unused()

    def _tell(self, why: str) -> None:
        if why != self.says:
            self.says = why
            self._server.status.changed()

    def _wait(self, rules: settings.Background) -> float:
        """Seconds for which the machine is to be left alone; 0.0 where it has time to spare."""
        self._allowance.per_minute = rules.per_minute
        self._allowance.cpu_seconds = rules.cpu_seconds
        if spare.on_battery() or spare.load_per_processor() > rules.load:
            return RETRY_SECONDS
        return self._allowance.wait(time.monotonic())

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        before = await self._cpu_seconds()
        self._allowance.began(time.monotonic())
        try:
            yield
        finally:
            taken = await self._cpu_seconds() - before
            self._allowance.took(time.monotonic(), max(0.0, taken))

    async def _cpu_seconds(self) -> float:
        """Of the engine and all that it started; in a thread, because all processes are read."""
        process = self._engine.process_id
        return await asyncio.to_thread(spare.cpu_seconds, process) if process is not None else 0.0

    async def _goals(self, buffer: Buffer, chosen: Settings) -> list[Goal]:
        """What could be fixed here and was not tried on this text, in the order of the text."""
        document = buffer.document
        found = [
            Diagnostic(document.path, item.span, item.message, "trueup", item.rule)
            for item in self._server.contracts.findings(buffer)
        ]
        if self.shows_ruff or await asyncio.to_thread(fixable.configures_ruff, buffer.root):
            found += await asyncio.to_thread(
                fixable.of_ruff, buffer.root, document, model=chosen.background.model
            )
        if buffer.document is not document:
            return []
        return [
            goal_of(document, buffer.outline, item)
            for item in sorted(found, key=lambda item: item.span)
            if (buffer.root, item) not in self._tried
        ]

    async def _try(self, buffer: Buffer, goal: Goal, chosen: Settings) -> None:
        buffers = self._server.buffers
        base = Snapshot.of(buffer.root, (item.document for item in buffers.under(buffer.root)))
        start = Start(
            0,
            buffer.root,
            goal,
            tuple(OpenDocument(item.path, item.text, item.version) for item in base),
            settings=dict(self._server.client_settings),
            deterministic=not chosen.background.model,
        )
        done = await self._engine.run(start, lambda _: None, _nobody)
        if goal.diagnostic is not None:
            self._tried.add((buffer.root, goal.diagnostic))
        if not isinstance(done, Done) or done.suggestion.verdict.outcome is not Ruling.VERIFIED:
            return
        if stale_paths(buffers, buffer.root, done.suggestion):
            return
        fix = Fix(f"fix-{next(self._numbers)}", buffer.root, done.suggestion, base)
        self._fixes[fix.id] = fix
        self._refresh()

    def _later_unused(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer.cancelled() or self._timer.when() < loop.time():
            self._timer = loop.call_later(UNUSED_SECONDS, self.end_engine)

    def end_engine(self) -> None:
        """Give back what the engine holds; the next work starts another one."""
        self._server.later(self._engine.close())


async def _nobody(_: str, __: tuple[str, ...]) -> str:
    """Questions of the background are not asked: the user did not ask for anything."""
    return ""
