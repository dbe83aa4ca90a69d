"""The front's side of the engine: starts it on first need, talks to it, survives its end.

Knows the process and the messages, not what a job does. Cancelling the task that awaits `run`
cancels the job; when the engine does not say within `CANCEL_SECONDS` that nothing of it runs any
more, the engine is killed, and with it everything it started. So it is when it has jobs and is
silent for `HANG_SECONDS`, as it never is while its loop turns. An input on which it has stopped
twice is not given to it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from trueup import EngineError
from trueup.engine.messages import (
    BEAT_SECONDS,
    LINE_BYTES_MAX,
    Answer,
    Cancel,
    Declined,
    Done,
    FromEngine,
    Noticed,
    Progress,
    Prompted,
    Question,
    Review,
    Reviewed,
    Start,
    Stopped,
    ToEngine,
    decode_from_engine,
    encode,
)

CANCEL_SECONDS: Final = 1.0
STOP_SECONDS: Final = 2.0
HANG_SECONDS: Final = 36 * BEAT_SECONDS
"""Some minutes: a check of a file of megabytes holds the loop for longer than one."""
CRASHES_MAX: Final = 2
"""How often the engine may stop on one input; where several jobs ran, on each of theirs."""
INPUTS_MAX: Final = 200
"""How many inputs on which it has stopped are remembered."""

Say = Callable[[str], None]
Ask = Callable[[str, tuple[str, ...]], Awaitable[str]]


@dataclass
class _Job:
    say: Say
    ask: Ask
    ended: asyncio.Future[Done | Prompted | Reviewed | Declined | Stopped]
    input: str
    """The digest of what it was given."""
    questions: set[asyncio.Task[None]] = field(default_factory=set)


class Engine:
    """One engine process, started again after a crash by the next job."""

    def __init__(
        self, command: tuple[str, ...] | None = None, *, hang_seconds: float = HANG_SECONDS
    ) -> None:
        # -P: the current folder is the user's, and nothing is imported from there.
        self._command = command or (sys.executable, "-P", "-m", "trueup.engine.worker")
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._jobs: dict[int, _Job] = {}
        self._numbers = itertools.count(1)
        self._hang_seconds = hang_seconds
        self._crashes: dict[str, int] = {}
        self.noticed: Callable[[Noticed], None] = lambda _: None
        """Told of what concerns no job."""

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def process_id(self) -> int | None:
        """Of the process that runs, None where none does."""
        return self._process.pid if self._process is not None and self.is_running else None

    async def run(self, start: Start, say: Say, ask: Ask) -> Done | Declined:
        """Run one job. Raises EngineError where the engine dies before it has answered."""
        ended = await self._ended(start, say, ask)
        if isinstance(ended, Stopped | Prompted | Reviewed):
            raise EngineError("the engine stopped the job")
        return ended

    async def prompt(self, start: Start, say: Say, ask: Ask) -> Prompted | Declined:
        """What a model would be sent for a goal. Raises EngineError as `run` does."""
        ended = await self._ended(replace(start, show=True), say, ask)
        if isinstance(ended, Stopped | Done | Reviewed):
            raise EngineError("the engine stopped the job")
        return ended

    async def review(self, wanted: Review, say: Say, ask: Ask) -> Reviewed | Declined:
        """Run one review. Raises EngineError as `run` does."""
        ended = await self._ended(wanted, say, ask)
        if isinstance(ended, Stopped | Done | Prompted):
            raise EngineError("the engine stopped the job")
        return ended

    async def _ended(
        self, start: Start | Review, say: Say, ask: Ask
    ) -> Done | Prompted | Reviewed | Declined | Stopped:
        given = hashlib.sha256(encode(replace(start, job=0))).hexdigest()
        if self._crashes.get(given, 0) >= CRASHES_MAX:
            raise EngineError(
                "the engine has stopped twice on this; it is not tried again until the text changes"
            )
        process = await self._running()
        number = next(self._numbers)
        job = _Job(say, ask, asyncio.get_running_loop().create_future(), given)
        self._jobs[number] = job
        try:
            await self._send(process, replace(start, job=number))
            return await asyncio.shield(job.ended)
        except asyncio.CancelledError:
            await self._cancel(process, number, job)
            raise
        finally:
            for question in job.questions:
                question.cancel()
            self._jobs.pop(number, None)

    async def _cancel(self, process: asyncio.subprocess.Process, number: int, job: _Job) -> None:
        with contextlib.suppress(OSError, TimeoutError, EngineError):
            await self._send(process, Cancel(number))
            await asyncio.wait_for(job.ended, CANCEL_SECONDS)
            return
        # Ended because we say so, and not by what it was given.
        job.ended.cancel()
        self._kill(process)
        await process.wait()

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
            while line := await self._line(lines):
                self._handle(process, decode_from_engine(line))
        finally:
            self._kill(process)
            await process.wait()
            for job in self._jobs.values():
                if not job.ended.done():
                    self._stopped_on(job.input)
                    job.ended.set_exception(
                        EngineError("the engine stopped unexpectedly; nothing was changed")
                    )

    async def _line(self, lines: asyncio.StreamReader) -> bytes:
        """The next line; b"" at the end, and where there is a job and nothing for too long."""
        while True:
            try:
                async with asyncio.timeout(self._hang_seconds):
                    return await lines.readline()
            except TimeoutError:
                if self._jobs:
                    return b""

    def _stopped_on(self, given: str) -> None:
        self._crashes[given] = self._crashes.pop(given, 0) + 1
        while len(self._crashes) > INPUTS_MAX:
            del self._crashes[next(iter(self._crashes))]

    def _handle(self, process: asyncio.subprocess.Process, message: FromEngine) -> None:
        if isinstance(message, Noticed):
            self.noticed(message)
            return
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
            case Done() | Prompted() | Reviewed() | Declined() | Stopped():
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
