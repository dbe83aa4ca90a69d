"""The front's side of the engine: starts it on first need, talks to it, survives its end.

Knows the process and the messages, not what a job does. Cancelling the task that awaits `run`
cancels the job; when the engine does not say within `CANCEL_SECONDS` that nothing of it runs any
more, the engine is killed, and with it everything it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from trueup import EngineError
from trueup.engine.messages import (
    LINE_BYTES_MAX,
    Answer,
    Cancel,
    Declined,
    Done,
    FromEngine,
    Progress,
    Question,
    Start,
    Stopped,
    ToEngine,
    decode_from_engine,
    encode,
)

CANCEL_SECONDS: Final = 1.0
STOP_SECONDS: Final = 2.0

Say = Callable[[str], None]
Ask = Callable[[str, tuple[str, ...]], Awaitable[str]]


@dataclass
class _Job:
    say: Say
    ask: Ask
    ended: asyncio.Future[Done | Declined | Stopped]
    questions: set[asyncio.Task[None]] = field(default_factory=set)


class Engine:
    """One engine process, started again after a crash by the next job."""

    def __init__(self, command: tuple[str, ...] | None = None) -> None:
        # -P: the current folder is the user's, and nothing is imported from there.
        self._command = command or (sys.executable, "-P", "-m", "trueup.engine.worker")
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._jobs: dict[int, _Job] = {}
        self._numbers = itertools.count(1)

    @property
    def process_id(self) -> int | None:
        """Of the process that runs, None where none does."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def run(self, start: Start, say: Say, ask: Ask) -> Done | Declined:
        """Run one job. Raises EngineError where the engine dies before it has answered."""
        process = await self._running()
        number = next(self._numbers)
        job = _Job(say, ask, asyncio.get_running_loop().create_future())
        self._jobs[number] = job
        try:
            await self._send(process, replace(start, job=number))
            ended = await asyncio.shield(job.ended)
        except asyncio.CancelledError:
            await self._cancel(process, number, job)
            raise
        finally:
            for question in job.questions:
                question.cancel()
            self._jobs.pop(number, None)
        if isinstance(ended, Stopped):
            raise EngineError("the engine stopped the job")
        return ended

    async def _cancel(self, process: asyncio.subprocess.Process, number: int, job: _Job) -> None:
        with contextlib.suppress(OSError, TimeoutError, EngineError):
            await self._send(process, Cancel(number))
            await asyncio.wait_for(job.ended, CANCEL_SECONDS)
            return
        self._kill(process)

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=LINE_BYTES_MAX,
                    start_new_session=True,
                )
                self._reading = asyncio.create_task(self._read(self._process))
            return self._process

    async def _send(self, process: asyncio.subprocess.Process, message: ToEngine) -> None:
        if process.stdin is None or process.returncode is not None:
            raise EngineError("the engine is not running")
        try:
            process.stdin.write(encode(message))
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise EngineError("the engine stopped before it had read the job") from None

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        lines = process.stdout
        assert lines is not None, "the engine is started with a pipe"  # noqa: S101 - see _running
        try:
            while line := await lines.readline():
                self._handle(process, decode_from_engine(line))
        finally:
            self._kill(process)
            await process.wait()
            for job in self._jobs.values():
                if not job.ended.done():
                    job.ended.set_exception(
                        EngineError("the engine stopped unexpectedly; nothing was changed")
                    )

    def _handle(self, process: asyncio.subprocess.Process, message: FromEngine) -> None:
        job = self._jobs.get(message.job)
        if job is None:
            return
        match message:
            case Progress(says=says):
                job.say(says)
            case Question():
                task = asyncio.create_task(self._answer(process, message, job.ask))
                job.questions.add(task)
                task.add_done_callback(job.questions.discard)
            case Done() | Declined() | Stopped():
                if not job.ended.done():
                    job.ended.set_result(message)

    async def _answer(
        self, process: asyncio.subprocess.Process, question: Question, ask: Ask
    ) -> None:
        choice = await ask(question.says, question.choices)
        await self._send(process, Answer(question.job, question.question, choice))

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        """End the engine's whole group; the agents die with it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Let the engine stop its jobs and agents; kill it where that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._kill(process)
            await process.wait()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)
