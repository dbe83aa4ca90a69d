"""Characterization tests: what the code does today, as a test that one can keep.

For the functions that a candidate changes, inputs are recorded and generated and the unchanged code
is asked what it does with them. Those that tell it best from its own mutants become a test in the
style of the project's tests. Nothing is pinned that is not the same each time, nor what no source
can say. The idea is Feathers's (Working Effectively with Legacy Code, 2004).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from trueup import workspace
from trueup.runner.results import RunStatus, TestRun
from trueup.runner.suite import suite_of
from trueup.snapshot import Document
from trueup.verify import literals, mutants, sidebyside, views
from trueup.verify.changes import changed_statements
from trueup.verify.inputs import Input
from trueup.verify.sidebyside import Bench, Subject
from trueup.verify.trial import Trial
from trueup.verify.views import Outcome

CHECK: Final = "pinned"
INPUTS_MAX: Final = 8
"""Inputs of one function that are written down."""
MUTANTS_MAX: Final = 12
SOURCE_CHARS_MAX: Final = 400
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


@dataclass(frozen=True, slots=True)
class _Example:
    """One input whose outcome can be written down: what is called, and what is expected."""

    one: Input
    outcome: Outcome


async def pin(trial: Trial) -> Pinned | str:
    """A characterization test of what `trial` changes, or why there is none."""
    targets = await sidebyside.targets_of(trial)
    if not targets.found:
        return targets.left or "no function changes"
    affected = (await trial.affected()).tests
    run = TestRun(RunStatus.FINISHED)
    if affected:
        run = await sidebyside.record(trial, targets.found, affected)
    bench = Bench(trial, run.search_path)
    chosen: list[tuple[Subject, tuple[_Example, ...]]] = []
    killed = tried = 0
    why = ""
    for target in targets.found:
        subject = await sidebyside.prepared(trial, target, run)
        examples = await _stable(bench, subject)
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
    document = await asyncio.to_thread(_test_file, trial, chosen)
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


async def _stable(bench: Bench, subject: Subject) -> tuple[_Example, ...]:
    """Inputs that source can write, with an outcome that is the same twice and can be written."""
    before = bench.trial.before
    inputs = [whole for one in subject.inputs if (whole := _whole(subject, one)) is not None]
    if not inputs:
        return ()
    old, again = await asyncio.gather(
        bench.outcomes(before, subject, inputs), bench.outcomes(before, subject, inputs)
    )
    if isinstance(old, str) or isinstance(again, str):
        return ()
    return tuple(
        _Example(one, old[place])
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
    if any(values[name] for name in rest):
        return None
    named = {name: values[name] for name in subject.target.hints if name in values}
    return replace(one, base=None, values=named)


def _writable(outcome: Outcome) -> bool:
    if "raised" in outcome:
        name = str(outcome["raised"])
        return bool(outcome.get("deliberate")) and name.startswith("builtins.")
    try:
        literals.read(views.source(outcome.get("returned")))
    except ValueError:
        return False
    return "printed" not in outcome and len(views.source(outcome["returned"])) < SOURCE_CHARS_MAX


async def _telling(
    bench: Bench, subject: Subject, examples: Sequence[_Example]
) -> tuple[tuple[_Example, ...], int, int]:
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
    import ast  # noqa: PLC0415

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == line:
            lines = text.splitlines(keepends=True)
            first, last = node.body[0], node.body[-1]
            if first.lineno == node.lineno:
                return ""
            indent = " " * first.col_offset
            body = f"{indent}...\n"
            return "".join([*lines[: first.lineno - 1], body, *lines[last.end_lineno :]])
    return ""


def _cover(
    examples: Sequence[_Example], killed_by: Sequence[frozenset[int]]
) -> tuple[_Example, ...]:
    """Few and small inputs that kill what all of them kill, filled up with other outcomes."""
    order = sorted(range(len(examples)), key=lambda place: examples[place].one.size)
    left = [places for places in killed_by if places]
    kept: list[int] = []
    while left and len(kept) < INPUTS_MAX:
        best = max(order, key=lambda place: sum(place in places for places in left))
        kept.append(best)
        left = [places for places in left if best not in places]
    seen = {str(examples[place].outcome) for place in kept}
    for place in order:
        if len(kept) >= INPUTS_MAX:
            break
        if str(examples[place].outcome) not in seen:
            seen.add(str(examples[place].outcome))
            kept.append(place)
    return tuple(examples[place] for place in sorted(kept, key=order.index))


# ---------------------------------------------------------------------------------------------
# The test as the project would write it.
# ---------------------------------------------------------------------------------------------


def _test_file(trial: Trial, chosen: Sequence[tuple[Subject, tuple[_Example, ...]]]) -> Document:
    path = chosen[0][0].target.path
    root = trial.before.root
    tests = [name for name in workspace.python_files(root) if suite_of(root).holds(name)]
    name = _free_name(trial, path, tests)
    unittest = _is_unittest(root, tests)
    return Document(name, _written(chosen, unittest=unittest), 1)


def _free_name(trial: Trial, path: str, tests: Sequence[str]) -> str:
    """Beside the tests of this module, else beside most of the tests."""
    stem = PurePosixPath(path).stem if not path.endswith("__init__.py") else "package"
    folders = [str(PurePosixPath(name).parent) for name in tests]
    own = [folder for folder, name in zip(folders, tests, strict=True) if stem in name]
    folder = max(own or folders or ["tests"], key=(own or folders or ["tests"]).count)
    taken = {*tests, *(document.path for document in trial.before)}
    for number in ("", *map(str, range(2, 100))):
        name = str(PurePosixPath(folder, f"test_{stem}_pinned{number}.py"))
        if name not in taken:
            return name
    return str(PurePosixPath(folder, f"test_{stem}_pinned_again.py"))


def _is_unittest(root: str, tests: Sequence[str]) -> bool:
    """Whether most of the project's tests are classes of unittest."""
    votes = [
        ("TestCase)" in text) - ("import pytest" in text or "\ndef test_" in text)
        for name in tests[:50]
        if (text := workspace.read(root, name).text)
    ]
    return sum(votes) > 0


