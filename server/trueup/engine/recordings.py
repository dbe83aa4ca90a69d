"""The map from tests to code of each workspace: loaded once, asked, and taught by every baseline.

It is read from the cache folder and written back there; when that fails, it lives as long as this
process. A recorded run is a slower one, so a run is recorded only where the map has something to
learn from it, and a baseline in which recording may have broken a test is run again without. A
baseline that is known from before is not run at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from trueup.engine.baselines import Baselines
from trueup.runner import testmap
from trueup.runner.affected import Affected
from trueup.runner.results import RunRequest, RunStatus, TestRun
from trueup.runner.selection import changed_since, select
from trueup.runner.testmap import State, TestMap
from trueup.settings import cache_folder

log = logging.getLogger("trueup.engine")

Run = Callable[[RunRequest], Awaitable[TestRun]]
Keeping = dict[str, dict[int, tuple[str, ...]]]


class Recordings:
    """The map of one workspace under one interpreter."""

    def __init__(self, root: str, interpreter: Path) -> None:
        self._root = root
        self._file = testmap.place_of(cache_folder(), root, interpreter)
        self._known: TestMap | None = None
        self._loaded = False
        self._busy = asyncio.Lock()
        self._baselines = Baselines(root, interpreter)

    async def affected(
        self, changed: Collection[str], before: Mapping[str, str], after: Mapping[str, str],
        absent: Collection[str],
    ) -> Affected:  # fmt: skip
        async with self._busy:
            return await asyncio.to_thread(self._select, changed, before, after, absent)

    def _select(
        self, changed: Collection[str], before: Mapping[str, str], after: Mapping[str, str],
        absent: Collection[str],
    ) -> Affected:  # fmt: skip
        def state(texts: Mapping[str, str]) -> State:
            gone = {path for path in (*changed, *absent) if path not in texts}
            return State.of(self._root, texts, gone)

        return select(self._map(), changed, state(before), state(after))

    def _map(self) -> TestMap | None:
        if not self._loaded:
            self._known, self._loaded = testmap.load(self._file), True
        return self._known

    async def baseline(self, request: RunRequest, texts: Mapping[str, str], run: Run) -> TestRun:
        """The run of `request` on the unchanged workspace, of which `texts` differ from the disk.

        A test that only recording broke must not count as red before the change.
        """
        state = await asyncio.to_thread(State.of, self._root, texts, request.deleted)
        async with self._busy:
            wanted = await asyncio.to_thread(self._wanted, request.tests, state)
        key = await asyncio.to_thread(self._baselines.key, request)
        if wanted is None:
            known = self._baselines.answer(key, request.tests)
            return known or await self._kept(key, request, run)
        recorded = await self._kept(key, replace(request, record=wanted), run)
        async with self._busy:
            await asyncio.to_thread(self._learn, recorded, state, request.tests)
        red = any(result.outcome.is_red for result in recorded.results.values())
        if recorded.status is not RunStatus.FINISHED or recorded.collection_errors or red:
            return await self._kept(key, request, run)
        return recorded

    async def _kept(self, key: str | None, request: RunRequest, run: Run) -> TestRun:
        """A run that answers for later ones, unless the workspace changed under it."""
        found = await run(request)
        if await asyncio.to_thread(self._baselines.key, request) == key:
            self._baselines.keep(key, request.tests, found)
        return found

    def _wanted(self, tests: tuple[str, ...], state: State) -> Keeping | None:
        """What to tell the recorder, or None where these tests are known as they are now."""
        known = self._map()
        if known is not None and all(
            test in known.tests if "::" in test else test in known.complete for test in tests
        ):
            stale = changed_since(known, state)
            if not any(name in tests or name.partition("::")[0] in tests for name in stale):
                return None
        return testmap.keepers(state)

    def _learn(self, run: TestRun, state: State, tests: tuple[str, ...]) -> None:
        known = self._map()
        since = changed_since(known, state) if known is not None else frozenset()
        made = testmap.learned(known, run, state, tests, since)
        if made is None or made is known:
            return
        self._known = made
        try:
            testmap.save(self._file, made)
        except OSError as problem:
            log.warning("the map of %s is not kept: %s", self._root, problem)
