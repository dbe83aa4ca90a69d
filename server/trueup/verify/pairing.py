"""The same test in two runs, where its id is not the same.

Some suites put the time, an address or a random value into a test's parameters. Such a test has
another id in every run; within its function, the order of the parameters is what stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trueup.runner.results import RunStatus, TestRun


def unpaired(
    reference: TestRun, run: TestRun, functions: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Test functions (of `functions`) that have an id in `run` which `reference` does not have."""
    found = {function_of(name) for name in run.results if name not in reference.results}
    return tuple(sorted(found if functions is None else found & set(functions)))


def aligned(reference: TestRun, run: TestRun, volatile: frozenset[str] | None = None) -> TestRun:
    """`run` with its tests named as in `reference`, where that is certain.

    Ids that both runs have stay as they are. What is left of one test function is paired in order,
    when both have as many; when `run` was cut short, with the first ones. Between runs of different
    code, `volatile` names the functions for which that is known to be right.
    """
    ours = _by_function(name for name in reference.results if name not in run.results)
    theirs = _by_function(name for name in run.results if name not in reference.results)
    names: dict[str, str] = {}
    for function, left in theirs.items():
        if volatile is not None and function not in volatile:
            continue
        known = ours.get(function, [])
        cut_short = run.status is not RunStatus.FINISHED and len(left) < len(known)
        if len(left) == len(known) or cut_short:
            names.update(zip(left, known, strict=False))
    if not names:
        return run
    results = {
        names.get(name, name): replace(result, nodeid=names.get(name, name))
        for name, result in run.results.items()
    }
    runners = {
        place: frozenset(names.get(name, name) for name in tests)
        for place, tests in run.runners.items()
    }
    return replace(run, results=results, runners=runners)


def function_of(name: str) -> str:
    """The test function of an id: the id without its parameters."""
    return name.partition("[")[0]


def _by_function(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(function_of(name), []).append(name)
    return found
