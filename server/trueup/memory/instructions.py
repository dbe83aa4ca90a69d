"""`AGENTS.md`, `CLAUDE.md` and Cursor's rules, read as advice with their scope.

What Trueup exported into them is not read back, as if somebody had said it again.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from trueup.memory.decisions import Decision, Origin, Scope, Status
from trueup.memory.hidden import one_line
from trueup.memory.markdown import page_of
from trueup.memory.reading import Read, hidden_remarks, problems_of, title_of
from trueup.memory.yaml_text import Sequence, Text, YamlError, read
from trueup.snapshot import digest

BEGIN: Final = "<!-- trueup: decisions, written by `trueup decisions export` -->"
END: Final = "<!-- trueup: end of decisions -->"
"""Around what was exported: it is not read back as if somebody had said it."""

_CURSOR_KEY: Final = re.compile(r"^(description|globs|alwaysApply):[ \t]*(.*)$", re.MULTILINE)
_EXPORTED: Final = re.compile(rf"{re.escape(BEGIN)}.*?(?:{re.escape(END)}|\Z)", re.DOTALL)


def read_instructions(path: str, text: str) -> Read | None:
    """`AGENTS.md`, `CLAUDE.md` or a Cursor rule, as advice; None where nothing but ours is in it.

    A page holds for its folder and all below; a Cursor rule for its globs.
    """
    own = _EXPORTED.sub("", text)
    page = page_of(own)
    if not own[page.body :].strip():
        return None
    file = PurePosixPath(path)
    paths: tuple[str, ...] = ()
    title = ""
    if file.suffix == ".mdc":
        keys = dict(_CURSOR_KEY.findall(page.front.text if page.front is not None else ""))
        title = one_line(keys.get("description", "").strip("\"' "))
        if keys.get("alwaysApply", "").strip() != "true":
            paths = _cursor_globs(keys.get("globs", ""))
    elif file.parent.as_posix() != ".":
        paths = (f"{file.parent}/**",)
    decision = Decision(
        id=path,
        title=title or title_of(page, path),
        path=path,
        origin=Origin.INSTRUCTIONS,
        status=Status.ACCEPTED,
        scope=Scope(paths),
        body=own[page.body :],
        digest=digest(text),
    )
    return Read(decision, problems_of(decision, hidden_remarks(text)))


def _cursor_globs(said: str) -> tuple[str, ...]:
    """Cursor's globs: `*.py, src/**` without quotes, which is no YAML, or a list."""
    try:
        node = read(said) if said.lstrip().startswith("[") else None
    except YamlError:
        node = None
    parts = (
        [item.value for item in node.items if isinstance(item, Text)]
        if isinstance(node, Sequence)
        else said.split(",")
    )
    return tuple(part.strip(" \"'") for part in parts if part.strip(" \"'"))
