"""A characterization test as the project's own people would write it: where, and in which style.

Knows nothing of how its examples were chosen.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from trueup import workspace
from trueup.parsing import parse_expression
from trueup.runner.suite import suite_of
from trueup.snapshot import Document, Snapshot
from trueup.verify import literals, views
from trueup.verify.inputs import Input
from trueup.verify.subjects import Subject
from trueup.verify.views import Outcome

TESTS_READ_MAX: Final = 50
"""Test files that are looked at to find out in which style they are."""

EXACT_CHARS_MAX: Final = 10
"""A float with a longer text than this was rounded somewhere."""


@dataclass(frozen=True, slots=True)
class Example:
    """One input whose outcome can be written down: what is called, and what is expected."""

    one: Input
    outcome: Outcome


Chosen = Sequence[tuple[Subject, tuple[Example, ...]]]


def written(before: Snapshot, chosen: Chosen) -> Document:
    """A new test file beside those of the project; reads the disk."""
    path = chosen[0][0].target.path
    root = before.root
    tests = [name for name in workspace.python_files(root) if suite_of(root).holds(name)]
    name = free_name(before, path, tests, "pinned")
    unittest = _is_unittest(root, tests)
    return Document(name, _text(chosen, unittest=unittest), 1)


def free_name(before: Snapshot, path: str, tests: Sequence[str], kind: str) -> str:
    """A new test file beside the tests of this module, else beside most of the tests; `kind` is the
    end of its name.
    """
    stem = PurePosixPath(path).stem if not path.endswith("__init__.py") else "package"
    folders = [str(PurePosixPath(name).parent) for name in tests]
    own = [folder for folder, name in zip(folders, tests, strict=True) if stem in name]
    folder = max(own or folders or ["tests"], key=(own or folders or ["tests"]).count)
    taken = {*tests, *(document.path for document in before)}
    for number in ("", *map(str, range(2, 100))):
        name = str(PurePosixPath(folder, f"test_{stem}_{kind}{number}.py"))
        if name not in taken:
            return name
    return str(PurePosixPath(folder, f"test_{stem}_{kind}_again.py"))


def _is_unittest(root: str, tests: Sequence[str]) -> bool:
    """Whether most of the project's tests are classes of unittest."""
    votes = [
        ("TestCase)" in text) - ("import pytest" in text or "\ndef test_" in text)
        for name in tests[:TESTS_READ_MAX]
        if (text := workspace.read(root, name).text)
    ]
    return sum(votes) > 0


def _text(chosen: Chosen, *, unittest: bool) -> str:
    called = _called(chosen)
    raises = any("raised" in item.outcome for _, examples in chosen for item in examples)
    lines = ['"""What the code does today; written down by Trueup before it was changed."""', ""]
    results = (item.outcome.get("returned") for _, examples in chosen for item in examples)
    if any(map(_is_rounded, results)):
        lines += ["import math", *([] if unittest else [""])]
    if unittest:
        lines += ["import unittest", ""]
    elif raises:
        lines += ["import pytest", ""]
    for module, names in sorted(called.items()):
        parts = [name if name == own else f"{own} as {name}" for own, name in sorted(names.items())]
        lines.append(f"from {module} import {', '.join(parts)}")
    body: list[str] = []
    titles: set[str] = set()
    for subject, examples in chosen:
        title = _title(subject, titles)
        titles.add(title)
        names = called[subject.module]
        body += ["", "", *_test(title, subject, examples, names, unittest=unittest)]
    return "\n".join([*lines, *body]) + "\n"


def _called(chosen: Chosen) -> dict[str, dict[str, str]]:
    """What the test calls each name of each module: itself, but for a name that pytest would take
    for a test, and one that several modules have.
    """
    own: dict[str, set[str]] = {}
    for subject, examples in chosen:
        names = {subject.target.qualname.partition(".")[0]}
        names |= {name for item in examples for name in _names_made(item.one.values)}
        own.setdefault(subject.module, set()).update(names)
    owners = Counter(name for names in own.values() for name in names)

    def called(module: str, name: str) -> str:
        taken = owners[name] > 1 or name in {"pytest", "unittest", "math"}
        return f"the_{module.replace('.', '_')}_{name}" if taken or _TESTLIKE(name) else name

    return {module: {name: called(module, name) for name in names} for module, names in own.items()}


_TESTLIKE: Final = re.compile("[Tt]est").match


def _title(subject: Subject, taken: Collection[str]) -> str:
    title = subject.target.qualname.replace(".", "_").strip("_").lower()
    return f"{subject.module.replace('.', '_').lower()}_{title}" if title in taken else title


def _names_made(values: Mapping[str, literals.Literal]) -> set[str]:
    found = set()
    for value in values.values():
        for node in ast.walk(parse_expression(literals.write(value))):
            if isinstance(node, ast.Name) and node.id not in {"set", "frozenset", "inf", "nan"}:
                found.add(node.id)
    return found


def _test(
    name: str,
    subject: Subject,
    examples: Sequence[Example],
    names: Mapping[str, str],
    *,
    unittest: bool,
) -> list[str]:
    lines: list[str] = []
    pad = "        " if unittest else "    "
    for example in examples:
        lines += _checked(_call(subject, example.one, names), example, pad, unittest=unittest)
    if unittest:
        title = "".join(part.title() for part in name.split("_"))
        return [
            f"class {title}AsItIs(unittest.TestCase):",
            f"    def test_{name}(self):",
            *lines,
        ]
    return [f"def test_{name}_as_it_is():", *lines]


def _checked(call: str, example: Example, pad: str, *, unittest: bool) -> list[str]:
    outcome = example.outcome
    if "raised" in outcome:
        kind = str(outcome["raised"]).removeprefix("builtins.")
        opened = f"self.assertRaises({kind})" if unittest else f"pytest.raises({kind})"
        return [f"{pad}with {opened}:", f"{pad}    {call}"]
    expected = views.source(outcome["returned"])
    if _is_rounded(outcome["returned"]):
        # No refactoring of arithmetic keeps the last digits.
        if unittest:
            return [f"{pad}self.assertTrue(math.isclose({call}, {expected}))"]
        return [f"{pad}assert math.isclose({call}, {expected})"]
    if unittest:
        return [f"{pad}self.assertEqual({call}, {expected})"]
    if expected in {"None", "True", "False"}:
        return [f"{pad}assert {call} is {expected}"]
    return [f"{pad}assert {call} == {expected}"]


def _is_rounded(view: object) -> bool:
    match view:
        case ["float", str(text)]:
            return len(text) > EXACT_CHARS_MAX
    return False


def _call(subject: Subject, one: Input, names: Mapping[str, str]) -> str:
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
    call = f"{called}({', '.join(parts)})"
    if all(name == own for own, name in names.items()):
        return call
    tree = parse_expression(call)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return ast.unparse(tree)
