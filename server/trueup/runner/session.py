"""One warm agent per workspace, and the cold run that confirms it.

`run` asks the warm agent: fast, and good for rejecting. `confirm` starts an interpreter that has
loaded nothing: it shows that a warm pass is no artefact of what had been loaded before. Both read
the agent's report with suspicion; what it does not prove is not finished.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trueup.runner import sandbox
from trueup.runner.process import AgentProcess, Transcript
from trueup.runner.recording import KINDS, Listener
from trueup.runner.results import (
    Isolation,
    RecordedCall,
    RunRequest,
    RunStatus,
    ScriptAnswer,
    ScriptRequest,
    TestOutcome,
    TestResult,
    TestRun,
    Unavailable,
)
from trueup.settings import Limits

AUTO: Final = "auto"
COPY: Final = "copy"
"""A copy of the workspace, behind a Landlock fence where the kernel has one."""
BARE: Final = "bare"
"""A copy without any fence."""
SPAWN: Final = "spawn"
"""A copy, in a fresh interpreter for each run: what a system other than Linux gets."""
TESTS_RAN: Final = frozenset({0, 1})
"""The exit codes of pytest that mean that the tests ran."""


class Session:
    """Runs tests of one workspace; several at once are welcome."""

    def __init__(
        self, root: Path, interpreter: Path, limits: Limits, mode: str, agent: AgentProcess
    ) -> None:
        self.isolation: Isolation = sandbox.isolation(agent.ready)
        total = agent.ready.get("total")
        self.total_tests: int | None = total if isinstance(total, int) else None
        self._root = root
        self._interpreter = interpreter
        self._limits = limits
        # What the first agent got is what every later one must get: no silent step down.
        self._mode = mode
        self._agent: AgentProcess | None = agent
        self._starting = asyncio.Lock()
        self._closed = False

    @classmethod
    async def start(
        cls,
        root: Path,
        interpreter: Path,
        limits: Limits,
        isolation_minimum: str = "any",
        *,
        mode: str = AUTO,
    ) -> Session | Unavailable:
        """A session whose agent is warm, or why there is none.

        `isolation_minimum` is that of the settings. `mode` is for tests: it does without what works
        here, as a lesser machine would.
        """
        root, interpreter = _absolute(root, interpreter)
        if mode == AUTO and isolation_minimum == sandbox.NAMESPACES:
            mode = sandbox.NAMESPACES
        agent = await AgentProcess.start(
            root, interpreter, limits, mode=mode, cold=False, minimum=isolation_minimum
        )
        if isinstance(agent, Unavailable):
            return agent
        return cls(root, interpreter, limits, str(agent.ready.get("mode")), agent)

    async def run(self, request: RunRequest) -> TestRun:
        """Run on the warm agent. Cancelling the task kills the run before it returns."""
        started = time.monotonic()
        agent = await self._warm_agent()
        if isinstance(agent, Unavailable):
            return TestRun(RunStatus.UNAVAILABLE, agent.reason)
        run = read_transcript(await agent.run(request), request, self.isolation.level)
        return replace(run, elapsed_s=time.monotonic() - started)

    async def ask(self, request: ScriptRequest) -> ScriptAnswer:
        """Let one of our scripts look at the workspace. Cancelling the task kills it."""
        agent = await self._warm_agent()
        if isinstance(agent, Unavailable):
            return ScriptAnswer(RunStatus.UNAVAILABLE, agent.reason)
        return read_answer(await agent.run(request), request)

    async def confirm(self, request: RunRequest) -> TestRun:
        """Run in a fresh interpreter in the same sandbox, with nothing loaded beforehand."""
        started = time.monotonic()
        agent = await AgentProcess.start(
            self._root, self._interpreter, self._limits, mode=self._mode, cold=True
        )
        if isinstance(agent, Unavailable):
            return TestRun(RunStatus.UNAVAILABLE, agent.reason)
        try:
            run = read_transcript(await agent.run(request), request, self.isolation.level)
        finally:
            await agent.close()
        return replace(run, elapsed_s=time.monotonic() - started)

    async def close(self) -> None:
        """End the agent and every run; a closed session runs nothing more."""
        self._closed = True
        async with self._starting:
            if self._agent is not None:
                await self._agent.close()
                self._agent = None

    async def _warm_agent(self) -> AgentProcess | Unavailable:
        async with self._starting:
            if self._closed:
                return Unavailable("the test session was closed")
            if self._agent is not None and self._agent.alive:
                return self._agent
            if self._agent is not None:
                await self._agent.close()
                self._agent = None
            agent = await AgentProcess.start(
                self._root, self._interpreter, self._limits, mode=self._mode, cold=False
            )
            if isinstance(agent, AgentProcess):
                self._agent = agent
            return agent


def _absolute(root: Path, interpreter: Path) -> tuple[Path, Path]:
    """Links in the interpreter's path stay: a virtual environment is known by them."""
    return root.resolve(), interpreter.absolute()


