"""Search in the editor: one index for each project, asked on a thread of its own.

Decisions are searched in what was read from markdown, so they are found whatever becomes of the
index. An index that is missing, or far behind, is brought in step by another process; a file that
was saved is read here. Nothing of this is started before somebody searches.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from lsprotocol import types

from trueup.lsp.convert import uri_of
from trueup.memory import building, hits, places
from trueup.memory.audience import Audience
from trueup.memory.code_base import CodeBase
from trueup.memory.decisions import Decision, Decisions
from trueup.memory.hits import Hit
from trueup.memory.index import Freshness, Home, Index
from trueup.memory.lookup import find_code
from trueup.memory.search import DecisionSearch
from trueup.memory.standing import Standing, standing_of

if TYPE_CHECKING:
    from trueup.lsp.transport import Server

METHOD: Final = "trueup/search"
HERE_MAX: Final = 100
"""Files that are read by the server itself; more of them are left to another process."""
BUILD_SECONDS: Final = 2.0
"""How long an answer waits for that; then it is of the decisions alone."""
PROJECTS_MAX: Final = 8
"""Projects whose index is held open: those that were searched last."""
IS_BUILT: Final = "the index of the code is being built; until then only decisions are found"

T = TypeVar("T")


async def search(server: Server, query: str) -> list[dict[str, object]]:
    """What the projects that are open have about `query`; lines count from 1."""
    found: list[dict[str, object]] = []
    for root in server.buffers.roots:
        known = await known_in(server, root)
        for hit in await server.searches.find(root, known, query):
            uri = uri_of(Path(root, hit.path))
            found.append({"title": hit.title, "kind": hit.kind.value, "uri": uri,
                          "line": hit.line, "why": hit.why})  # fmt: skip
    return found


async def symbols(server: Server, query: str) -> list[types.WorkspaceSymbol]:
    """The decisions about `query`, for every editor's own search; code is told by others there."""
    found: list[types.WorkspaceSymbol] = []
    for root in server.buffers.roots:
        known = await known_in(server, root)
        for hit in await server.searches.decided(root, known, query):
            start = types.Position(hit.line - 1, 0)
            place = types.Location(uri_of(Path(root, hit.path)), types.Range(start, start))
            name, kind = f"Decision {hit.title}", types.SymbolKind.Key
            found.append(types.WorkspaceSymbol(place, name, kind, container_name=hit.path))
    return found


async def known_in(server: Server, root: str) -> Decisions:
    """The decisions as they were read for the open files, else as they are on disk."""
    known = server.contracts.decisions(root)
    if known is None:
        known = await asyncio.to_thread(places.load, root, instructions=False)
    return known


class Searches:
    """The searches of all projects; `say` is told what the user should know, each once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._projects: dict[str, _Project] = {}

    async def find(self, root: str, known: Decisions, question: str) -> tuple[Hit, ...]:
        """What there is about `question`, decisions first."""
        return await (await self._project(root)).find(known, question)

    async def decided(self, root: str, known: Decisions, question: str) -> tuple[Hit, ...]:
        """The decisions about `question` alone, for which no index is needed."""
        return await (await self._project(root)).decided(known, question)

    async def _project(self, root: str) -> _Project:
        project = self._projects.pop(root, None) or _Project(root, self._say)
        self._projects[root] = project
        idle = [name for name, other in self._projects.items() if not other.asked]
        for name in idle[: len(self._projects) - PROJECTS_MAX]:
            await self._projects.pop(name).close()
        return project

    async def close(self) -> None:
        """No process and no open database outlives this."""
        projects, self._projects = list(self._projects.values()), {}
        await asyncio.gather(*(project.close() for project in projects))


class _Project:
    """One project. What is named `_in_thread` runs in its thread and nowhere else."""

    def __init__(self, root: str, say: Callable[[str], None]) -> None:
        self._root, self._say = root, say
        self._thread = ThreadPoolExecutor(1, "trueup-search")
        self._index = Index(root, most=HERE_MAX)
        self._decisions: tuple[Decisions, DecisionSearch] | None = None
        self._building: asyncio.Task[int] | None = None
        self._said: set[str] = set()
        self.asked = 0
        """How many questions wait for an answer."""

    async def find(self, known: Decisions, question: str) -> tuple[Hit, ...]:
        self.asked += 1
        try:
            decided = await self._run(lambda: self._decisions_in_thread(known, question))
            state = await self._run(self._index.refresh)
            if state.behind and state.home is Home.DISK and await self._is_built():
                state = await self._run(self._index.refresh)
            self._tell(state)
            return decided + await self._run(lambda: self._code_in_thread(question))
        finally:
            self.asked -= 1

    async def decided(self, known: Decisions, question: str) -> tuple[Hit, ...]:
        self.asked += 1
        try:
            return await self._run(lambda: self._decisions_in_thread(known, question))
        finally:
            self.asked -= 1

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _decisions_in_thread(self, known: Decisions, question: str) -> tuple[Hit, ...]:
        if self._decisions is None or self._decisions[0] is not known:
            if self._decisions is not None:
                self._decisions[1].close()
            search = DecisionSearch(known, Audience.PERSON, standing=self._standing_in_thread)
            self._decisions = known, search
        answer = self._decisions[1].ask(question, budget=hits.TOKENS_MAX)
        return hits.of_decisions(known, answer)

    def _standing_in_thread(self, decision: Decision) -> Standing:
        # Of the files as they are now, however long ago the decisions were read.
        return standing_of(decision, CodeBase(self._root, ("",)))

    def _code_in_thread(self, question: str) -> tuple[Hit, ...]:
        return hits.of_code(find_code(self._index, question, limit=hits.CODE_MAX))

    async def _is_built(self) -> bool:
        """Whether another process has brought the index in step by now."""
        if self._building is None or self._building.done():
            self._building = asyncio.get_running_loop().create_task(_built(self._root))
        try:
            return await asyncio.wait_for(asyncio.shield(self._building), BUILD_SECONDS) == 0
        except TimeoutError:
            return False

    def _tell(self, state: Freshness) -> None:
        says = state.says
        if state.behind and self._building is not None and not self._building.done():
            says = IS_BUILT
        if says and says not in self._said:
            self._said.add(says)
            self._say(says)

    async def close(self) -> None:
        if self._building is not None:
            self._building.cancel()
            await asyncio.gather(self._building, return_exceptions=True)
        await self._run(self._close_in_thread)
        self._thread.shutdown(wait=False)

    def _close_in_thread(self) -> None:
        self._index.close()
        if self._decisions is not None:
            self._decisions[1].close()


async def _built(root: str) -> int:
    """Bring the index of a project in step in a process of its own; its exit code."""
    process = await asyncio.create_subprocess_exec(
        *building.command(root),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return await process.wait()
    finally:
        # Also on cancellation: no process outlives the server.
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
