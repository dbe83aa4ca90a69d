"""A suggestion as a page: what an evidence panel is given, and a patch where there is no panel.

Values and text; it knows what is on the page, not who looks at it or what they answer. What is not
known is "" or None, and a file that is not there on one side is None on that side.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trueup import diffs
from trueup.engine.messages import suggestion_to_json
from trueup.memory import governing
from trueup.memory.decisions import Decision, Decisions
from trueup.memory.hidden import one_line
from trueup.operations.prices import NANO
from trueup.operations.trace import Trace
from trueup.snapshot import Snapshot
from trueup.suggestion import Outcome, Ruling, Suggestion

UriOf = Callable[[str], str]
"""The URI of a path relative to the root, as the editor calls that file."""

_numbers = itertools.count(1)
_MARKS: Final = {Outcome.PASSED: "passed", Outcome.FAILED: "FAILED", Outcome.UNKNOWN: "unknown"}


def new_id() -> str:
    """What a client knows one page by, and those that take its place."""
    return f"page-{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class Page:
    """One suggestion on the texts that it was judged on. A later page of the same `id` is about the
    same goal and takes the place of the earlier one.
    """

    id: str
    suggestion: Suggestion
    before: Snapshot
    after: Snapshot
    choices: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    decisions: Decisions | None = None
    trace: Trace | None = None

    def to_json(self, uri_of: UriOf) -> dict[str, object]:
        """As `trueup/evidence` and `trueup/judged` carry it."""
        made, tests = self.suggestion, self.suggestion.tests
        verdict = made.verdict
        shown = [found.counterexample for found in verdict.evidence if found.counterexample]
        return {
            "id": self.id,
            "title": made.candidate.title,
            "kind": made.goal.kind.value,
            "outcome": verdict.outcome.value,
            "message": headline(made),
            "choices": list(self.choices),
            "reasons": list(self.reasons),
            "evidence": [found.as_json() for found in verdict.evidence],
            "files": self._files(uri_of),
            "diff": self.diff,
            "tests": tests.as_json(),
            "counterexample": shown[0].sentence if shown else None,
            "decisions": [
                {"id": item.id, "title": one_line(item.title), "uri": uri_of(item.path)}
                for item in self._respected()
            ],
            "isolation": made.isolation,
            "cost": self._cost(),
            "model": "" if made.candidate.deterministic else made.candidate.proposer,
            "plan": made.plan.sentence if made.plan is not None else "",
            "trace": made.trace,
            "elapsed_ms": made.elapsed_ms,
        }

    @property
    def diff(self) -> str:
        """The whole change as a unified diff, the tests that were written for it too."""
        paths = (*self.suggestion.candidate.paths, *(kept.path for kept in self.suggestion.pinned))
        return diffs.unified(self.before, self.after, paths)

    @property
    def patch(self) -> str:
        """A patch that tools can read, with the verdict above it."""
        made = self.suggestion
        lines = [f"# {headline(made)}", "#"]
        lines += [
            f"# {_MARKS[found.outcome]:8}{found.check}: {found.detail}"
            for found in made.verdict.evidence
        ]
        lines += [f"# isolation: {made.isolation}" if made.isolation else "#", "", self.diff]
        return "\n".join(lines) + "\n"

    def _files(self, uri_of: UriOf) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for path in self.suggestion.candidate.paths:
            old, new = self.before.get(path), self.after.get(path)
            found.append(
                {
                    "path": path,
                    "uri": uri_of(path),
                    "before": old.text if old else None,
                    "after": new.text if new else None,
                }
            )
        return found

    def _respected(self) -> tuple[Decision, ...]:
        """The decisions that govern what is changed, each once."""
        if self.decisions is None:
            return ()
        symbol = self.suggestion.goal.symbol
        found: dict[str, Decision] = {}
        for path in self.suggestion.candidate.paths:
            about = governing.of_file(self.decisions, path)
            if symbol and path == self.suggestion.goal.path:
                about += governing.of_symbol(self.decisions, path, symbol)
            found.update((item.id, item) for item in about)
        return tuple(found.values())

    def _cost(self) -> dict[str, object] | None:
        """None where no model took part, or nothing was written down of it."""
        if self.trace is None or not self.trace.calls:
            return None
        return {"usd": self.trace.cost_nano / NANO, "tokens": self.trace.usage.total}


def headline(suggestion: Suggestion) -> str:
    """The verdict in one or two sentences, as a message shows it."""
    verdict = suggestion.verdict
    title = suggestion.candidate.title
    if suggestion.stopped and suggestion.candidate.deterministic:
        # It stands in for what was asked of a model.
        title = f"{title} ({suggestion.stopped})"
    if verdict.outcome is Ruling.VERIFIED:
        said = {found.check: found.detail for found in verdict.evidence}
        parts = [said[name] for name in ("tests", "behaviour", "structure") if name in said]
        return f"Verified: {title}. {'; '.join(parts)}."
    why = verdict.missing[0] if verdict.missing else None
    if why is None:
        return f"{verdict.outcome.value.capitalize()}: {title}."
    place = f" ({why.path}:{why.line})" if why.path and why.line else ""
    return f"{verdict.outcome.value.capitalize()}: {title}. {why.check}: {why.detail}{place}."


def report(suggestion: Suggestion, *, applied: bool) -> dict[str, object]:
    """What the command answers: the suggestion as JSON, its outcome, and what became of it."""
    return {
        "outcome": suggestion.verdict.outcome.value,
        "applied": applied,
        "message": headline(suggestion),
        "suggestion": suggestion_to_json(suggestion),
    }