@dataclass(slots=True)
class _Report:
    """What a run said about itself, in isolation of this level."""

    level: str
    results: dict[str, TestResult] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    runners: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    calls: list[RecordedCall] = field(default_factory=list)
    unrecorded: dict[tuple[str, int], str] = field(default_factory=dict)
    search_path: tuple[str, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)
    old_code: list[str] = field(default_factory=list)
    running: str | None = None
    collected: int | None = None
    finished: int = 0
    returncode: int | None = None
    failure: str = ""
    recorded: Listener = field(default_factory=Listener)

    def take(self, line: str) -> None:
        match _parsed(line):
            case ["collected", int(count)]:
                self.collected = count
            case ["uncollected", str(node), str(detail)]:
                self.errors[node or "."] = detail
            case ["start", str(nodeid)]:
                self.running = nodeid
                self.started.append(nodeid)
            case ["result", str(nodeid), str(outcome), str(detail)] if outcome in set(TestOutcome):
                self.running = None
                self.finished += 1
                known = self.results.get(nodeid)
                if known is None or not known.outcome.is_red:
                    self.results[nodeid] = TestResult(
                        nodeid, TestOutcome(outcome), detail, sandbox.blocked(self.level, detail)
                    )
            case ["old-code", list(names)]:
                self.old_code = [str(name) for name in names]
            case ["failed", str(why)]:
                self.failure = why.strip()
            case ["done", int(code)]:
                self.returncode = code
            case [str(kind), *what] if kind in KINDS:
                self.recorded.take([kind, *what])
            case event:
                self._take_traces(event)

    def _take_traces(self, event: object) -> None:
        match event:
            case [
                "call",
                str(path),
                int(line),
                str(module),
                str(name),
                str(pickled),
                dict(sources),
            ]:
                known = {
                    str(key): value if isinstance(value, str) else None
                    for key, value in sources.items()
                }
                call = RecordedCall(path, line, module, name, pickled, MappingProxyType(known))
                self.calls.append(call)
            case ["unrecorded", str(path), int(line), str(why)]:
                self.unrecorded[path, line] = why
            case ["sys-path", list(folders)]:
                self.search_path = tuple(str(folder) for folder in folders)
            case ["runners", str(path), int(line), list(numbers)]:
                ran = frozenset(self._test(number) for number in numbers)
                self.runners[path, line] = self.runners.get((path, line), frozenset()) | ran

    def _test(self, number: object) -> str:
        """The test with that place in the order of starting, "" for none."""
        known = isinstance(number, int) and 0 <= number < len(self.started)
        return self.started[number] if known and isinstance(number, int) else ""


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def read_transcript(
    transcript: Transcript, request: RunRequest, level: str = sandbox.NONE
) -> TestRun:
    """What a transcript proves. Whatever is not proved to have finished has not."""
    report = _Report(level)
    for line in transcript.lines:
        report.take(line)
    status, reason = _judge(report, transcript.end, request)
    return TestRun(
        status=status,
        reason=reason,
        results=MappingProxyType(report.results),
        runners=MappingProxyType(report.runners if status is RunStatus.FINISHED else {}),
        calls=tuple(report.calls),
        unrecorded=MappingProxyType(report.unrecorded),
        search_path=report.search_path,
        unfinished=report.running,
        collection_errors=MappingProxyType(report.errors),
        returncode=report.returncode,
        recording=report.recorded.recording() if status is RunStatus.FINISHED else None,
    )


def read_answer(transcript: Transcript, request: ScriptRequest) -> ScriptAnswer:
    """What a script said, and whether it came to its end."""
    said = tuple(
        tuple(event)
        for line in transcript.lines
        if isinstance(event := _parsed(line), list) and event and isinstance(event[0], str)
    )
    problem = _unfinished(said, transcript.end, request.timeout_s)
    status, reason = problem or (RunStatus.FINISHED, "")
    ran: set[tuple[str, int]] = set()
    for event in said:
        match event:
            case ("runners", str(path), int(line), list()):
                ran.add((path, line))
    own = tuple(event for event in said if event[0] not in _ABOUT_THE_RUN)
    return ScriptAnswer(status, reason, own, frozenset(ran))


