"""What is asked of a test run, and what came of it. Values only.

A run has a verdict to offer only when it finished; everything else says why not, in a sentence for
the user. A test that is missing from `results` did not run: it is neither passed nor failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from trueup.runner.recording import Recording


class TestOutcome(StrEnum):
    __test__ = False  # not a test class, whatever pytest thinks of its name

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"

    @property
    def is_red(self) -> bool:
        return self in {TestOutcome.FAILED, TestOutcome.ERROR}


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test's outcome; `detail` is the end of what pytest printed about a failure.

    `blocked` names the part of the isolation that the failure looks like, where it does.
    """

    __test__ = False

    nodeid: str
    outcome: TestOutcome
    detail: str = ""
    blocked: str = ""


class RunStatus(StrEnum):
    FINISHED = "finished"
    """pytest ran every test that it collected. Says nothing about how they ended."""
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    """The tests' own process ended before pytest was done."""
    UNAVAILABLE = "unavailable"
    """There is nothing to judge: no test was found, or pytest itself gave up."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Which tests to run on which workspace.

    `tests` are pytest's arguments (files, folders, node ids), relative to the root; empty means the
    whole suite. `changed` holds new bytes by relative path, `deleted` paths to remove; the disk is
    never touched. `probes` are 1-based first lines of statements, by file, of which it is
    wanted which tests ran them; `watched` are the lines of `def`s of which it is wanted with what
    they are called. `stop_early` ends the run at its first failure. `record` asks what each test
    called and opened (None: nothing is recorded, and the run is faster); it holds what functions
    keep, in the words of `keeping`, by file and first line.
    """

    tests: tuple[str, ...] = ()
    changed: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    deleted: tuple[str, ...] = ()
    probes: Mapping[str, frozenset[int]] = field(default_factory=lambda: MappingProxyType({}))
    watched: Mapping[str, frozenset[int]] = field(default_factory=lambda: MappingProxyType({}))
    timeout_s: float = 60.0
    stop_early: bool = False
    record: Mapping[str, Mapping[int, tuple[str, ...]]] | None = None

    def __post_init__(self) -> None:
        for test in self.tests:
            if test.startswith(("-", "@", "/")) or not test:
                raise ValueError(f"not a test of the workspace: {test!r}")
        paths = (*self.changed, *self.deleted, *self.probes, *self.watched)
        _check_paths(*paths, *(self.record or ()))


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """One of our own scripts (`inside/`) on that workspace, as isolated as the tests are.

    `task` is JSON: what the script is given. `changed`, `deleted` and `probes` are those of
    RunRequest.
    """

    script: str
    task: Mapping[str, object]
    changed: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    deleted: tuple[str, ...] = ()
    timeout_s: float = 60.0
    probes: Mapping[str, frozenset[int]] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not self.script.isidentifier():
            raise ValueError(f"not a script: {self.script!r}")
        _check_paths(*self.changed, *self.deleted, *self.probes)


def _check_paths(*paths: str) -> None:
    for path in paths:
        if path.startswith("/") or ".." in path.split("/") or not path:
            raise ValueError(f"not a path of the workspace: {path!r}")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call of a watched function: where it is defined, and its arguments by parameter.

    `pickled` is base64 and is only ever opened where the tests run. `sources` holds Python source
    of the arguments that are built-in values all the way down.
    """

    path: str
    line: int
    module: str
    qualname: str
    pickled: str
    sources: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class TestRun:
    """What came of one request. `reason` is a sentence for the user where it did not finish.

    `unfinished` is the test that was running when the run ended. `collection_errors` are
    what pytest said, by test file, conftest or folder. `returncode` is pytest's own.
    """

    __test__ = False

    status: RunStatus
    reason: str = ""
    results: Mapping[str, TestResult] = field(default_factory=lambda: MappingProxyType({}))
    runners: Mapping[tuple[str, int], frozenset[str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Which tests ran a probed statement, by path and line; "" stands for no test: an import."""
    calls: tuple[RecordedCall, ...] = ()
    unrecorded: Mapping[tuple[str, int], str] = field(default_factory=lambda: MappingProxyType({}))
    """Why some calls of a watched function could not be recorded, by path and line."""
    search_path: tuple[str, ...] = ()
    """`sys.path` at the end of the run, where calls were watched."""
    unfinished: str | None = None
    collection_errors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    elapsed_s: float = 0.0
    returncode: int | None = None
    recording: Recording | None = None
    """Only where it was asked for and the run finished."""

    @property
    def all_passed(self) -> bool:
        """Derived: finished, something passed, nothing is red, and everything was collected."""
        return (
            self.status is RunStatus.FINISHED
            and self.returncode == 0
            and not self.collection_errors
            and not any(result.outcome.is_red for result in self.results.values())
            and any(result.outcome is TestOutcome.PASSED for result in self.results.values())
        )


@dataclass(frozen=True, slots=True)
class ScriptAnswer:
    """What a script said, in order, each a JSON array; it comes from the process that runs the
    user's code. Where it did not finish, what it said before, and the reason.
    """

    status: RunStatus
    reason: str = ""
    said: tuple[tuple[object, ...], ...] = ()
    ran: frozenset[tuple[str, int]] = frozenset()
    """The probed statements that ran, by path and line."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """How far the tests were kept from the user's machine, in words.

    `level` is `namespaces`, `landlock` or `none`.
    """

    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why no test of this project can be run, in one sentence."""

    reason: str
