"""Where tests are run: one warm agent per workspace and interpreter, started after consent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from trueup import trust, workspace
from trueup.engine.recordings import Recordings
from trueup.runner.affected import Affected, importers_of
from trueup.runner.results import RunRequest, ScriptAnswer, ScriptRequest, TestRun, Unavailable
from trueup.runner.session import Session
from trueup.settings import Settings
from trueup.verify.trial import TestBed

Ask = Callable[[str, tuple[str, ...]], Awaitable[str]]
"""Puts words and choices before the user; "" where there is nobody to ask."""

UNTRUSTED = "the tests were not run: your editor does not trust this workspace"
NOT_TRUSTED = "the tests were not run: you have not trusted this folder (`trueup trust`)"


@dataclass(frozen=True, slots=True)
class _Key:
    root: str
    interpreter: str
    minimum: str


class Beds:
    """The agents that are running, shared by all jobs of this process."""

    def __init__(self) -> None:
        self._starting: dict[_Key, asyncio.Task[Session | Unavailable]] = {}
        self._recordings: dict[tuple[str, Path], Recordings] = {}

    def bed(self, root: str, settings: Settings, ask: Ask, *, trusted: bool = True) -> Bed:
        return Bed(self, root, settings, ask, trusted=trusted)

    async def session(
        self, root: str, interpreter: Path, settings: Settings
    ) -> Session | Unavailable:
        """The warm agent of `root`, started when there is none. Call it only after consent."""
        key = _Key(root, str(interpreter), settings.isolation_minimum)
        task = self._starting.get(key)
        if task is None:
            task = asyncio.create_task(
                Session.start(Path(root), interpreter, settings.limits, settings.isolation_minimum)
            )
            self._starting[key] = task
        # Shielded: a job that is cancelled must not take the agent from the others.
        started = await asyncio.shield(task)
        if isinstance(started, Unavailable):
            self._starting.pop(key, None)
        return started

    def recordings(self, root: str, interpreter: Path) -> Recordings:
        """What is known of who runs what there, shared by all jobs."""
        key = (root, interpreter)
        if key not in self._recordings:
            self._recordings[key] = Recordings(root, interpreter)
        return self._recordings[key]

    async def close(self) -> None:
        for task in self._starting.values():
            started = await task
            if isinstance(started, Session):
                await started.close()
        self._starting.clear()


class Bed:
    """The test bed of one job: asks for consent once, then hands out the workspace's agent.

    Where the editor does not trust the workspace (`trusted`), there is nothing to ask.
    """

    def __init__(
        self, beds: Beds, root: str, settings: Settings, ask: Ask, *, trusted: bool = True
    ) -> None:
        self._trusted = trusted
        self._beds, self._root, self._settings, self._ask = beds, root, settings, ask
        self._session: Session | None = None
        self._ready: asyncio.Task[str] | None = None

    @property
    def isolation(self) -> str:
        return self._session.isolation.sentence if self._session else ""

    @property
    def total_tests(self) -> int | None:
        return self._session.total_tests if self._session else None

    def as_test_bed(self) -> TestBed:
        return TestBed(self.affected, self.refusal, self.baseline, self.run, self.confirm, self.ask)

    async def affected(
        self, changed: Collection[str], before: Mapping[str, str], after: Mapping[str, str],
        absent: Collection[str],
    ) -> Affected:  # fmt: skip
        recordings = self._recordings()
        if recordings is not None:
            return await recordings.affected(changed, before, after, absent)
        return await asyncio.to_thread(importers_of, self._root, changed, {**before, **after})

    def _recordings(self) -> Recordings | None:
        interpreter = workspace.interpreter_of(self._root, self._settings.interpreter)
        return self._beds.recordings(self._root, interpreter) if interpreter else None

    async def refusal(self) -> str:
        if self._ready is None:
            self._ready = asyncio.create_task(self._make_ready())
        return await asyncio.shield(self._ready)

    async def _make_ready(self) -> str:
        if not self._trusted:
            return UNTRUSTED
        interpreter = workspace.interpreter_of(self._root, self._settings.interpreter)
        if interpreter is None:
            chosen = self._settings.interpreter
            if chosen:
                return f"the interpreter {chosen} cannot be executed"
            return "no interpreter: the project has no .venv, and none is set (`interpreter`)"
        if not await consent(self._root, interpreter, self._ask):
            return NOT_TRUSTED
        started = await self._beds.session(self._root, interpreter, self._settings)
        if isinstance(started, Unavailable):
            return started.reason
        self._session = started
        return ""

    async def baseline(self, request: RunRequest, texts: Mapping[str, str]) -> TestRun:
        """A run on the unchanged workspace, from which the map of tests learns."""
        recordings = self._recordings()
        if recordings is None:
            return await self.run(request)
        return await recordings.baseline(request, texts, self.run)

    async def run(self, request: RunRequest) -> TestRun:
        return await self._running().run(request)

    async def confirm(self, request: RunRequest) -> TestRun:
        return await self._running().confirm(request)

    async def ask(self, request: ScriptRequest) -> ScriptAnswer:
        return await self._running().ask(request)

    def _running(self) -> Session:
        if self._session is None:
            raise RuntimeError("tests were to be run before `refusal` was awaited")
        return self._session

    async def close(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.cancel()
            await asyncio.gather(self._ready, return_exceptions=True)


async def consent(root: str, interpreter: Path, ask: Ask) -> bool:
    """Whether the user lets the project's tests run now, asking where that is not known."""
    wanted = await asyncio.to_thread(trust.plan, root, interpreter)
    if trust.is_trusted(wanted):
        return True
    answer = await ask(wanted.words(), tuple(item.value for item in trust.Answer))
    if answer == trust.Answer.ALWAYS:
        trust.remember(wanted)
    return answer in {trust.Answer.ALWAYS, trust.Answer.ONCE}
