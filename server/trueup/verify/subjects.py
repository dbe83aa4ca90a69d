"""What is called side by side, and with what: targets, their recorded calls, their inputs.

Looks at the candidate, lets the tests run once to record how they call what it changes, and makes
more inputs of the same shape. Knows nothing of what comes of a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from trueup import InputError, workspace
from trueup.runner.results import RecordedCall, TestRun
from trueup.verify import literals
from trueup.verify.classes import ClassShape, classes_of
from trueup.verify.inputs import Input, generated
from trueup.verify.likely import Invariant, Values, broken, invariants
from trueup.verify.strategies import Likeness
from trueup.verify.targets import Target, Targets, targets
from trueup.verify.trial import Trial

GENERATED_MAX: Final = 300
"""Generated inputs of one function, before those that turn out alike are left out."""
NEVER_CALLED: Final = frozenset({"no known call"})
"""What every input breaks of a function whose calls nobody has seen."""
NEVER_NONE: Final = frozenset({"never None"})
BASES: Final = 3
"""Recorded calls in which a value is taken away."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A target, the calls of it that tests make, and the inputs that old and new are given."""

    target: Target
    module: str
    recorded: tuple[RecordedCall, ...]
    values: tuple[Values, ...]
    inputs: tuple[Input, ...]
    unrecorded: str = ""
    common: tuple[Invariant, ...] = ()

    def breaks(self, one: Input) -> frozenset[str]:
        """What all recorded calls have in common and this one has not."""
        if not self.recorded and not self.target.examples:
            return NEVER_CALLED
        base = self.values[one.base] if one.base is not None else {}
        return broken(self.common, {**base, **one.values})


async def targets_of(trial: Trial) -> Targets:
    """What the candidate changes, function by function; `left` where that is not all of it."""
    found: list[Target] = []
    doubt = gone = ""
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if workspace.is_test(path):
            continue
        if not path.endswith(".py"):
            return Targets((), f"{path} is not Python")
        if old is None or new is None:
            return Targets((), f"{path} is only on one side")
        of_file = await asyncio.to_thread(targets, path, old.text, new.text)
        if of_file.left:
            return of_file
        found += of_file.found
        doubt, gone = doubt or of_file.doubt, gone or of_file.gone
    return Targets(tuple(found), "", gone, doubt)


async def prepared(trial: Trial, target: Target, run: TestRun) -> Subject:
    """The target with its inputs, in a thread: making them takes a while."""

    def work() -> Subject:
        return subject(target, run, _classes(trial, target.path))

    return await asyncio.to_thread(work)


def _classes(trial: Trial, path: str) -> Mapping[str, ClassShape]:
    """The classes that a module of the unchanged workspace knows, its own and imported ones."""

    def text_of(module: str, level: int) -> str | None:
        pieces = module.split(".") if module else []
        folders = ["", "src"] if not level else [str(PurePosixPath(path).parents[level - 1])]
        for folder in folders:
            stem = PurePosixPath(folder, *pieces)
            for name in (f"{stem}.py", f"{stem}/__init__.py"):
                try:
                    held = trial.before.get(name) or workspace.read(trial.before.root, name)
                except InputError:
                    continue
                return held.text
        return None

    document = trial.before.get(path)
    return classes_of(document.text, text_of) if document is not None else {}


async def record(
    trial: Trial,
    wanted: Sequence[Target],
    tests: tuple[str, ...],
    probes: Mapping[str, frozenset[int]] | None = None,
) -> TestRun:
    """A run of `tests` on the unchanged code that watches how the targets are called, and which of
    the `probes` ran.
    """
    watched: dict[str, frozenset[int]] = {}
    for target in wanted:
        watched[target.path] = watched.get(target.path, frozenset()) | {target.line}
    request = trial.request(trial.before, tests)
    return await trial.bed.run(replace(request, watched=watched, probes=probes or {}))


def subject(target: Target, run: TestRun, classes: Mapping[str, ClassShape]) -> Subject:
    """Slow: it generates the inputs. `classes` are those that the target's module knows."""
    own = tuple(call for call in run.calls if (call.path, call.line) == (target.path, target.line))
    values = tuple(_literals(call) for call in own)
    recorded = tuple(Input(place, {}) for place in range(len(own)))
    hints = {name: target.hints.get(name, "") for name in target.required}
    likeness = Likeness(target.constants, classes)
    shown = tuple(Input(None, one) for one in target.examples if one not in values)
    if not own and shown:
        made = tuple(
            replace(one, base=None, values={**target.examples[one.base or 0], **one.values})
            for one in generated(target.examples, hints, likeness, GENERATED_MAX)
        )
    else:
        made = generated(values, hints, likeness, GENERATED_MAX)
    if not own and not shown:
        made = tuple(replace(one, breaks=NEVER_CALLED) for one in made)
    module = own[0].module if own else module_of(target.path)
    common = invariants(values or target.examples)
    why = run.unrecorded.get((target.path, target.line), "")
    inputs = (*recorded, *shown, *_without_a_value(target, values), *made)
    return Subject(target, module, own, values, inputs, why, common)


def _without_a_value(target: Target, values: Sequence[Values]) -> tuple[Input, ...]:
    """None for each parameter whose absence the code provides for and no test tries."""
    found = []
    for name in target.asked:
        given = [place for place, one in enumerate(values) if name in one]
        if given and all(values[place][name] is not None for place in given):
            found += [Input(place, {name: None}, NEVER_NONE) for place in given[:BASES]]
    return tuple(found)


def module_of(path: str) -> str:
    pieces = path.removesuffix(".py").split("/")
    if pieces[0] == "src":
        pieces = pieces[1:]
    return ".".join(pieces[:-1] if pieces[-1] == "__init__" else pieces)


def _literals(call: RecordedCall) -> Values:
    found = {}
    for name, text in call.sources.items():
        if text is not None:
            try:
                found[name] = literals.read(text)
            except ValueError:
                continue
    return found
