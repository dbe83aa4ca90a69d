"""Accepted decisions as pages of instructions, so that other assistants follow the same rules.

Only what the team may see is written. In `AGENTS.md` and `CLAUDE.md` a marked part is replaced and
all else is kept; each Cursor rule is a file of its own, known by the same mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from trueup import InputError, StaleError, workspace
from trueup.files import replace_unchanged
from trueup.memory.decisions import Decision, Decisions, Origin, Status, Visibility, Weight
from trueup.memory.hidden import one_line
from trueup.memory.instructions import BEGIN, END
from trueup.memory.lifecycle import quoted

CURSOR_FOLDER: Final = ".cursor/rules"
SUMMARY_CHARACTERS_MAX: Final = 400

_WEIGHTS: Final = {
    Weight.VETO: "must be kept",
    Weight.WARN: "should be kept",
    Weight.ADVICE: "advice",
}
_PART: Final = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


class Target(StrEnum):
    AGENTS = "agents"
    CLAUDE = "claude"
    CURSOR = "cursor"


PAGES: Final = {Target.AGENTS: "AGENTS.md", Target.CLAUDE: "CLAUDE.md"}


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is to be; `text` is None where it is to go. `old` is what it holds now."""

    path: str
    old: bytes | None
    text: str | None


def exported(
    decisions: Decisions, hidden: Callable[[str], bool] = lambda _: False
) -> tuple[Decision, ...]:
    """What may be shown to other assistants: accepted decisions for the team."""
    return tuple(
        item
        for item in decisions
        if item.status is Status.ACCEPTED
        and item.visibility is Visibility.TEAM
        and item.origin is not Origin.INSTRUCTIONS
        and not hidden(item.path)
    )


def pages(
    root: str,
    decisions: Decisions,
    target: Target,
    hidden: Callable[[str], bool] = lambda _: False,
) -> tuple[Page, ...]:
    """The files that an export changes; `hidden` says which paths the team may not see.

    Raises InputError where one cannot be read.
    """
    wanted = exported(decisions, hidden)
    if target is Target.CURSOR:
        return _cursor(root, decisions, wanted)
    path = PAGES[target]
    old = _old(root, path)
    text = _decoded(path, old)
    part = f"{BEGIN}\n{_unmarked(_listed(decisions, wanted))}{END}"
    new = _PART.sub(lambda _: part, text, count=1)
    if not _PART.search(text):
        new = f"{text.rstrip()}\n\n{part}\n" if text.strip() else f"{part}\n"
    return (Page(path, old, new),) if new != text else ()


def write(root: str, page: Page) -> None:
    """Raises InputError, and StaleError where the file was changed meanwhile."""
    try:
        if page.text is None:
            Path(root, page.path).unlink(missing_ok=True)
        elif not replace_unchanged(Path(root, page.path), page.old, page.text.encode("utf-8")):
            raise StaleError(f"{page.path} was changed meanwhile; nothing was written")
    except OSError as problem:
        raise InputError(f"{page.path} cannot be written: {problem.strerror}") from None


def _old(root: str, path: str) -> bytes | None:
    file = Path(root, path)
    if workspace.relative(root, file) is None:
        raise InputError(f"{path} leads out of the project")
    try:
        if file.exists() and not file.is_file():
            raise InputError(f"{path} is not a file")
        return file.read_bytes() if file.exists() else None
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from None


def _decoded(path: str, raw: bytes | None) -> str:
    try:
        return (raw or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8") from None


def _unmarked(text: str) -> str:
    """What decisions say must not look like one of our marks."""
    return text.replace("<!--", "<! --")


def _listed(decisions: Decisions, wanted: tuple[Decision, ...]) -> str:
    lines = ["## Decisions of this project", ""]
    for decision in wanted:
        lines += [f"- {_head(decisions, decision)}", *(f"  {line}" for line in _rest(decision))]
    return "\n".join(lines) + ("\n" if wanted else "None yet.\n")


def _head(decisions: Decisions, decision: Decision) -> str:
    name = decisions.short(decision)
    return f"**{name} {one_line(decision.title)}** ({_WEIGHTS[decision.severity]})"


def _rest(decision: Decision) -> list[str]:
    lines = []
    if decision.scope.paths:
        lines.append(f"Where: {', '.join(f'`{one_line(glob)}`' for glob in decision.scope.paths)}.")
    lines += [
        f"{one_line(rule.terms.message).rstrip('.')}." for rule in decision.rules
        if rule.terms.message
    ]  # fmt: skip
    if summary := _summary(decision.body):
        lines.append(summary)
    lines.append(f"Why: [{decision.path}]({decision.path.replace(' ', '%20')}).")
    return lines


def _summary(body: str) -> str:
    """The first paragraph of prose, on one line."""
    for paragraph in re.split(r"\n\s*\n", body):
        said = one_line(paragraph)
        if (
            said
            and said[0] not in "#`~|<>"
            and not re.match(r"[*-] (status|date|deci)", said, re.IGNORECASE)
        ):
            if len(said) > SUMMARY_CHARACTERS_MAX:
                said = f"{said[: SUMMARY_CHARACTERS_MAX - 3]}..."
            return said
    return ""


def _cursor(root: str, decisions: Decisions, wanted: tuple[Decision, ...]) -> tuple[Page, ...]:
    found: list[Page] = []
    names = set()
    for decision in wanted:
        stem = Path(decision.path).stem
        path = f"{CURSOR_FOLDER}/trueup-{stem}.mdc"
        names.add(path)
        old = _old(root, path)
        globs = ",".join(one_line(glob) for glob in decision.scope.paths)
        text = "\n".join(
            (
                "---",
                f"description: {quoted(one_line(decision.title))}",
                f"globs: {globs}",
                f"alwaysApply: {'false' if globs else 'true'}",
                "---",
                BEGIN,
                _unmarked("\n".join((f"# {_head(decisions, decision)}", "", *_rest(decision)))),
                END,
                "",
            )
        )
        if _decoded(path, old) != text:
            found.append(Page(path, old, text))
    for file in sorted(Path(root, CURSOR_FOLDER).glob("trueup-*.mdc")):
        path = f"{CURSOR_FOLDER}/{file.name}"
        if path not in names and (old := _old(root, path)) and BEGIN.encode() in old:
            found.append(Page(path, old, None))
    return tuple(found)
