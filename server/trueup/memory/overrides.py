"""Comments that make an exception from a decision: `# trueup: ignore[0007] reason`.

One holds for its line and, where it stands alone, for the line below. It names decisions and gives
a reason; without either it has no effect and is a finding itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trueup.memory.code import Code
from trueup.memory.decisions import Decision, Decisions
from trueup.memory.hidden import one_line
from trueup.snapshot import Span

MARK: Final = "trueup:"
_COMMENT: Final = re.compile(r"#\s*trueup:\s*ignore\b\s*(?:\[([^\]]*)\])?(.*)")
_LEADING: Final = " \t:,;-("


@dataclass(frozen=True, slots=True)
class Override:
    """An exception that somebody made. `line` is 1-based, of the comment; `used` says whether a
    rule is broken there.
    """

    decision: str
    path: str
    line: int
    reason: str
    used: bool = False


@dataclass(frozen=True, slots=True)
class Defect:
    """A comment that makes no exception, and why not."""

    span: Span
    message: str
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Exemptions:
    """The overrides of one text, and for each decision's id the 0-based lines that it exempts."""

    overrides: tuple[Override, ...] = ()
    defects: tuple[Defect, ...] = ()
    lines: tuple[tuple[str, int, int], ...] = ()
    """Decision, exempted line, and the position of its override."""

    def of(self, decision: str, line: int) -> int | None:
        """The position of the override that exempts a 0-based line, None where none does."""
        return next(
            (number for name, at, number in self.lines if name == decision and at == line), None
        )


def exemptions(decisions: Decisions, code: Code) -> Exemptions:
    if MARK not in code.text:
        return Exemptions()
    overrides: list[Override] = []
    defects: list[Defect] = []
    lines: list[tuple[str, int, int]] = []
    for span in code.comments:
        match = _COMMENT.search(code.text[span.start : span.end])
        if match is None:
            continue
        reason = one_line(match[2].lstrip(_LEADING))
        line = code.document.line_at(span.start)
        alone = not code.text[code.document.line_span(line).start : span.start].strip()
        names = [name.strip() for name in (match[1] or "").split(",") if name.strip()]
        if not names:
            says = "this names no decision: `# trueup: ignore[number] reason`"
            defects.append(Defect(span, says))
        for name in names:
            found = decisions.find(name)
            if defect := _defect(name, found, reason):
                defects.append(Defect(span, defect, found[0].id if len(found) == 1 else ""))
                continue
            number = len(overrides)
            overrides.append(Override(found[0].id, code.path, line + 1, reason))
            lines.append((found[0].id, line, number))
            if alone:
                lines.append((found[0].id, line + 1, number))
    return Exemptions(tuple(overrides), tuple(defects), tuple(lines))


def _defect(name: str, found: tuple[Decision, ...], reason: str) -> str:
    if not found:
        return f"there is no decision {one_line(name)[:60]!r}"
    if len(found) > 1:
        return f"{one_line(name)[:60]!r} is more than one decision; use the id"
    if not any(character.isalnum() for character in reason):
        return f"an exception from decision {name} needs a reason behind the bracket"
    return ""
