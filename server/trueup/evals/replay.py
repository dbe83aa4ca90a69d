"""Cases replayed: the real loop, the real gate and the real tests, with answers that were recorded.

Each case is a workspace of its own in a temporary folder. What is compared is what the trace of the
job says, so that a case can be made of any trace.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trueup import TrueupError
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.messages import Start
from trueup.engine.recorded import Books
from trueup.evals.cases import EvalCase, cases_in
from trueup.evals.speaker import Speaker
from trueup.literate import CaseError
from trueup.operations.tally import Tally, tallies
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits
from trueup.trust import Answer

AT_ONCE: Final = 2
MODEL: Final = "claude-sonnet-5-5"
"""The model that a replay pretends to be, for its price."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A case and what came of it; `problem` is "", or why that is not what is expected."""

    case: EvalCase
    trace: Trace | None
    problem: str = ""

    @property
    def found(self) -> str:
        return self.trace.outcome if self.trace is not None else "error"


def read(folder: Path) -> tuple[EvalCase, ...]:
    """The cases of a folder of Markdown files, or of one file. Raises CaseError."""
    files = sorted(folder.glob("*.md")) if folder.is_dir() else [folder]
    found = [case for file in files if file.name != "README.md" for case in cases_in(file)]
    if not found:
        raise CaseError(f"there is no case in {folder}")
    return tuple(found)


async def replay(
    cases: Iterable[EvalCase],
    interpreter: Path,
    said: Callable[[int], None] = lambda _: None,
) -> tuple[Replayed, ...]:
    """Every case with what came of it, in their order. The traces go to the user's folders: whoever
    does not want them there sets others before.
    """
    done: dict[int, Replayed] = {}
    waiting = list(enumerate(cases))
    beds, books = Beds(), Books("evaluation")
    with Speaker() as speaker, tempfile.TemporaryDirectory(prefix="trueup-evals-") as folder:

        async def work() -> None:
            while waiting:
                number, case = waiting.pop(0)
                root = Path(folder, f"case-{number}")
                done[number] = await _replayed(case, root, speaker, beds, books, interpreter)
                said(len(done))

        try:
            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        finally:
            await beds.close()
            books.close()
    return tuple(done[number] for number in sorted(done))


async def _replayed(
    case: EvalCase, root: Path, speaker: Speaker, beds: Beds, books: Books, interpreter: Path
) -> Replayed:
    await asyncio.to_thread(_write, case, root)
    before = set(_store().names())
    settings: dict[str, object] = {
        "model": {"base_url": speaker.address(root.name, case.replies), "models": [MODEL]},
        "interpreter": str(interpreter),
        # Answers were recorded one after the other.
        "limits": {"candidates": 1, "first_candidates": 1},
    }
    start = Start(0, str(root), case.goal, settings=settings)
    try:
        await job.run(start, job.Ports(beds, _allowed, lambda _: None, books))
    except TrueupError as problem:
        return Replayed(case, None, str(problem))
    trace = _trace_of(root, set(_store().names()) - before)
    if trace is None:
        return Replayed(case, None, "no trace was kept")
    if answer := next((line for line in case.seen if line.startswith("answer ")), ""):
        trace = trace.answered(answer.removeprefix("answer "))
    left = speaker.left(root.name)
    return Replayed(case, trace, _problem(case, trace, left))


def _store() -> TraceStore:
    return TraceStore(TraceLimits())


def _trace_of(root: Path, names: set[str]) -> Trace | None:
    """The trace of the job in that workspace; others may have ended meanwhile."""
    found = (_store().read(name) for name in names)
    return next(
        (item for item in found if isinstance(item, Trace) and item.root == str(root)), None
    )


def _write(case: EvalCase, root: Path) -> None:
    root.mkdir()
    for path, text in {"pyproject.toml": "", **case.files}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


async def _allowed(_says: str, choices: tuple[str, ...]) -> str:
    """The workspace is made of the case, so its tests are what the case's author wrote."""
    return Answer.ONCE if Answer.ONCE in choices else ""


def _problem(case: EvalCase, trace: Trace, left: int) -> str:
    if trace.outcome != case.expected:
        why = f": {trace.sentence}" if trace.sentence else ""
        return f"{case.expected} was expected, and it is {trace.outcome}{why}"
    told = [
        f"{found.check} {found.outcome.value} {found.detail}"
        for tried in trace.tried
        for found in tried.evidence
    ]
    told += [
        f"calls {len(trace.calls)}",
        trace.sentence,
        *(tried.sentence for tried in trace.tried),
    ]
    wanted = [line for line in case.seen if not line.startswith("answer ")]
    missing = [line for line in wanted if not any(item.startswith(line) for item in told)]
    if missing:
        return f"nothing says “{missing[0]}”"
    return f"{left} of its replies were never asked for" if left else ""


# ---------------------------------------------------------------------------------------------
# What they say together.
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """All that was replayed; `elapsed_s` is wall time."""

    replayed: tuple[Replayed, ...]
    elapsed_s: float

    @property
    def wrong(self) -> tuple[Replayed, ...]:
        return tuple(item for item in self.replayed if item.problem)

    @property
    def tallies(self) -> dict[str, Tally]:
        return tallies(item.trace for item in self.replayed if item.trace is not None)

    def to_json(self) -> dict[str, object]:
        return {
            "cases": [
                {
                    "name": item.case.name,
                    "origin": item.case.origin,
                    "expected": item.case.expected,
                    "found": item.found,
                    "ok": not item.problem,
                    "problem": item.problem,
                }
                for item in self.replayed
            ],
            "prompts": {name: tally.to_json() for name, tally in self.tallies.items()},
            "elapsed_s": round(self.elapsed_s, 1),
        }


async def report(
    folder: Path, interpreter: Path, said: Callable[[int, int], None] = lambda *_: None
) -> Report:
    """Read and replay the cases of a folder or file. Raises CaseError."""
    cases = await asyncio.to_thread(read, folder)
    began = time.monotonic()
    replayed = await replay(cases, interpreter, lambda done: said(done, len(cases)))
    return Report(replayed, time.monotonic() - began)
