"""What is known of the behaviour of the changed code, beyond that the tests pass.

Did every changed statement run? Do old and new give the same on the same arguments? Where they
cannot be called side by side, would the tests have noticed a small mistake? A rename that only
renames is answered by its syntax trees.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trueup import InputError, workspace
from trueup.parsing import parse_module
from trueup.runner.results import RunStatus
from trueup.suggestion import Evidence, Outcome, Recipe, SurfaceKind
from trueup.symbols import Outline
from trueup.verify import mistakes, renames, sensitivity, sidebyside, subjects, symbolic
from trueup.verify.changes import Statement, changed_statements
from trueup.verify.sidebyside import Finding
from trueup.verify.tests import UNCHANGED_CODE, witnesses
from trueup.verify.trial import Trial, passed, unknown

COVERAGE: Final = "changed-statements"
CHECK: Final = "behaviour"
INPUTS_MIN: Final = 20
"""Inputs on which old and new agree, below which that proves too little."""


async def runs_every_changed_statement(trial: Trial) -> Evidence:
    """Every changed statement ran while the affected tests passed."""
    if trial.only_text:
        return passed(COVERAGE, UNCHANGED_CODE)
    if why := await trial.obstacle("no test ran"):
        return unknown(COVERAGE, why)
    after = (await trial.sides()).after
    wanted = [(path, item) for path, items in trial.statements.items() for item in items]
    missed = [(path, item) for path, item in wanted if not witnesses(after, path, item)]
    if not wanted:
        return unknown(COVERAGE, "nothing that changed leaves a trace when it runs")
    if missed:
        path, first = missed[0]
        return unknown(
            COVERAGE,
            f"{len(missed)} of {len(wanted)} changed statements did not run in any passing test",
            path,
            first.first,
        )
    if len(wanted) == 1:
        return passed(COVERAGE, "the changed statement ran")
    return passed(COVERAGE, f"all {len(wanted)} changed statements ran")


async def keeps_behaviour(trial: Trial) -> Evidence:
    """Old and new agree on recorded and generated inputs, or the tests would notice a mistake."""
    if trial.only_text:
        if path := _reads_docstrings(trial):
            return unknown(CHECK, f"a docstring changes, and {path} reads docstrings", path)
        return passed(CHECK, UNCHANGED_CODE)
    if renamed := await _renamed(trial):
        return renamed
    if why := await trial.obstacle("no test ran"):
        return unknown(CHECK, why)
    if (await trial.sides()).after.status is not RunStatus.FINISHED:
        return unknown(CHECK, "the tests did not finish")
    compared = await _side_by_side(trial)
    if problem := _difference(compared):
        return problem
    if not compared.obstacle:
        return passed(CHECK, _agreement(compared.findings))
    return await _by_mistakes(trial, compared)


def _reads_docstrings(trial: Trial) -> str:
    """A file whose docstrings change and that says `__doc__`, or ""."""
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if old is None or new is None or not path.endswith(".py") or "__doc__" not in new.text:
            continue
        if ast.dump(parse_module(old.text)) != ast.dump(parse_module(new.text)):
            return path
    return ""


def _difference(compared: _Compared) -> Evidence | None:
    """What speaks against the change: a call that is answered otherwise, or code that goes away
    and that nobody has seen run.
    """
    for finding in compared.findings:
        if shown := finding.difference:
            target = finding.subject.target
            return Evidence(
                CHECK, Outcome.FAILED, shown.sentence, target.path, target.new_line, shown
            )
    for finding in compared.findings:
        if shown := finding.unlike:
            target = finding.subject.target
            detail = f"{shown.sentence}; no test passes anything like it"
            return Evidence(CHECK, Outcome.UNKNOWN, detail, target.path, target.new_line, shown)
    for finding in compared.findings:
        if finding.held:
            name, was, now = finding.held
            return unknown(
                CHECK, f"{name} was {was} and is {now}; who else reads it is not known",
                finding.subject.target.path,
            )  # fmt: skip
    if compared.unseen is not None:
        path, line = compared.unseen
        return unknown(
            CHECK, f"line {line} of {path} goes away, and neither a test nor an input reached it",
            path,
        )  # fmt: skip
    return unknown(CHECK, compared.doubt) if compared.doubt else None


def _agreement(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "only imports change, and nothing that uses them"
    recorded = sum(place < len(item.subject.recorded) for item in findings for place in item.agreed)
    made = sum(len(item.agreed) for item in findings) - recorded
    names = ", ".join(item.subject.target.qualname for item in findings[:3])
    more = f" and {len(findings) - 3} more" if len(findings) > 3 else ""
    calls = f"{recorded} recorded call{'s' * (recorded != 1)}" if recorded else ""
    inputs = f"{_about(made)} generated ones" if calls else f"{_about(made)} generated calls"
    said = " and ".join(filter(None, (calls, inputs if made else "")))
    return f"old and new {names}{more} agree on {said}"


def _about(number: int) -> str:
    """A round number: which inputs Hypothesis makes depends on its version and surroundings."""
    steps = [step for step in (20, 50, 100, 200, 500, 1000) if step <= number]
    return f"more than {steps[-1]}" if steps else "a few"


@dataclass(frozen=True, slots=True)
class _Compared:
    """`obstacle` says why agreement proves nothing, "" where it does. `unseen` is the first line,
    by path, that the change takes away and that neither a test nor an input ever reached.
    """

    findings: tuple[Finding, ...]
    obstacle: str
    unseen: tuple[str, int] | None = None
    doubt: str = ""
    gone: str = ""


async def _side_by_side(trial: Trial) -> _Compared:
    wanted = await subjects.targets_of(trial)
    taken = _taken_away(trial)
    probes = {path: frozenset(item.first for item in items) for path, items in taken.items()}
    if not any(probes.values()) and not wanted.found:
        return _Compared((), wanted.left, None, wanted.doubt, wanted.gone)
    run = await subjects.record(trial, wanted.found, (await trial.affected()).tests, probes)
    if run.status is not RunStatus.FINISHED:
        return _Compared((), run.reason, None, wanted.doubt, wanted.gone)
    reached = set(run.runners)
    if wanted.left or not wanted.found:
        return _Compared((), wanted.left, _unseen(taken, reached), wanted.doubt, wanted.gone)
    by_inputs: set[tuple[str, int]] = set()
    bench = sidebyside.Bench(trial, run.search_path, probes, by_inputs)
    findings = []
    for target in wanted.found:
        subject = await subjects.prepared(trial, target, run)
        findings.append(await sidebyside.compare(bench, subject))
    weakness = _weakness(findings)
    if not weakness and (place := _unseen(taken, by_inputs)):
        # Tests may come there with what cannot be recorded; then agreement says nothing of it.
        weakness = f"no input reaches line {place[1]} of {place[0]}"
    unseen = _unseen(taken, reached | by_inputs)
    doubt = wanted.doubt
    if not weakness and not unseen and not any(item.difference or item.unlike for item in findings):
        for finding in findings:
            if found := await sensitivity.indifferent(bench, finding):
                weakness = f"line {found[0]}: {found[1]} in the calls that were compared"
                break
        else:
            doubt = await _searched(bench, findings) or doubt
    return _Compared(tuple(findings), weakness, unseen, doubt, wanted.gone)


async def _searched(bench: sidebyside.Bench, findings: list[Finding]) -> str:
    """Puts what a symbolic search adds into `findings`; why it could not be made, or ""."""
    seconds = bench.trial.limits.crosshair_seconds
    for place, finding in enumerate(findings if seconds else ()):
        found = await symbolic.searched(bench, finding, seconds)
        if isinstance(found, str):
            return found
        findings[place] = found
    return ""


def _weakness(findings: Sequence[Finding]) -> str:
    for item in findings:
        if len(item.agreed) < INPUTS_MIN:
            name = item.subject.target.qualname
            if item.obstacle:
                return f"{name}: {item.obstacle}"
            return f"old and new {name} could be compared on {len(item.agreed)} inputs only"
    return ""


def _taken_away(trial: Trial) -> dict[str, tuple[Statement, ...]]:
    """The statements of the old code that are changed or gone, by path."""
    found = {}
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if old is not None and new is not None and path.endswith(".py"):
            found[path] = changed_statements(new.text, old.text)
    return found


def _unseen(
    taken: Mapping[str, tuple[Statement, ...]], reached: set[tuple[str, int]]
) -> tuple[str, int] | None:
    for path, items in taken.items():
        for item in items:
            if item.lines and (path, item.first) not in reached:
                return path, item.first
    return None


async def _by_mistakes(trial: Trial, compared: _Compared) -> Evidence:
    """The affected tests kill at least `mutants_killed_min` of the mutants of the changed lines."""
    aside = f" (not compared side by side: {compared.obstacle})"
    if compared.gone:
        why = "and no mistake in what stays stands for it"
        return unknown(CHECK, f"{compared.gone} goes away, {why}{aside}")
    found = await mistakes.noticed(trial)
    if not found.made:
        return unknown(CHECK, f"the changed lines leave nothing to vary{aside}")
    if found.enough:
        if place := await mistakes.indifferent(trial):
            path, line, why = place
            return unknown(CHECK, f"{why}{aside}", path, line)
        detail = f"the tests notice {found.killed} of {found.made} small mistakes{aside}"
        return passed(CHECK, detail)
    shown = f", such as {found.survivor[1].says}" if found.survivor else ""
    if found.killed + found.made - found.tried >= found.needed:
        # Enough of them may be noticed; nobody knows.
        shown = f"; {found.made - found.tried} could not be tried"
    return unknown(
        CHECK,
        f"the tests notice {found.killed} of {found.made} small mistakes in the changed lines"
        f" ({found.needed} are needed){shown}{aside}",
        found.survivor[0] if found.survivor else None,
        found.survivor[1].line if found.survivor else None,
    )


async def _renamed(trial: Trial) -> Evidence | None:
    """The evidence of a change that only renames, None for any other."""
    if _only_renames(trial):
        old, new = trial.goal.surface.old, trial.goal.surface.new
        if place := await asyncio.to_thread(_forgotten, trial):
            path, line = place
            return unknown(
                CHECK, f"{path} still says {old}; whether it means this one is not known",
                path, line,
            )  # fmt: skip
        return passed(CHECK, f"the syntax trees are equal but for {old} being called {new}")
    if local := _renamed_local(trial):
        return passed(
            CHECK, f"the syntax trees are equal but for {local[0]} being called {local[1]}"
        )
    return None


def _only_renames(trial: Trial) -> bool:
    surface = trial.goal.surface
    if surface.kind is not SurfaceKind.RENAME:
        return False
    names = surface.old.rpartition(".")[2], surface.new.rpartition(".")[2]
    return renames.only_renames(trial.before, trial.after, trial.candidate.paths, names)


def _renamed_local(trial: Trial) -> tuple[str, str] | None:
    """The old and the new name, where all that changes is what a variable is called."""
    goal = trial.goal
    old, new = trial.before.get(goal.path), trial.after.get(goal.path)
    if goal.recipe is not Recipe.RENAME or trial.candidate.paths != (goal.path,):
        return None
    if old is None or new is None:
        return None
    place = Outline(old.text).identifier_at(goal.span.start)
    names = (old.text[place.start : place.end] if place else "", goal.name)
    line = old.line_at(goal.span.start) + 1
    return names if renames.only_renames_a_local(old.text, new.text, line, names) else None


def _forgotten(trial: Trial) -> tuple[str, int] | None:
    """Where the project, with the change in it, still uses the old name of what was renamed."""
    base = trial.before.get(trial.goal.path)
    old = trial.goal.surface.old.rpartition(".")[2]
    paths = {*workspace.python_files(trial.after.root), *trial.candidate.paths}
    for path in sorted(paths):
        document = trial.after.get(path)
        try:
            document = document or workspace.read(trial.after.root, path)
        except InputError:
            continue
        line = renames.still_used(document.text, old, base) if base is not None else None
        if line is not None:
            return path, line
    return None
