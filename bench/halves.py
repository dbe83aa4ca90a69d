"""A package of which a seed hides half of the tests, and what the other half cannot see.

Test functions are hidden whole: in the workspace that a candidate is judged in they are not there,
as if nobody had written them. The whole suite says what is right. Tests that are not green in each
of two runs of the unchanged package take no part.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rewrites import functions_of
from support.packages import Package
from trueup import settings, workspace
from trueup.engine.beds import Beds
from trueup.engine.messages import OpenDocument
from trueup.parsing import parse_module
from trueup.runner.results import RunRequest, RunStatus, TestOutcome, TestRun, Unavailable
from trueup.runner.session import Session
from trueup.verify.changes import Statement, changed_statements

SUITE_SECONDS: Final = 240.0
MUTANT_SECONDS: Final = 30.0
"""Some mutants never end; nothing is said of them."""
HIDDEN_SHARE: Final = 0.5
ANOTHER_SECOND: Final = 1.1


@dataclass(frozen=True, slots=True)
class Truth:
    """Tests that a change turns red, of each half."""

    visible: tuple[str, ...]
    hidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Halves:
    """`texts` are the modules of the package; `visible` and `hidden` the tests that are green.

    `runners` are the tests that ran a statement inside a function, by path and line; "" stands for
    an import.
    """

    root: str
    name: str
    session: Session
    texts: Mapping[str, str]
    documents: tuple[OpenDocument, ...]
    visible: frozenset[str]
    hidden: frozenset[str]
    runners: Mapping[tuple[str, int], frozenset[str]]

    async def truth(self, changed: Mapping[str, str]) -> Truth | None:
        """What the whole suite says of a change; None where it did not come to its end."""
        run = await self.session.run(RunRequest(changed=_bytes(changed), timeout_s=SUITE_SECONDS))
        if run.status is not RunStatus.FINISHED:
            return None
        red = (self.visible | self.hidden) - _green(run)
        return Truth(tuple(sorted(red & self.visible)), tuple(sorted(red & self.hidden)))

    async def only_hidden_tell(self, changed: Mapping[str, str], runners: frozenset[str]) -> bool:
        """Whether among `runners`, all that can tell, only hidden tests go red.

        The visible ones first, up to the first that does: most mutants end there.
        """
        visible = runners & self.visible
        if visible and await self._red(changed, visible) != frozenset():
            return False
        return bool(await self._red(changed, runners & self.hidden))

    async def _red(
        self, changed: Mapping[str, str], tests: frozenset[str]
    ) -> frozenset[str] | None:
        """Those of `tests` that went red, None where that is not known."""
        run = await self.session.run(
            RunRequest(
                # Parameters in ids may hold anything; a function's id brings them all.
                tests=tuple(sorted({_function(test) for test in tests})),
                changed=_bytes(changed),
                timeout_s=MUTANT_SECONDS,
                stop_early=True,
            )
        )
        red = frozenset(
            test for test in tests & run.results.keys() if run.results[test].outcome.is_red
        )
        return red if red or run.status is RunStatus.FINISHED else None


def _bytes(texts: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in texts.items()}


def _function(nodeid: str) -> str:
    return nodeid.partition("[")[0]


def _green(run: TestRun) -> frozenset[str]:
    """Tests that did what they should, a declared failure too."""
    fine = {TestOutcome.PASSED, TestOutcome.XFAILED}
    return frozenset(name for name, result in run.results.items() if result.outcome in fine)


async def halves_of(package: Package, name: str, folder: str, seed: int, beds: Beds) -> Halves:
    """Runs the suite three times. Raises SystemExit where it does not run."""
    root = str(package.root)
    loaded = settings.load(root)
    interpreter = workspace.interpreter_of(root, loaded.interpreter)
    session = await beds.session(root, Path(interpreter or package.interpreter), loaded)
    if isinstance(session, Unavailable):
        raise SystemExit(f"{name}: {session.reason}")
    paths = workspace.python_files(root)
    texts = {path: workspace.read(root, path).text for path in paths if path.startswith(folder)}
    chance = random.Random(f"{seed} {name}")  # noqa: S311 - a sample
    documents = tuple(
        OpenDocument(path, text)
        for path in paths
        if workspace.is_test(path)
        and (text := _without(workspace.read(root, path).text, chance)) is not None
    )
    probes = {
        path: frozenset(item.first for items in statements_of(text).values() for item in items)
        for path, text in texts.items()
    }
    shown = {item.path: item.text.encode() for item in documents}
    probed, visible = await asyncio.gather(
        session.run(RunRequest(probes=probes, timeout_s=SUITE_SECONDS)),
        session.run(RunRequest(changed=shown, timeout_s=SUITE_SECONDS)),
    )
    # Later, because some ids of tests hold the time of day: those are no test to count on.
    await asyncio.sleep(ANOTHER_SECOND)
    again = await session.run(RunRequest(timeout_s=SUITE_SECONDS))
    for run in (probed, visible, again):
        if run.status is not RunStatus.FINISHED:
            raise SystemExit(f"{name}: {run.reason}")
    green = _green(probed) & _green(again)
    return Halves(
        root,
        name,
        session,
        texts,
        documents,
        green & _green(visible),
        green - visible.results.keys(),
        probed.runners,
    )


def _without(text: str, chance: random.Random) -> str | None:
    """The file without about half of its test functions, None where it has none to hide."""
    hidden = [
        function
        for qualname, function in functions_of(parse_module(text))
        if qualname.rpartition(".")[2].startswith("test") and chance.random() < HIDDEN_SHARE
    ]
    if not hidden:
        return None
    lines = text.splitlines(keepends=True)
    for function in hidden:
        first = min([function.lineno, *(item.lineno for item in function.decorator_list)])
        last = function.end_lineno or function.lineno
        # What is left of a class still needs a body.
        stand_in = f"{' ' * function.col_offset}pass\n" if function.col_offset else "\n"
        lines[first - 1 : last] = [stand_in, *[""] * (last - first)]
    return "".join(lines)


def statements_of(text: str) -> dict[str, tuple[Statement, ...]]:
    """The statements inside of each function that leave a trace when they run."""
    found: dict[str, tuple[Statement, ...]] = {}
    statements = [item for item in changed_statements("", text) if item.runs and item.lines]
    for qualname, function in functions_of(parse_module(text)):
        inside = range(function.body[0].lineno, (function.end_lineno or function.lineno) + 1)
        found[qualname] = tuple(item for item in statements if item.first in inside)
    return found


def places(halves: Halves) -> Iterator[tuple[str, str, tuple[Statement, ...]]]:
    """Functions of the package that some hidden test runs: path, name and statements."""
    for path, text in sorted(halves.texts.items()):
        for qualname, statements in statements_of(text).items():
            ran = [halves.runners.get((path, item.first), frozenset()) for item in statements]
            if any(tests & halves.hidden for tests in ran):
                yield path, qualname, statements
