"""The diagnostic to be fixed is gone, and Ruff finds nothing new.

Only Ruff runs here, because it executes nothing of the project. A diagnostic of a type checker is
for `types` to see, one of a contract for `architecture`; that of any other tool stays unknown:
nobody looked whether it is gone.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Final

from trueup import linting
from trueup.snapshot import Snapshot
from trueup.suggestion import Diagnostic, Evidence, GoalKind, Surface, SurfaceKind
from trueup.verify import architecture
from trueup.verify.checkers import SOURCES as TYPE_CHECKERS
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "linters"

_NUMBER: Final = re.compile(r"\b\d+\b")
"""A length, a count or a line in a message: `Line too long (101 > 100)`."""


async def gives_linters_nothing_new(trial: Trial) -> Evidence:
    """Compares Ruff's findings on the edited files before and after, by rule and message."""
    target = trial.goal.diagnostic if trial.goal.kind is GoalKind.FIX else None
    select = (
        (target.code,)
        if target is not None and target.source.casefold() == linting.SOURCE.casefold()
        else ()
    )
    before, after = await asyncio.gather(
        _findings(trial, trial.before, select), _findings(trial, trial.after, select)
    )
    if isinstance(before, str) or isinstance(after, str):
        reason = before if isinstance(before, str) else after
        return unknown(CHECK, f"Ruff could not say: {reason}")
    if new := _new(trial.goal.surface, before, after):
        document = trial.after.documents[new.path]
        line = document.line_at(new.span.start) + 1
        sentence = f"Ruff finds something new: {new.code} {new.message}"
        return failed(CHECK, sentence, new.path, line)
    # Where a failing test stands for it, that test says whether it is gone.
    proved_elsewhere = {*TYPE_CHECKERS, architecture.SOURCE}
    if target is None or trial.goal.red or target.source.casefold() in proved_elsewhere:
        return passed(CHECK, "Ruff finds nothing new")
    if not select:
        return unknown(
            CHECK,
            f"whether {target.source or 'the other tool'} still reports {target.code or 'it'}"
            " is not known",
            target.path,
        )
    return _gone(target, before, after)


ERRORS: Final = ("E9", "F5", "F6", "F7", "F82", "PLE")
"""Ruff's rules about code that cannot do what it says: syntax, formats, undefined names."""


async def taken_away(trial: Trial) -> str:
    """The rule of an error that Ruff has no more, where it has no other instead; or "".

    Errors are what makes code fail when it runs. That a matter of style is gone says nothing about
    what else a change does.
    """
    before, after = (
        await _findings(trial, trial.before, ()),
        await _findings(trial, trial.after, ()),
    )
    if isinstance(before, str) or isinstance(after, str):
        return ""
    left = Counter(item.code for item in before) - Counter(item.code for item in after)
    return min((code for code in left if code.startswith(ERRORS)), default="")


def _new(
    surface: Surface, before: tuple[Diagnostic, ...], after: tuple[Diagnostic, ...]
) -> Diagnostic | None:
    """A finding that was not there; numbers and the renamed name do not make it another one."""
    known = Counter(_key(item, surface) for item in before)
    for item in after:
        key = _key(item, surface)
        if not known[key]:
            return item
        known[key] -= 1
    return None


def _gone(
    target: Diagnostic, before: tuple[Diagnostic, ...], after: tuple[Diagnostic, ...]
) -> Evidence:
    """Counts the findings of the rule, those with the very same message where Ruff has any."""
    alike = [item for item in before if item.code == target.code]
    if not alike:
        return unknown(
            CHECK, f"Ruff did not report {target.code} before, so it cannot be seen to go",
            target.path,
        )  # fmt: skip
    exact = any(item.message == target.message for item in alike)

    def count(found: tuple[Diagnostic, ...]) -> int:
        return sum(
            item.code == target.code and (not exact or item.message == target.message)
            for item in found
        )

    if count(after) >= count(before):
        return failed(CHECK, f"Ruff still reports {target.code}", target.path)
    return passed(CHECK, f"{target.code} is gone, and Ruff finds nothing new")


async def _findings(
    trial: Trial, snapshot: Snapshot, select: tuple[str, ...]
) -> tuple[Diagnostic, ...] | str:
    found: list[Diagnostic] = []
    for path in trial.candidate.paths:
        document = snapshot.get(path)
        if document is None or not path.endswith(".py"):
            continue
        answer = await linting.diagnostics(snapshot.root, document, select=select)
        if isinstance(answer, linting.LintFailure):
            return answer.sentence
        found += [item.diagnostic for item in answer]
    return tuple(found)


def _key(item: Diagnostic, surface: Surface) -> tuple[str, str, str]:
    message = _NUMBER.sub("0", item.message)
    if surface.kind is SurfaceKind.RENAME and surface.old:
        message = re.sub(rf"\b{re.escape(surface.old)}\b", surface.new, message)
    return item.code, item.path, message
