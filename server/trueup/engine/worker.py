"""The engine process: reads messages on stdin, runs jobs, writes messages to stdout.

It stops when stdin ends, and with it everything it started. Its own stdout is kept for messages:
whatever else prints, prints to stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import logging
import os
import signal
import sys
from typing import BinaryIO

from trueup import TrueupError, settings
from trueup.engine import job, review, shown
from trueup.engine.beds import Beds
from trueup.engine.judging import Made
from trueup.engine.messages import (
    BEAT_SECONDS,
    LINE_BYTES_MAX,
    Alive,
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
    decode_to_engine,
    encode,
)
from trueup.engine.recorded import Books
from trueup.engine.turns import JOBS_AT_ONCE, JOBS_MAX, Turns
from trueup.guards.redaction import log_to_stderr
from trueup.operations.budget import session_of
from trueup.operations.pulse import Pulse
from trueup.operations.tracestore import TraceStore
from trueup.operations.watching import Watch
from trueup.propose.proposal import Failure

log = logging.getLogger("trueup.engine")

PR_SET_PDEATHSIG = 1
NICENESS = 5
"""How much the engine, and the tests that it runs, stand back for the editor and its server."""


class Worker:
    def __init__(self, out: BinaryIO, *, watching: bool = True) -> None:
        """`watching`: whether somebody listens who can be told that suggestions get worse."""
        self._out, self._watching = out, watching
        self._beds = Beds()
        self._turns = Turns()
        # The session is the server's, however many engines it outlives.
        self._books = Books(session_of(os.getppid()))
        self._jobs: dict[int, asyncio.Task[None]] = {}
        self._questions: dict[tuple[int, int], asyncio.Future[str]] = {}
        self._numbers = itertools.count(1)

    async def serve(self, lines: asyncio.StreamReader) -> None:
        """Handle messages until there are no more; then stop every job and every agent."""
        beating = asyncio.create_task(self._beat())
        try:
            while line := await lines.readline():
                self._handle(line)
        finally:
            beating.cancel()
            for task in self._jobs.values():
                task.cancel()
            await asyncio.gather(*self._jobs.values(), return_exceptions=True)
            await self._beds.close()
            self._books.close()

    async def _beat(self) -> None:
        """Say now and then that the loop turns; a job that blocks it is found out by silence."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._send(Alive())

    def _handle(self, line: bytes) -> None:
        match decode_to_engine(line):
            case (Start() | Review()) as start if len(self._jobs) >= JOBS_MAX:
                says = f"{JOBS_MAX} jobs are waiting already; try again when some are done"
                self._send(Declined(start.job, says))
            case (Start() | Review()) as start:
                task = asyncio.create_task(self._run(start))
                self._jobs[start.job] = task
                task.add_done_callback(lambda _: self._jobs.pop(start.job, None))
            case Cancel(job=number):
                if running := self._jobs.get(number):
                    running.cancel()
                else:
                    self._send(Stopped(number))
            case Answer(job=number, question=question, choice=choice):
                waiting = self._questions.get((number, question))
                if waiting is not None and not waiting.done():
                    waiting.set_result(choice)

    async def _run(self, start: Start | Review) -> None:
        async def ask(says: str, choices: tuple[str, ...]) -> str:
            return await self._ask(start.job, says, choices)

        def say(says: str) -> None:
            self._send(Progress(start.job, says))

        ports = job.Ports(self._beds, ask, say, self._books, self._turns)
        try:
            async with self._turns.take("jobs", JOBS_AT_ONCE, lambda: say("waiting for its turn")):
                made = await _made(start, ports)
        except asyncio.CancelledError:
            self._send(Stopped(start.job))
            raise
        except TrueupError as problem:
            self._send(Declined(start.job, str(problem)))
        except Exception:
            # The boundary of the process: the job is lost, the engine and its other jobs are not.
            title = start.goal.title if isinstance(start, Start) else f"Review {start.path}"
            log.exception("the job failed: %s", title)
            self._send(Declined(start.job, "Trueup made a mistake; its log has the details"))
        else:
            if isinstance(made, Failure):
                self._send(Declined(start.job, made.sentence))
            elif isinstance(made, Reviewed):
                self._send(made)
            elif isinstance(made, shown.Shown):
                self._send(Prompted(start.job, made.text, made.request.json))
            else:
                self._send(Done(start.job, made))
            await self._watch(start)

    async def _watch(self, start: Start | Review) -> None:
        """Say once what gets worse, after the job that shows it."""
        if not self._watching:
            return
        limits = settings.load(start.root, start.settings).traces
        for alarm in await asyncio.to_thread(Watch(TraceStore(limits)).news):
            self._send(Noticed(0, alarm.sentence, alarm.goal))

    async def _ask(self, number: int, says: str, choices: tuple[str, ...]) -> str:
        question = next(self._numbers)
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._questions[number, question] = waiting
        try:
            self._send(Question(number, question, says, choices))
            return await waiting
        finally:
            del self._questions[number, question]

    def _send(self, message: FromEngine) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._out.write(encode(message))
            self._out.flush()


async def _made(start: Start | Review, ports: job.Ports) -> Made | Reviewed | shown.Shown:
    if isinstance(start, Review):
        return await review.run(start, ports)
    return await (shown.run(start, ports) if start.show else job.run(start, ports))


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; elsewhere, the end of stdin must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


async def _serve(out: BinaryIO, *, watching: bool) -> None:
    lines = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    serving = asyncio.ensure_future(Worker(out, watching=watching).serve(lines))
    loop.add_signal_handler(signal.SIGTERM, serving.cancel)
    pulse = Pulse()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    pulse.stop()


def main() -> None:
    """Entry point of `python -m trueup.engine.worker [NICENESS]`."""
    die_with_parent()
    # This process and all that it starts give way to the editor and its server; work that nobody
    # waits for gives way to everything.
    with contextlib.suppress(OSError):
        os.nice(int(sys.argv[1]) if sys.argv[1:] else NICENESS)
    log_to_stderr()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # News are told once, so not by an engine that works for nobody in particular.
    asyncio.run(_serve(out, watching=not sys.argv[1:]))


if __name__ == "__main__":
    main()