_ABOUT_THE_RUN: Final = frozenset({"done", "failed", "old-code", "runners"})


def _unfinished(
    said: tuple[tuple[object, ...], ...], end: Mapping[str, object] | None, timeout_s: float
) -> tuple[RunStatus, str] | None:
    if end is None:
        return RunStatus.CRASHED, "the process that runs the code ended"
    match end.get("stopped"):
        case "timeout":
            return RunStatus.TIMED_OUT, f"the code was stopped after {timeout_s:g} s"
        case "output":
            return RunStatus.CRASHED, "the code was stopped: too much output"
        case "forged":
            return RunStatus.CRASHED, "the code was stopped: it wrote a report of its own"
        case "killed":
            return RunStatus.CRASHED, "the run was cancelled"
    for event in said:
        match event:
            case ("failed", str(why)):
                return RunStatus.UNAVAILABLE, why.strip().splitlines()[-1]
            case ("old-code", [str(name), *_]):
                return (
                    RunStatus.UNAVAILABLE,
                    f"the code of {name} came from the workspace as it was",
                )
    if ("done", 0) not in said:
        return RunStatus.CRASHED, f"the process {_ended(end.get('code'))} before it was done"
    return None


def _judge(
    report: _Report, end: Mapping[str, object] | None, request: RunRequest
) -> tuple[RunStatus, str]:
    during = f" while {report.running} ran" if report.running else ""
    if end is None:
        return RunStatus.CRASHED, f"the test runner itself ended{during}"
    match end.get("stopped"):
        case "timeout":
            limit = f"{request.timeout_s:g} s"
            return RunStatus.TIMED_OUT, f"the tests were stopped after {limit}{during}"
        case "output":
            return RunStatus.CRASHED, f"the tests were stopped: too much output{during}"
        case "forged":
            return RunStatus.CRASHED, f"the tests were stopped: forged results were sent{during}"
        case "killed":
            return RunStatus.CRASHED, "the run was cancelled"
    if report.failure:
        last = report.failure.splitlines()[-1]
        return RunStatus.UNAVAILABLE, f"the tests could not be started: {last}"
    if report.returncode is None:
        how = _ended(end.get("code"))
        return RunStatus.CRASHED, f"the test process {how} before pytest was done{during}"
    return _judge_finished(report, str(end.get("output", "")), request)


def _judge_finished(report: _Report, output: str, request: RunRequest) -> tuple[RunStatus, str]:
    """What pytest did, now that it is over; whether it did what it was asked is another matter."""
    if report.old_code:
        names = ", ".join(report.old_code[:3])
        return (
            RunStatus.UNAVAILABLE,
            f"the tests loaded {names} from the workspace instead of the copy with the change",
        )
    if report.returncode not in TESTS_RAN:
        if not report.errors and report.returncode == 5:
            return RunStatus.UNAVAILABLE, "pytest found no test to run"
        said = next(iter(report.errors.values()), "") or output
        why = _telling_line(said)
        said = f": {why}" if why else ""
        return RunStatus.UNAVAILABLE, f"pytest gave up with exit code {report.returncode}{said}"
    if report.running is not None or report.finished < (report.collected or 0):
        return (
            RunStatus.UNAVAILABLE,
            f"pytest stopped early: {report.finished} of {report.collected} tests have a result",
        )
    if not report.results:
        return RunStatus.UNAVAILABLE, "no test has a result"
    missing = [test for test in request.tests if "::" in test and not _has(report.results, test)]
    if missing:
        return RunStatus.UNAVAILABLE, f"{missing[0]} has no result"
    return RunStatus.FINISHED, ""


def _telling_line(output: str) -> str:
    """The line that names the error, else the last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [""])[-1]


def _has(results: Mapping[str, TestResult], test: str) -> bool:
    return test in results or any(
        nodeid.startswith((f"{test}[", f"{test}::")) for nodeid in results
    )


def _ended(code: object) -> str:
    if isinstance(code, int) and code > 128:
        return f"was ended by signal {code - 128}"
    return f"ended with code {code}"
