"""A search for a difference by symbolic execution, for who asks for it.

CrossHair reasons about plain functions of plain, annotated arguments, and finds what no random
input hits. It runs under the project's interpreter, in the sandbox, where the project has installed
it. What it finds counts only after both versions were called with it; that it finds nothing proves
nothing, so it never makes a verdict better.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trueup.runner.results import ScriptRequest
from trueup.verify import literals
from trueup.verify.inputs import Input
from trueup.verify.sidebyside import Bench, Finding, shown_by

ABSENT: Final = "CrossHair is asked for (limits.crosshair_seconds) and is not in this environment"
PATIENCE_SECONDS: Final = 20.0
"""Wall time beside the CPU time of the search: to start, and to import the project."""


async def searched(bench: Bench, finding: Finding, seconds: float) -> Finding | str:
    """`finding`, one of agreement, with what a search of `seconds` of CPU time adds; ABSENT where
    there is nothing to search with.
    """
    item = finding.subject
    if "." in item.target.qualname or not item.target.hints:
        return finding
    trial = bench.trial
    workspace = trial.request(trial.before, ())
    task = {
        "path": list(bench.search_path),
        "module": item.module,
        "name": item.target.qualname,
        "text": trial.after.documents[item.target.path].text,
        "seconds": seconds,
    }
    wall = PATIENCE_SECONDS + 3 * seconds
    request = ScriptRequest("symbolic", task, workspace.changed, workspace.deleted, wall)
    answer = await trial.bed.ask(request)
    found = []
    for event in answer.said:
        match event:
            case ("absent",):
                return ABSENT
            case ("differs", dict(sources)):
                found += [one] if (one := _input(sources)) is not None else []
    if not found:
        return finding
    like, unlike = await shown_by(bench, item, found, finding.manner)
    return replace(finding, difference=like, unlike=unlike)


def _input(sources: dict[object, object]) -> Input | None:
    """None where an argument has no source that can be read without running it."""
    values = {}
    for name, text in sources.items():
        try:
            values[str(name)] = literals.read(str(text))
        except ValueError:
            return None
    return Input(None, values)
