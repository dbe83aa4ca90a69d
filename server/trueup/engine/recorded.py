"""A job's trace: begun with the job, kept at its end however it ends, cancellation included.

Knows what a job has to say for itself; what becomes of it is for `operations`.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from trueup import TrueupError
from trueup.operations import telemetry
from trueup.operations.budget import Purse
from trueup.operations.meter import CANCELLED, Meter
from trueup.operations.trace import Recording, Tried
from trueup.operations.tracestore import TraceStore
from trueup.propose.proposal import Failure, FailureKind
from trueup.settings import Settings
from trueup.snapshot import Snapshot
from trueup.suggestion import Goal, Plan, Suggestion

ERROR = "error"


@dataclass
class Books:
    """What one process writes down of its jobs: `session` is whose budget they spend."""

    session: str
    _stores: dict[Settings, TraceStore] = field(default_factory=dict)
    _exporter: telemetry.Exporter | None = None

    def __post_init__(self) -> None:
        if telemetry.is_wanted():
            self._exporter = telemetry.Exporter()

    def keep(self, recording: Recording, settings: Settings) -> str:
        """Write the trace of a job that has ended; "" or one warning."""
        if self._exporter is not None:
            self._exporter.send(recording.trace)
        return self._store(settings).keep(recording.trace, recording.texts)

    def close(self) -> None:
        """Send what is queued; call it when the process has no more jobs."""
        if self._exporter is not None:
            self._exporter.close()

    def _store(self, settings: Settings) -> TraceStore:
        """One for all jobs with these settings, so that a full disk is one warning."""
        return self._stores.setdefault(settings, TraceStore(settings.traces))


@dataclass
class Record:
    """The trace of one job while it runs; `meter` is what its model calls run through, None where
    nothing is written down.
    """

    recording: Recording
    meter: Meter | None = None

    def planned(self, plan: Plan) -> None:
        """The plan in one line, and then its entries."""
        self.recording.planned(
            plan.sentence,
            *(f"may change {place}" for place in plan.changes),
            *(f"shows {place}" for place in plan.shown),
            *(f"judged by {test}" for test in plan.tests),
            *(f"leaves out {test}" for test in plan.left_out),
            *(f"under decision {name}" for name in plan.decisions),
        )

    def judged(
        self,
        suggestion: Suggestion,
        before: Snapshot,
        after: Snapshot,
        began_ms: int,
        call: int | None,
    ) -> None:
        """One candidate; `call` is the place of the call that made it, None for no model's."""
        candidate = suggestion.candidate
        self.recording.judged(
            Tried(
                candidate.proposer,
                candidate.title,
                began_ms,
                self.recording.elapsed_ms - began_ms,
                suggestion.verdict.outcome.value,
                evidence=suggestion.verdict.evidence,
                diff=self.recording.keep(diff(before, after, candidate.paths)),
                tests=suggestion.tests,
                isolation=suggestion.isolation,
                call=call,
            )
        )

    def failed(self, failure: Failure, call: int | None = None) -> None:
        now = self.recording.elapsed_ms
        self.recording.judged(
            Tried(failure.proposer, "", now, 0, failure.kind.value, failure.sentence, call=call)
        )

    def named(self, suggestion: Suggestion) -> Suggestion:
        """The suggestion with the name of its trace, where one is kept."""
        if self.meter is None:
            return suggestion
        return replace(suggestion, trace=self.recording.trace.id)

    def ended(self, made: Suggestion | Failure | None) -> None:
        """What came of the job; None: nothing to suggest."""
        if made is None:
            self.recording.ended(FailureKind.NOTHING_TO_DO.value)
        elif isinstance(made, Failure):
            self.recording.ended(made.kind.value, made.sentence)
        else:
            self.recording.ended(made.verdict.outcome.value, made.stopped, made.isolation)


@contextmanager
def recorded(
    books: Books | None, root: str, goal: Goal, settings: Settings, say: Callable[[str], None]
) -> Iterator[Record]:
    """The record of the job that runs inside. Without books it is made and thrown away."""
    recording = Recording(root, goal)
    if books is None:
        yield Record(recording)
        return
    purse = Purse(settings.budget, books.session)
    try:
        yield Record(recording, Meter(purse, recording, say))
    except asyncio.CancelledError:
        recording.ended(CANCELLED)
        raise
    except TrueupError as problem:
        recording.ended(ERROR, str(problem))
        raise
    finally:
        purse.close()
        if not recording.trace.outcome:
            recording.ended(ERROR)
        warning = books.keep(recording, settings)
        if warning:
            say(warning)


def diff(before: Snapshot, after: Snapshot, paths: tuple[str, ...]) -> str:
    """A unified diff of those files, for people."""
    lines: list[str] = []
    for path in paths:
        old, new = before.get(path), after.get(path)
        lines += difflib.unified_diff(
            old.text.splitlines() if old else (),
            new.text.splitlines() if new else (),
            f"a/{path}" if old else "/dev/null",
            f"b/{path}" if new else "/dev/null",
            lineterm="",
        )
    return "\n".join(lines)
