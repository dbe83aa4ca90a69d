"""The server's end of one agent: its process, its requests, its events.

Everything that an agent says is data from a less trusted process: a line that is no event is
dropped, and nothing here raises because of one. An agent that ends fails every run that waits.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trueup.runner import sandbox
from trueup.runner.results import RunRequest, ScriptRequest, Unavailable
from trueup.settings import Limits

AGENT: Final = Path(__file__).with_name("agent.py")
START_SECONDS: Final = 90.0
KILL_SECONDS: Final = 1.0
GRACE_SECONDS: Final = 15.0
LINE_BYTES_MAX: Final = 1 << 24
STDERR_BYTES_MAX: Final = 1 << 16
OUTPUT_FACTOR: Final = 16
"""A run may report this many times `test_output_bytes`: the names and outcomes of its tests come on
top of the details of its failures, which the reporter itself keeps below that limit."""

SCRATCH: Final = "trueup-run-"

_ids = itertools.count(1)


@dataclass(slots=True)
class Transcript:
    """What one run reported, in order, and how it ended (None: the agent was gone before)."""

    lines: list[str] = field(default_factory=list)
    end: Mapping[str, object] | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)


class AgentProcess:
    """One agent. Made by `start`; `close` ends it and everything that it runs."""

    def __init__(self, process: asyncio.subprocess.Process, scratch: str) -> None:
        self.ready: Mapping[str, object] = {}
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("an agent is spoken to through pipes")
        self._process = process
        self._stdin = process.stdin
        self._scratch = scratch
        self._stderr = b""
        self._transcripts: dict[str, Transcript] = {}
        self._first: asyncio.Future[Mapping[str, object]] = (
            asyncio.get_running_loop().create_future()
        )
        self._tasks = (
            asyncio.create_task(self._read_events(process.stdout)),
            asyncio.create_task(self._read_stderr(process.stderr)),
        )

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._tasks[0].done()

    @classmethod
    async def start(
        cls,
        root: Path,
        interpreter: Path,
        limits: Limits,
        *,
        mode: str,
        cold: bool,
        minimum: str = "any",
    ) -> AgentProcess | Unavailable:
        """`mode` is one of `session`'s; a cold agent has loaded nothing beforehand."""
        if not await asyncio.to_thread(root.is_dir):
            return Unavailable(f"{root} is not a folder")
        # Copies of the workspace go here; where namespaces are in force it stays empty.
        scratch = await asyncio.to_thread(_scratch)
        config = {
            "stage": "launch",
            "parent": os.getpid(),
            "workspace": str(root),
            "interpreter": str(interpreter),
            "home": str(Path.home()),
            "mode": mode,
            "minimum": minimum,
            "cold": cold,
            "preload": True,
            "scratch": scratch,
            "memory_bytes": int(limits.test_memory_bytes),
            "processes_max": int(limits.test_processes),
            "details_bytes": int(limits.test_output_bytes),
            "output_bytes": int(limits.test_output_bytes) * OUTPUT_FACTOR,
        }
        try:
            process = await asyncio.create_subprocess_exec(
                str(interpreter), "-I", "-S", str(AGENT), json.dumps(config),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=sandbox.environment(interpreter),
                cwd=scratch,
                start_new_session=True,
                limit=LINE_BYTES_MAX,
            )  # fmt: skip
        except OSError as problem:
            shutil.rmtree(scratch, ignore_errors=True)
            return Unavailable(f"{interpreter} does not start: {problem.strerror}")
        agent = cls(process, scratch)
        try:
            refusal = await agent._greet(interpreter)
        except BaseException:
            await agent.close()
            raise
        if refusal is None:
            return agent
        await agent.close()
        return refusal

    async def _greet(self, interpreter: Path) -> Unavailable | None:
        try:
            async with asyncio.timeout(START_SECONDS):
                first = await self._first
        except TimeoutError:
            return Unavailable(
                f"{interpreter} did not get ready for tests within {START_SECONDS:.0f} s"
            )
        if first.get("event") == "ready":
            self.ready = first
            return None
        if first.get("event") == "unavailable":
            return Unavailable(str(first.get("reason")))
        await asyncio.wait(self._tasks, timeout=KILL_SECONDS)
        said = self._stderr.decode(errors="replace").strip().splitlines()
        return Unavailable(
            f"{interpreter} does not start: {said[-1] if said else 'it ended without a word'}"
        )

    async def run(self, request: RunRequest | ScriptRequest) -> Transcript:
        """What the run reported. On cancellation, all of its processes are gone on return."""
        run_id, transcript = str(next(_ids)), Transcript()
        self._transcripts[run_id] = transcript
        try:
            await self._send({"op": "run", "id": run_id, **_wire(request)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(request.timeout_s + GRACE_SECONDS):
                    await transcript.over.wait()
        finally:
            # Also on cancellation: no test outlives the request that started it.
            if not transcript.over.is_set():
                await self._kill(run_id, transcript)
            del self._transcripts[run_id]
        return transcript

    async def _kill(self, run_id: str, transcript: Transcript) -> None:
        await self._send({"op": "kill", "id": run_id})
        try:
            async with asyncio.timeout(KILL_SECONDS):
                await transcript.over.wait()
        except TimeoutError:
            # It does not answer, so it goes as a whole; the next run starts another.
            self._kill_process()

    async def _send(self, message: Mapping[str, object]) -> None:
        # An agent that is gone shows in `over`, which the reader sets.
        with contextlib.suppress(ConnectionError):
            self._stdin.write(json.dumps(message).encode() + b"\n")
            await self._stdin.drain()

    async def _read_events(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(line)
        except ValueError:
            # A line longer than any that an agent writes.
            self._kill_process()
        finally:
            if not self._first.done():
                self._first.set_result({})
            for transcript in self._transcripts.values():
                transcript.over.set()

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        if not self._first.done():
            self._first.set_result(event)
            return
        transcript = self._transcripts.get(str(event.get("run")))
        if transcript is None:
            return
        if event.get("event") == "end":
            transcript.end = event
            transcript.over.set()
        else:
            transcript.lines.append(str(event.get("line")))

    async def _read_stderr(self, reader: asyncio.StreamReader) -> None:
        while piece := await reader.read(4096):
            self._stderr = (self._stderr + piece)[-STDERR_BYTES_MAX:]

    def _kill_process(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """End the agent; everything that it started ends with it."""
        try:
            self._stdin.close()
            async with asyncio.timeout(KILL_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._kill_process()
            await self._process.wait()
        finally:
            self._kill_process()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)


def _scratch() -> str:
    """A folder for the copies of one agent; those of engines that are gone are removed.

    Whoever is killed cannot clean up, so the owner is in the name.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        owner = folder.name.removeprefix(SCRATCH).partition("-")[0]
        if owner.isdecimal() and not _lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # Somebody else's, which is alive and none of our business.
        return True
    return True


def _wire(request: RunRequest | ScriptRequest) -> dict[str, object]:
    shared: dict[str, object] = {
        "learn": False,
        "changed": {
            path: base64.b64encode(content).decode() for path, content in request.changed.items()
        },
        "deleted": request.deleted,
        "timeout": request.timeout_s,
        "probes": {path: sorted(lines) for path, lines in request.probes.items()},
    }
    if isinstance(request, ScriptRequest):
        return {**shared, "script": request.script, "task": request.task}
    return {
        **shared,
        "tests": request.tests,
        "stop_early": request.stop_early,
        "watched": {path: sorted(lines) for path, lines in request.watched.items()},
        "record": None
        if request.record is None
        else {path: dict(lines) for path, lines in request.record.items()},
    }