def _written(chosen: Sequence[tuple[Subject, tuple[_Example, ...]]], *, unittest: bool) -> str:
    imports: dict[str, set[str]] = {}
    for subject, examples in chosen:
        names = {subject.target.qualname.partition(".")[0]}
        names |= {name for item in examples for name in _names_made(item.one.values)}
        imports.setdefault(subject.module, set()).update(names)
    raises = any("raised" in item.outcome for _, examples in chosen for item in examples)
    lines = ['"""What the code does today; written down by Trueup before it was changed."""', ""]
    if unittest:
        lines += ["import unittest", ""]
    elif raises:
        lines += ["import pytest", ""]
    lines += [
        f"from {module} import {', '.join(sorted(names))}"
        for module, names in sorted(imports.items())
    ]
    body: list[str] = []
    for subject, examples in chosen:
        body += ["", "", *_test(subject, examples, unittest=unittest)]
    return "\n".join([*lines, *body]) + "\n"


def _names_made(values: Mapping[str, literals.Literal]) -> set[str]:
    import ast  # noqa: PLC0415

    found = set()
    for value in values.values():
        for node in ast.walk(ast.parse(literals.write(value), mode="eval")):
            if isinstance(node, ast.Name) and node.id not in {"set", "frozenset", "inf", "nan"}:
                found.add(node.id)
    return found


def _test(subject: Subject, examples: Sequence[_Example], *, unittest: bool) -> list[str]:
    name = subject.target.qualname.replace(".", "_").strip("_").lower()
    lines: list[str] = []
    pad = "        " if unittest else "    "
    for example in examples:
        lines += _checked(subject, example, pad, unittest=unittest)
    if unittest:
        title = "".join(part.title() for part in name.split("_"))
        return [
            f"class {title}AsItIs(unittest.TestCase):",
            f"    def test_{name}(self):",
            *lines,
        ]
    return [f"def test_{name}_as_it_is():", *lines]


def _checked(subject: Subject, example: _Example, pad: str, *, unittest: bool) -> list[str]:
    call = _call(subject, example.one)
    outcome = example.outcome
    if "raised" in outcome:
        kind = str(outcome["raised"]).removeprefix("builtins.")
        opened = f"self.assertRaises({kind})" if unittest else f"pytest.raises({kind})"
        return [f"{pad}with {opened}:", f"{pad}    {call}"]
    expected = views.source(outcome["returned"])
    if unittest:
        return [f"{pad}self.assertEqual({call}, {expected})"]
    if expected in {"None", "True", "False"}:
        return [f"{pad}assert {call} is {expected}"]
    return [f"{pad}assert {call} == {expected}"]


def _call(subject: Subject, one: Input) -> str:
    """The call as one would write it: a method on its object, defaults left out."""
    values = dict(one.values)
    target = subject.target
    owner, _, method = target.qualname.rpartition(".")
    first = next(iter(target.hints), "")
    if owner and first in values:
        called = f"{literals.write(values.pop(first))}.{method}"
    else:
        called = method
    parts, by_place = [], True
    for name in target.hints:
        if name not in values:
            # What comes after it needs its name, unless it was the object itself.
            by_place = by_place and bool(owner) and name == first
            continue
        written = literals.write(values[name])
        by_place = by_place and name in target.positional and name in target.required
        parts.append(written if by_place else f"{name}={written}")
    return f"{called}({', '.join(parts)})"
