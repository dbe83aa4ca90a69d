"""Where a page says its status, and which status its words mean.

The words are those of adr-tools, MADR, log4brains and their relatives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trueup.memory.decisions import Status
from trueup.memory.fields import Remark
from trueup.memory.markdown import Front, Page
from trueup.memory.yaml_text import Table, Text, YamlError, read
from trueup.snapshot import Span

STATUS_WORDS: Final[Mapping[str, Status]] = {
    "accepted": Status.ACCEPTED, "approved": Status.ACCEPTED, "adopted": Status.ACCEPTED,
    "implemented": Status.ACCEPTED, "decided": Status.ACCEPTED, "active": Status.ACCEPTED,
    "proposed": Status.PROPOSED, "draft": Status.PROPOSED, "pending": Status.PROPOSED,
    "open": Status.PROPOSED, "needs-review": Status.NEEDS_REVIEW,
    "rejected": Status.REJECTED, "declined": Status.REJECTED,
    "deprecated": Status.RETIRED, "retired": Status.RETIRED, "obsolete": Status.RETIRED,
    "withdrawn": Status.RETIRED, "superseded": Status.SUPERSEDED, "superceded": Status.SUPERSEDED,
    "replaced": Status.SUPERSEDED,
}  # fmt: skip
WORD: Final = re.compile(r"[A-Za-z][A-Za-z-]*")
_STATUS_LINE: Final = re.compile(r"(?i)^\s*(?:[*+-]\s+)?[*_]*status[*_]*\s*:[*_]*\s*(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class StatusText:
    """The status that a page gives, and the characters that say so, for who edits them."""

    status: Status | None
    span: Span


def front_table(front: Front | None) -> tuple[Table | None, tuple[Remark, ...]]:
    if front is None:
        return None, ()
    if not front.closed:
        return None, (Remark(1, "the front matter has no second `---`"),)
    try:
        node = read(front.text, line=front.line, offset=front.start)
    except YamlError as problem:
        return None, (Remark(problem.line, f"the front matter cannot be read: {problem}"),)
    if node is None:
        return Table((), front.line, Span(front.start, front.start)), ()
    if not isinstance(node, Table):
        return None, (Remark(front.line, "the front matter is `key: value` lines"),)
    return node, ()


def status_text(page: Page) -> StatusText | None:
    """Where a page says its status: front matter, a line `Status: …`, a section `## Status`."""
    table, _ = front_table(page.front)
    node = table.get("status") if table is not None else None
    if isinstance(node, Text):
        return StatusText(status_in(node.value), node.span)
    seconds = [heading.line for heading in page.headings if heading.level > 1]
    top = min(seconds, default=len(page.text))
    for line in page.lines:
        if line.number >= top:
            break
        if (match := _STATUS_LINE.match(line.text)) is not None:
            span = Span(line.start + match.start(1), line.start + match.end(1))
            return StatusText(status_in(match[1]), span)
    found: StatusText | None = None
    for line in page.section("status", "state"):
        said = line.text.strip()
        if not said:
            continue
        start = line.start + line.text.index(said)
        here = StatusText(status_in(said), Span(start, start + len(said)))
        # adr-tools leaves `Accepted` above `Superseded by …`, or replaces it.
        if found is None or here.status is Status.SUPERSEDED:
            found = here
    return found


def status_in(said: str) -> Status | None:
    word = (WORD.findall(said.casefold()) or [""])[0]
    return STATUS_WORDS.get(word)
