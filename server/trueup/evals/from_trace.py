"""A trace as a case of an evaluation: what was asked, what the model said, and what came of it.

The files that the job was about are in the trace. The tests that can see them are read from the
workspace as it is now, and the case says so. Where a text was pruned there is no case, and names of
the machine and its user do not get into one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import InputError, workspace
from trueup.evals.cases import EvalCase, Reply
from trueup.guards.redaction import MARK, redacted
from trueup.operations.trace import ANSWERED, ModelCall, Text, Trace
from trueup.operations.tracestore import Broken
from trueup.runner.affected import importers_of
from trueup.snapshot import Span
from trueup.suggestion import Goal, Outcome

FILES_MAX: Final = 20
"""Files of one case: a longer one nobody reads in a review."""
_ENDINGS: Final = {ANSWERED: "end_turn", "refused": "refusal", "truncated": "max_tokens",
                   "nonsense": "end_turn", "nothing-to-do": "end_turn"}  # fmt: skip
_SEEN_CHARACTERS: Final = 100
"""How much of a check's sentence a case expects again."""

ReadText = Callable[[Text], str | Broken]


def case_of(trace: Trace, read: ReadText, file: Path) -> EvalCase:
    """The case for `file`. Raises InputError with the reason where there can be none."""
    replies = tuple(_reply(number, call, read) for number, call in enumerate(trace.calls, 1))
    files = {item.path: _text(trace, item.text, read) for item in trace.files}
    if trace.goal.path and trace.goal.path not in files:
        raise InputError(f"the trace {trace.id} does not hold {trace.goal.path} as it was")
    files = {**files, **_tests(trace, files)}
    if any(MARK in text for text in files.values()):
        raise InputError("a file of this trace holds a secret, so there can be no case of it")
    if len(files) > FILES_MAX:
        raise InputError(f"the case would need {len(files)} files, and {FILES_MAX} are allowed")
    if any("\r" in text for text in files.values()):
        raise InputError(
            "a case is text with line feeds, and a file of this one has other line ends"
        )
    seen = (*_seen(trace), f"calls {len(trace.calls)}")
    if trace.answers:
        seen = (*seen, f"answer {trace.answers[-1].said}")
    hide = _hiding(trace.root)
    return EvalCase(
        file,
        hide(trace.goal.title),
        f"the trace {trace.id} of Trueup {trace.version}; tests as they were when it was written",
        {path: hide(text) for path, text in files.items()},
        _goal(trace.goal, files.get(trace.goal.path, ""), hide),
        tuple(Reply(hide(reply.text), reply.stop_reason) for reply in replies),
        trace.outcome,
        tuple(hide(line) for line in seen),
    )


def _goal(goal: Goal, text: str, hide: Callable[[str], str]) -> Goal:
    """The goal with nothing of this machine, at the same place of the text."""
    start, end = goal.span.start, goal.span.end
    found = goal.diagnostic
    return replace(
        goal,
        instruction=hide(goal.instruction),
        span=Span(len(hide(text[:start])), len(hide(text[:end]))),
        diagnostic=replace(found, message=hide(found.message)) if found is not None else None,
    )


def _reply(number: int, call: ModelCall, read: ReadText) -> Reply:
    if call.ending not in _ENDINGS:
        raise InputError(f"call {number} ended as {call.ending}, which no case can say")
    if call.reply is None:
        return Reply("", _ENDINGS[call.ending])
    text = read(call.reply)
    if isinstance(text, Broken):
        raise InputError(f"there can be no case: {text.sentence}")
    return Reply(text, _ENDINGS[call.ending])


def _text(trace: Trace, named: Text, read: ReadText) -> str:
    text = read(named)
    if isinstance(text, Broken):
        raise InputError(f"there can be no case of {trace.id}: {text.sentence}")
    return text


def _tests(trace: Trace, files: Mapping[str, str]) -> dict[str, str]:
    """The tests that can see those files, with their conftests, as the workspace has them now."""
    if not Path(trace.root).is_dir():
        return {}
    named = {name.partition("::")[0] for name in trace.goal.red}
    for tried in trace.tried:
        named |= {
            name.partition("::")[0] for name in (*tried.tests.failed, *tried.tests.red_before)
        }
    named |= set(importers_of(trace.root, tuple(files), files).tests)
    folders = {folder for name in named for folder in PurePosixPath(name).parents}
    named |= {str(folder / "conftest.py") for folder in folders}
    found = {}
    for name in sorted(named - files.keys()):
        try:
            found[name] = redacted(workspace.read(trace.root, name).text)
        except InputError:
            # It is gone, or there is no conftest in that folder.
            continue
    return found


def _seen(trace: Trace) -> tuple[str, ...]:
    """What failed in the last candidate that was judged."""
    judged = [tried for tried in trace.tried if tried.evidence]
    return tuple(
        f"{found.check} {found.outcome.value} {found.detail}"[:_SEEN_CHARACTERS].rstrip()
        for found in (judged[-1].evidence if judged else ())
        if found.outcome is Outcome.FAILED
    )


def _hiding(root: str) -> Callable[[str], str]:
    """Takes out where things lie on this machine, the longest name first."""
    names = {root: "/workspace", str(Path.home()): "/home/somebody"}

    def hidden(text: str) -> str:
        for name in sorted(names, key=len, reverse=True):
            if name not in {"", "/"}:
                text = text.replace(name, names[name])
        return text

    return hidden
