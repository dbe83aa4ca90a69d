"""A job's trace: begun with the job, kept at its end however it ends, cancellation included.

Knows what a job has to say for itself; what becomes of it is for `operations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from trueup import TrueupError, diffs
from trueup.engine import kept
from trueup.memory import places
from trueup.memory.unsent import Unsent
from trueup.operations import telemetry
from trueup.operations.budget import Purse
from trueup.operations.meter import CANCELLED, Meter
from trueup.operations.trace import Recording, Told, Tried
from trueup.operations.tracestore import TraceStore
from trueup.propose.context import Context, Material, estimated_tokens
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
    unsent: Unsent | None = None

    def planned(self, plan: Plan) -> None:
        """The plan in one line, and then its entries."""
        lines = (
            plan.sentence,
            *(f"may change {place}" for place in plan.changes),
            *(f"shows {place}" for place in plan.shown),
            *(f"judged by {test}" for test in plan.tests),
            *(f"leaves out {test}" for test in plan.left_out),
            *(f"under decision {name}" for name in plan.decisions),
        )
        unsent = self.unsent
        self.recording.planned(*(unsent.without(line) if unsent else line for line in lines))

    def told(self, decisions: tuple[Told, ...], material: Material, shown: Context) -> None:
        """What the prompt holds beside the place, and why, the code around it included."""
        left_out = set(shown.crowded_out)
        around = (
            Told(
                "code",
                piece.place,
                "",
                piece.place.partition("::")[0],
                piece.why,
                rank=rank,
                tokens=estimated_tokens(piece.text),
                left_out=piece.heading in left_out,
            )
            for rank, piece in enumerate((*material.related, *material.tests), 1)
        )
        self.recording.told(*decisions, *around)

    def judged(
        self,
        suggestion: Suggestion,
        before: Snapshot,
        after: Snapshot,
        began_ms: int,
        call: int | None,
    ) -> None:
        """One candidate; `call` is the place of the call that made it, None for no model's."""
        candidate, unsent = suggestion.candidate, self.unsent
        self.holds(before, *candidate.paths)
        tried = Tried(
            candidate.proposer,
            candidate.title,
            began_ms,
            self.recording.elapsed_ms - began_ms,
            suggestion.verdict.outcome.value,
            evidence=suggestion.verdict.evidence,
            tests=suggestion.tests,
            isolation=suggestion.isolation,
            call=call,
        )
        paths = candidate.paths
        if unsent is not None:
            tried = kept.without(tried, unsent)
            paths = tuple(path for path in paths if not unsent.hides(path))
        named = self.recording.keep(diffs.unified(before, after, paths))
        self.recording.judged(replace(tried, diff=named))

    def holds(self, snapshot: Snapshot, *paths: str) -> None:
        """Keep these files as they are before the job changes anything."""
        for path in paths:
            document = snapshot.get(path)
            hidden = self.unsent is not None and self.unsent.hides(path)
            if document is not None and not hidden:
                self.recording.holds(path, document.text)

    def failed(self, failure: Failure, call: int | None = None) -> None:
        now = self.recording.elapsed_ms
        says = self.unsent.without(failure.sentence) if self.unsent else failure.sentence
        self.recording.judged(
            Tried(failure.proposer, "", now, 0, failure.kind.value, says, call=call)
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
            says = self.unsent.without(made.sentence) if self.unsent else made.sentence
            self.recording.ended(made.kind.value, says)
        else:
            says = self.unsent.without(made.stopped) if self.unsent else made.stopped
            self.recording.ended(made.verdict.outcome.value, says, made.isolation)


@contextmanager
def recorded(
    books: Books | None, root: str, goal: Goal, settings: Settings, say: Callable[[str], None]
) -> Iterator[Record]:
    """The record of the job that runs inside. Without books it is made and thrown away, and so is
    that of a job in a file that is in no trace.
    """
    unsent = Unsent(root, settings.shown, lambda: places.load(root, instructions=False))
    recording = Recording(root, kept.goal(goal, unsent))
    if books is None or unsent.hides(goal.path):
        yield Record(recording)
        return
    purse = Purse(settings.budget, books.session)
    try:
        yield Record(recording, Meter(purse, recording, say), unsent)
    except asyncio.CancelledError:
        recording.ended(CANCELLED)
        raise
    except TrueupError as problem:
        recording.ended(ERROR, unsent.without(str(problem)))
        raise
    finally:
        purse.close()
        if not recording.trace.outcome:
            recording.ended(ERROR)
        warning = books.keep(recording, settings)
        if warning:
            say(warning)
