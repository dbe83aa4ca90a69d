"""A suggestion for people and for machines: the table of evidence, the diff, the stable JSON.

Knows how things look in a terminal. What it shows was decided elsewhere; it computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from trueup import diffs
from trueup.snapshot import Snapshot
from trueup.suggestion import Evidence, Outcome, Ruling, Suggestion

EXIT_CODES: Final = {Ruling.VERIFIED: 0, Ruling.REJECTED: 1, Ruling.UNPROVEN: 3}

_STYLES: Final = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.UNKNOWN: ("?", "yellow"),
}
_RULINGS: Final = {
    Ruling.VERIFIED: "bold green",
    Ruling.REJECTED: "bold red",
    Ruling.UNPROVEN: "bold yellow",
}


def suggestion_view(suggestion: Suggestion, before: Snapshot | None = None) -> RenderableType:
    """Verdict, evidence, and the diff where the texts before are given."""
    verdict = suggestion.verdict
    parts: list[RenderableType] = [
        Text.assemble(
            (f" {verdict.outcome.value.upper()} ", f"reverse {_RULINGS[verdict.outcome]}"),
            f" {suggestion.candidate.title}",
        )
    ]
    if before is not None:
        parts.append(diff_view(suggestion, before))
    parts.append(evidence_table(verdict.evidence, set(verdict.demanded)))
    for kept in suggestion.pinned:
        parts.append(Text(f"{kept.path}, to keep or not:", style="bold"))
        parts.append(Syntax(kept.text, "python", theme="ansi_dark", word_wrap=True))
    if suggestion.plan is not None:
        parts.append(Text(f"plan: {suggestion.plan.sentence}", style="dim"))
    if suggestion.stopped:
        parts.append(Text(f"no better candidate: {suggestion.stopped}", style="dim"))
    if suggestion.isolation:
        parts.append(Text(f"isolation: {suggestion.isolation}", style="dim"))
    return Group(*parts)


def evidence_table(evidence: tuple[Evidence, ...], demanded: set[str]) -> Table:
    """One row a check, in the order of the gate."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(width=1)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for found in evidence:
        mark, style = _STYLES[found.outcome]
        where = f" ({found.path}:{found.line})" if found.path and found.line else ""
        aside = "" if found.check in demanded else " (not demanded)"
        table.add_row(
            Text(mark, style), found.check, Text(f"{found.detail}{where}{aside}", style="")
        )
    return table


def diff_view(suggestion: Suggestion, before: Snapshot) -> RenderableType:
    return Syntax(diff_text(suggestion, before), "diff", theme="ansi_dark", word_wrap=True)


def diff_text(suggestion: Suggestion, before: Snapshot) -> str:
    """A unified diff of the whole suggestion."""
    after = before.edited(suggestion.candidate.edits, suggestion.candidate.deletes)
    return diffs.unified(before, after, suggestion.candidate.paths)


def verdict_json(suggestion: Suggestion) -> dict[str, object]:
    """The stable JSON of `trueup verify --json` and `trueup fix --json`."""
    tests = suggestion.tests
    return {
        "outcome": suggestion.verdict.outcome.value,
        "kind": suggestion.goal.kind.value,
        "evidence": [found.as_json() for found in suggestion.verdict.evidence],
        "tests": tests.as_json(),
        "counterexample": _counterexample(suggestion.verdict.evidence),
        "isolation": suggestion.isolation,
        "elapsed_ms": suggestion.elapsed_ms,
    } | _pinned(suggestion)


def judged_table(
    counts: Mapping[str, Mapping[str, int]], shares: Iterable[tuple[str, object]]
) -> RenderableType:
    """How the gate did on labelled candidates: outcome by truth, then shares with intervals."""
    table = Table(box=None, padding=(0, 2))
    table.add_column("truth")
    for ruling in Ruling:
        table.add_column(ruling.value, justify="right")
    for group, found in counts.items():
        table.add_row(group.replace("_", ", tests "), *(str(found[item.value]) for item in Ruling))
    lines = Table(box=None, padding=(0, 2), show_header=False)
    for name, value in shares:
        lines.add_row(name, str(value))
    return Group(table, Text(), lines)


def _pinned(suggestion: Suggestion) -> dict[str, object]:
    """Tests that were written for this verdict, where some were."""
    files = [{"path": kept.path, "text": kept.text} for kept in suggestion.pinned]
    return {"pinned": files} if files else {}


def _counterexample(evidence: tuple[Evidence, ...]) -> dict[str, str] | None:
    for found in evidence:
        if shown := found.counterexample:
            return {
                "function": shown.function,
                "call": shown.call,
                "before": shown.before,
                "after": shown.after,
            }
    return None


def show(console: Console, suggestion: Suggestion, before: Snapshot | None = None) -> None:
    console.print(suggestion_view(suggestion, before))
