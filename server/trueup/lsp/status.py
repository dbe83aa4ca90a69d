"""What the server is doing and what it may do, for a status bar and a side bar.

Told as one value whenever it changed, to clients that declared `status`. Knows the jobs that run,
what was spent today and which isolation was in force last; decides nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trueup import TrueupError, settings, workspace
from trueup.operations.budget import Purse, ledger_file, session_of
from trueup.operations.prices import NANO

if TYPE_CHECKING:
    from trueup.lsp.transport import Server

METHOD: Final = "trueup/status"
REST_SECONDS: Final = 0.05
"""Changes that are closer together are told as one."""

READY, WORKING, UNTRUSTED = "ready", "working", "untrusted"
LIMITED, SAFE = "limited", "safe"


@dataclass
class Job:
    """Something that the user started and that is not over. `task` is cancelled to stop it."""

    id: str
    title: str
    task: asyncio.Task[object] | None
    says: str = ""


class Status:
    """The jobs of one server, and the notification about them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)
        self._waiting: asyncio.TimerHandle | None = None
        self.isolation = ""
        """In force at the last run of tests; "" where none was seen."""
        self.wanted = False
        """Whether the client declared that it takes the notification."""

    @property
    def is_idle(self) -> bool:
        return not self._jobs

    @contextmanager
    def job(self, title: str) -> Iterator[Callable[[str], None]]:
        """A job while it runs; what it yields takes what the job is doing now."""
        job = Job(f"job-{next(self._numbers)}", title, asyncio.current_task())
        self._jobs[job.id] = job
        self.changed()

        def say(says: str) -> None:
            job.says = says
            self.changed()

        try:
            yield say
        finally:
            del self._jobs[job.id]
            self.changed()

    def cancel_all(self) -> None:
        """Stop every job, as its own cancel button would."""
        for job in self._jobs.values():
            if job.task is not None:
                job.task.cancel()

    def changed(self) -> None:
        """Tell the client soon."""
        if self.wanted and self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(REST_SECONDS, self._start)

    def _start(self) -> None:
        self._waiting = None
        self._server.later(self._tell())

    async def _tell(self) -> None:
        found = await asyncio.to_thread(_looked_up, self._roots(), self._server.client_settings)
        self._server.protocol.notify(METHOD, self._value(*found))

    def _roots(self) -> tuple[str, ...]:
        return tuple(str(folder) for folder in self._server.buffers.folders)

    def _value(self, trouble: str, spend: dict[str, object] | None) -> dict[str, object]:
        jobs = tuple(self._jobs.values())
        if not self._server.trusted:
            state = UNTRUSTED
            says = "This workspace is not trusted: nothing is executed and nothing is sent."
        elif self._server.safe:
            state, says = SAFE, f"{self._server.safe}."
        elif jobs:
            state, says = (
                WORKING,
                ": ".join(part for part in (jobs[-1].title, jobs[-1].says) if part),
            )
        elif trouble:
            state, says = LIMITED, f"{trouble}."
        else:
            state, says = READY, "Trueup is ready."
        return {
            "state": state,
            "says": says,
            "isolation": self.isolation,
            "background": self._server.ready.says,
            "spend": spend,
            "jobs": [{"id": job.id, "title": job.title, "says": job.says} for job in jobs],
        }


def _looked_up(
    roots: tuple[str, ...], client: dict[str, object]
) -> tuple[str, dict[str, object] | None]:
    """Why tests cannot run, "" where they could; and what was spent today."""
    trouble = ""
    try:
        for root in roots:
            chosen = settings.load(root, client)
            if workspace.interpreter_of(root, chosen.interpreter) is None:
                trouble = "No tests can run: the project has no .venv, and no interpreter is set"
        budget = settings.load("/", client).budget
    except TrueupError as problem:
        return str(problem), None
    if not ledger_file().exists():
        # Nothing was ever asked; to look is no reason to make the file.
        return trouble, _spend(budget, 0, 0)
    purse = Purse(budget, session_of(os.getpid()))
    try:
        total = purse.spent()
    finally:
        purse.close()
    if total.problem:
        return trouble, None
    return trouble, _spend(budget, total.spent.day.nano, total.spent.day.tokens)


def _spend(budget: settings.Budget, nano: int, tokens: int) -> dict[str, object]:
    return {
        "day_usd": nano / NANO,
        "day_usd_limit": budget.day_usd,
        "day_tokens": tokens,
        "day_tokens_limit": budget.day_tokens,
    }
