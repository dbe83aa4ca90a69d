"""Characterization tests: what the code does today, as a test that one can keep.

For the functions that a candidate changes, inputs are recorded and generated and the unchanged code
is asked what it does with them. Those that tell it best from its own mutants become a test in the
style of the project's tests. Nothing is pinned that is not the same each time, nor what no source
can say. The idea is Feathers's (Working Effectively with Legacy Code, 2004).
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from trueup.parsing import parse_expression, parse_module
from trueup.runner.results import RunStatus, TestRun
from trueup.runner.suite import suite_of
from trueup.snapshot import Document
from trueup.verify import literals, mutants, subjects, views
from trueup.verify.changes import changed_statements
from trueup.verify.characterization import Example, written
from trueup.verify.inputs import Input
from trueup.verify.sidebyside import Bench
from trueup.verify.subjects import Subject
from trueup.verify.trial import Trial
from trueup.verify.views import Outcome

CHECK: Final = "pinned"
INPUTS_MAX: Final = 8
"""Inputs of one function that are written down."""
MUTANTS_MAX: Final = 12
SOURCE_CHARS_MAX: Final = 400
DIGITS_MAX: Final = 10
AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Pinned:
    """A test file that passes on the code as it is, and how many of its mutants it kills."""

    document: Document
    functions: tuple[str, ...]
    killed: int
    mutants: int

    @property
    def sentence(self) -> str:
        names = ", ".join(self.functions)
        return (
            f"{self.document.path} pins {names} as it is and notices {self.killed} of"
            f" {self.mutants} small mistakes in it"
        )


async def pin(trial: Trial) -> Pinned | str:
    """A characterization test of what `trial` changes, or why there is none."""
    targets = await subjects.targets_of(trial)
    if not targets.found:
        return targets.left or "no function changes"
    # Where no test is affected, nobody has asked yet whether anything may run.
    if why := await trial.bed.refusal():
        return why
    affected = (await trial.affected()).tests
    run = TestRun(RunStatus.FINISHED, search_path=_search_path(trial))
    if affected:
        run = await subjects.record(trial, targets.found, affected)
    bench = Bench(trial, run.search_path)
    chosen: list[tuple[Subject, tuple[Example, ...]]] = []
    killed = tried = 0
    for target in targets.found:
        subject = await subjects.prepared(trial, target, run)
        examples = await _stable(bench, subject)
        if isinstance(examples, str):
            why = why or f"{target.qualname} cannot be called: {examples}"
            continue
        if not examples:
            why = why or f"no input of {target.qualname} gives anything that can be written down"
            continue
        kept, noticed, made = await _telling(bench, subject, examples)
        if noticed:
            chosen.append((subject, kept))
            killed, tried = killed + noticed, tried + made
        else:
            why = why or f"no input of {target.qualname} tells it from a mistake in it"
    if not chosen:
        return why
    document = await asyncio.to_thread(written, trial.before, chosen)
    names = tuple(subject.target.qualname for subject, _ in chosen)
    pinned = Pinned(document, names, killed, tried)
    return await _green(trial, pinned)


async def _green(trial: Trial, pinned: Pinned) -> Pinned | str:
    """The test runs as it would in the project, on the code as it is."""
    snapshot = trial.before.having(pinned.document)
    run = await trial.bed.run(trial.request(snapshot, (pinned.document.path,)))
    if run.all_passed:
        return pinned
    red = next((name for name, result in run.results.items() if result.outcome.is_red), "")
    return f"the pinned test does not pass on the code as it is: {red or run.reason}"


def _search_path(trial: Trial) -> tuple[str, ...]:
    """Where modules are found when no test has shown it, relative to the workspace."""
    return (".", "src", *suite_of(trial.before.root).pythonpath)


async def _stable(bench: Bench, subject: Subject) -> tuple[Example, ...] | str:
    """Inputs that source can write, with an outcome that is the same twice and can be written; or
    why nothing could be called.
    """
    before = bench.trial.before
    inputs = [whole for one in subject.inputs if (whole := _whole(subject, one)) is not None]
    if not inputs:
        return ()
    old, again = await asyncio.gather(
        bench.outcomes(before, subject, inputs), bench.outcomes(before, subject, inputs)
    )
    if isinstance(old, str):
        return old
    if isinstance(again, str):
        return again
    return tuple(
        Example(one, old[place])
        for place, one in enumerate(inputs)
        if not views.obstacle(old.get(place), again.get(place)) and _writable(old[place])
    )


def _whole(subject: Subject, one: Input) -> Input | None:
    """The input with all arguments as source, None where some have none."""
    values = dict(one.values)
    if one.base is not None:
        values = {**subject.values[one.base], **one.values}
        if subject.recorded[one.base].sources.keys() - values.keys():
            return None
    # What `*` and `**` took cannot be given by name; nothing was given to them in most calls.
    rest = values.keys() - subject.target.hints.keys()
    if any(values[name] for name in rest) or not all(map(_is_plain, values.values())):
        return None
    named = {name: values[name] for name in subject.target.hints if name in values}
    return replace(one, base=None, values=named)


def _writable(outcome: Outcome) -> bool:
    if "raised" in outcome:
        name = str(outcome["raised"])
        return bool(outcome.get("deliberate")) and name.startswith("builtins.")
    try:
        result = literals.read(views.source(outcome.get("returned")))
    except ValueError:
        return False
    # A float in something else is written as it is, so it must not be one that rounding made.
    digits = 0 if isinstance(result, float) else _digits(outcome["returned"])
    if not _is_plain(result) or digits > DIGITS_MAX:
        return False
    return "printed" not in outcome and len(views.source(outcome["returned"])) < SOURCE_CHARS_MAX


def _digits(view: object) -> int:
    """The length of the longest float in a view."""
    match view:
        case ["float", str(text)]:
            return len(text)
        case list(items):
            return max(map(_digits, items), default=0)
    return 0


def _is_plain(value: literals.Literal) -> bool:
    """Whether no number in it is infinite or not a number, which no literal writes."""
    nodes = ast.walk(parse_expression(literals.write(value)))
    return not any(isinstance(node, ast.Name) and node.id in {"inf", "nan"} for node in nodes)


async def _telling(
    bench: Bench, subject: Subject, examples: Sequence[Example]
) -> tuple[tuple[Example, ...], int, int]:
    """The examples that tell the code from its mutants; how many mutants they do tell, of which."""
    text = bench.trial.before.documents[subject.target.path].text
    made = await asyncio.to_thread(_mutants, text, subject.target.line)
    inputs = [example.one for example in examples]
    gate = asyncio.Semaphore(AT_ONCE)

    async def killers(mutant: mutants.Mutant) -> frozenset[int]:
        async with gate:
            document = replace(bench.trial.before.documents[subject.target.path], text=mutant.text)
            found = await bench.outcomes(bench.trial.before.having(document), subject, inputs)
        if isinstance(found, str):
            return frozenset()
        return frozenset(
            place
            for place, example in enumerate(examples)
            if not _alike(example.outcome, found.get(place))
        )

    killed_by = await asyncio.gather(*(killers(mutant) for mutant in made))
    return _cover(examples, killed_by), sum(map(bool, killed_by)), len(made)


def _alike(old: Outcome, new: Outcome | None) -> bool:
    names = ("returned", "raised", "left")
    return new is not None and all(views.alike(old.get(name), new.get(name)) for name in names)


def _mutants(text: str, line: int) -> tuple[mutants.Mutant, ...]:
    """Mutants of the function whose `def` stands at `line`: of every statement in its body."""
    blank = _without_body(text, line)
    inside = changed_statements(blank, text) if blank else ()
    return mutants.mutants_of(text, inside, MUTANTS_MAX)


def _without_body(text: str, line: int) -> str:
    for node in ast.walk(parse_module(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == line:
            lines = text.splitlines(keepends=True)
            first, last = node.body[0], node.body[-1]
            if first.lineno == node.lineno:
                return ""
            indent = " " * first.col_offset
            body = f"{indent}...\n"
            return "".join([*lines[: first.lineno - 1], body, *lines[last.end_lineno :]])
    return ""


def _result(outcome: Outcome) -> str:
    return str(outcome.get("returned", outcome.get("raised")))


def _cover(examples: Sequence[Example], killed_by: Sequence[frozenset[int]]) -> tuple[Example, ...]:
    """Few and small inputs that kill what all of them kill, filled up with other outcomes."""
    order = sorted(range(len(examples)), key=lambda place: examples[place].one.size)
    left = [places for places in killed_by if places]
    kept: list[int] = []
    while left and len(kept) < INPUTS_MAX:
        best = max(order, key=lambda place: sum(place in places for places in left))
        kept.append(best)
        left = [places for places in left if best not in places]
    seen = {_result(examples[place].outcome) for place in kept}
    for place in order:
        if len(kept) >= INPUTS_MAX:
            break
        if _result(examples[place].outcome) not in seen:
            seen.add(_result(examples[place].outcome))
            kept.append(place)
    return tuple(examples[place] for place in sorted(kept, key=order.index))
