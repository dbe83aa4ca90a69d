"""One file as a decision: ours, an ADR of other tools, or a page of instructions for assistants.

Ours has front matter with an id. What adr-tools, MADR and log4brains wrote is read as it is, as
advice with the status that its text gives. Nothing raises: what is wrong is a Problem at its line,
and the rest is read. What a text tells a reader to do is never followed; it is data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from trueup.architecture.contracts import Severity, Source
from trueup.memory import ulid
from trueup.memory.decisions import (
    Anchor,
    Decision,
    Origin,
    Problem,
    Scope,
    Status,
    Visibility,
    Weight,
)
from trueup.memory.fields import Fields, Remark
from trueup.memory.hidden import hidden_in, one_line
from trueup.memory.markdown import Front, Page, page_of
from trueup.memory.rule_blocks import globs, rule_of
from trueup.memory.rules import Rule
from trueup.memory.yaml_text import Sequence, Table, Text, YamlError, read
from trueup.snapshot import Span, digest
from trueup.suggestion import GoalKind, Recipe

OURS: Final = ("id", "title", "status", "severity", "scope", "evidence", "supersedes", "visibility")
MADR: Final = (
    "date", "deciders", "decision-makers", "consulted", "informed", "tags", "category", "driver",
    "contributors",
)  # fmt: skip
"""Keys that MADR and its relatives put beside ours; they are for people."""

GOALS: Final = (*GoalKind, *Recipe)
BEGIN: Final = "<!-- trueup: decisions, written by `trueup decisions export` -->"
END: Final = "<!-- trueup: end of decisions -->"
"""Around what was exported: it is not read back as if somebody had said it."""

_WORDS: Final[Mapping[str, Status]] = {
    "accepted": Status.ACCEPTED, "approved": Status.ACCEPTED, "adopted": Status.ACCEPTED,
    "implemented": Status.ACCEPTED, "decided": Status.ACCEPTED, "active": Status.ACCEPTED,
    "proposed": Status.PROPOSED, "draft": Status.PROPOSED, "pending": Status.PROPOSED,
    "open": Status.PROPOSED, "needs-review": Status.NEEDS_REVIEW,
    "rejected": Status.REJECTED, "declined": Status.REJECTED,
    "deprecated": Status.RETIRED, "retired": Status.RETIRED, "obsolete": Status.RETIRED,
    "withdrawn": Status.RETIRED, "superseded": Status.SUPERSEDED, "superceded": Status.SUPERSEDED,
    "replaced": Status.SUPERSEDED,
}  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z-]*")
_STATUS_LINE: Final = re.compile(r"(?i)^\s*(?:[*+-]\s+)?[*_]*status[*_]*\s*:[*_]*\s*(.*?)\s*$")
_CURSOR_KEY: Final = re.compile(r"^(description|globs|alwaysApply):[ \t]*(.*)$", re.MULTILINE)
_EXPORTED: Final = re.compile(rf"{re.escape(BEGIN)}.*?(?:{re.escape(END)}|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Read:
    decision: Decision
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusText:
    """The status that a page gives, and the characters that say so, for who edits them."""

    status: Status | None
    span: Span


def read_decision(path: str, text: str) -> Read:
    """A file of a folder of decisions."""
    page = page_of(text)
    table, remarks = _front_table(page.front)
    rules, of_rules = _rules(page)
    front_is_broken = page.front is not None and table is None
    if table is not None and (rules or of_rules or any(table.get(key) for key in _ONLY_OURS)):
        decision, more = _ours(path, page, Fields(table, "a decision"), rules)
    else:
        decision, more = _adr(path, page, table)
        if rules or of_rules:
            # Nobody knows how much it weighs and where it holds.
            why = "its front matter cannot be read" if front_is_broken else "it has no front matter"
            decision = replace(decision, broken=why)
            if not front_is_broken:
                line = min((rule.terms.line for rule in rules), default=1)
                more += (Remark(line, f"a rule needs front matter with {', '.join(OURS[:5])}"),)
    if any(remark.severity is Severity.ERROR for remark in of_rules):
        decision = replace(decision, broken=decision.broken or "a rule cannot be read")
    decision = replace(decision, digest=digest(text))
    found = (*remarks, *more, *of_rules, *_hidden(text))
    return Read(decision, _problems(decision, found))


_ONLY_OURS: Final = ("id", "severity", "scope", "evidence", "visibility")


def _problems(decision: Decision, remarks: Iterable[Remark]) -> tuple[Problem, ...]:
    return tuple(
        Problem(Source(decision.path, remark.line), remark.message, remark.severity, decision.id)
        for remark in sorted(remarks, key=lambda remark: remark.line)
    )


def _hidden(text: str) -> tuple[Remark, ...]:
    return tuple(
        Remark(
            text.count("\n", 0, offset) + 1,
            f"the invisible character {name} may make this read otherwise than it is",
            Severity.WARNING,
        )
        for offset, name in hidden_in(text)
    )


def _front_table(front: Front | None) -> tuple[Table | None, tuple[Remark, ...]]:
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


def _rules(page: Page) -> tuple[tuple[Rule, ...], tuple[Remark, ...]]:
    rules: list[Rule] = []
    remarks: list[Remark] = []
    for block in page.blocks:
        if block.word != "rule":
            continue
        if not block.closed:
            remarks.append(Remark(block.line, "the rule block is not closed"))
            continue
        rule, more = rule_of(block.text, block.line, block.start)
        remarks += more
        if rule is not None:
            rules.append(rule)
    return tuple(rules), tuple(remarks)


def _ours(
    path: str, page: Page, fields: Fields, rules: tuple[Rule, ...]
) -> tuple[Decision, tuple[Remark, ...]]:
    fields.only((*OURS, *MADR))
    identity = fields.text("id")
    if not identity:
        fields.remark(fields.table.line, "the decision has no `id`; any ULID will do")
    elif not ulid.is_ulid(identity):
        fields.remark(
            fields.line("id"),
            "the id is no ULID, so that two branches may make the same",
            Severity.WARNING,
        )
    status = status_of_front(fields)
    scope = _scope(fields)
    decision = Decision(
        id=identity or _stem(path),
        title=one_line(fields.text("title")) or _title(page, path),
        path=path,
        origin=Origin.DECISION,
        # One whose status cannot be read is not one that nobody has to keep.
        status=status or Status.NEEDS_REVIEW,
        severity=fields.choice("severity", Weight, Weight.ADVICE),
        scope=scope,
        evidence=_evidence(fields),
        supersedes=fields.texts("supersedes"),
        visibility=_visibility(fields),
        body=page.text[page.body :],
        line=fields.line("id"),
    )
    broken = ""
    if wrong := [key for key in ("status", "severity", "scope") if fields.is_wrong(key)]:
        broken = f"its {wrong[0]} cannot be read"
    elif status is None:
        fields.remark(
            fields.line("status"), "the decision has no status; it counts as needs-review"
        )
    enforced = () if fields.is_wrong("scope") else rules
    if enforced and decision.severity is Weight.ADVICE and "severity" not in fields:
        fields.remark(fields.table.line, "no severity is given; its rule only advises",
                      Severity.WARNING)  # fmt: skip
    return replace(decision, rules=enforced, broken=broken), tuple(fields.remarks)


def status_of_front(fields: Fields) -> Status | None:
    """The status in front matter; None where there is none that can be read."""
    said = fields.text("status")
    if not said:
        return None
    word = (_WORD.findall(said.casefold()) or [""])[0]
    if word in _WORDS:
        return _WORDS[word]
    fields.choice("status", Status, Status.NEEDS_REVIEW)
    return None


def _visibility(fields: Fields) -> Visibility:
    # What cannot be read is shown to nobody.
    found = fields.choice("visibility", Visibility, Visibility.TEAM)
    return Visibility.NEVER if fields.is_wrong("visibility") else found


def _scope(fields: Fields) -> Scope:
    below = fields.below("scope")
    if below is None:
        return Scope()
    below.what = "scope"
    below.only(("paths", "symbols", "goals"))
    for goal in below.texts("goals"):
        if goal not in GOALS:
            below.refuse("goals", f"there is no goal {goal!r}; there are {', '.join(GOALS)}")
    scope = Scope(globs(below, "paths"), below.texts("symbols"), below.texts("goals"))
    if below.is_wrong("paths", "symbols", "goals"):
        # Its remarks say what; the whole scope is not known then.
        fields.refuse("scope", "the scope cannot be read, so that its rules are not enforced")
    fields.remarks += below.remarks
    return scope


def _evidence(fields: Fields) -> tuple[Anchor, ...]:
    found = []
    for node in fields.nodes("evidence"):
        if isinstance(node, Table):
            entry = Fields(node, "evidence")
            entry.only(("path", "file", "symbol", "hash"))
            path = entry.text("path") or entry.text("file")
            found.append(Anchor(path, entry.text("symbol"), entry.text("hash")))
            fields.remarks += entry.remarks
        elif isinstance(node, Text):
            found.append(Anchor(node.value))
        else:
            fields.refuse("evidence", "evidence is a list of `{path: …, symbol: …}`")
    return tuple(found)


def _adr(path: str, page: Page, table: Table | None) -> tuple[Decision, tuple[Remark, ...]]:
    remarks: list[Remark] = []
    found = status_text(page)
    if found is not None and found.status is None:
        line = page.text.count("\n", 0, found.span.start) + 1
        said = one_line(page.text[found.span.start : found.span.end])[:60]
        remarks.append(Remark(line, f"{said!r} is no status; it counts as proposed",
                              Severity.WARNING))  # fmt: skip
    status = Status.ACCEPTED if found is None else found.status or Status.PROPOSED
    title = ""
    if table is not None and isinstance(said_title := table.get("title"), Text):
        title = one_line(said_title.value)
    heading = page.title
    return (
        Decision(
            id=_stem(path),
            title=title or _title(page, path),
            path=path,
            origin=Origin.ADR,
            status=status,
            body=page.text[page.body :],
            line=heading.line if heading is not None else 1,
        ),
        tuple(remarks),
    )


def status_text(page: Page) -> StatusText | None:
    """Where a page says its status: front matter, a line `Status: …`, a section `## Status`."""
    table, _ = _front_table(page.front)
    node = table.get("status") if table is not None else None
    if isinstance(node, Text):
        return StatusText(_status_in(node.value), node.span)
    seconds = [heading.line for heading in page.headings if heading.level > 1]
    top = min(seconds, default=len(page.text))
    for line in page.lines:
        if line.number >= top:
            break
        if (match := _STATUS_LINE.match(line.text)) is not None:
            span = Span(line.start + match.start(1), line.start + match.end(1))
            return StatusText(_status_in(match[1]), span)
    found: StatusText | None = None
    for line in page.section("status", "state"):
        said = line.text.strip()
        if not said:
            continue
        start = line.start + line.text.index(said)
        here = StatusText(_status_in(said), Span(start, start + len(said)))
        # adr-tools leaves `Accepted` above `Superseded by …`, or replaces it.
        if found is None or here.status is Status.SUPERSEDED:
            found = here
    return found


def _status_in(said: str) -> Status | None:
    word = (_WORD.findall(said.casefold()) or [""])[0]
    return _WORDS.get(word)


def _stem(path: str) -> str:
    return path.removesuffix(".md")


def _title(page: Page, path: str) -> str:
    heading = page.title
    said = one_line(heading.text) if heading is not None else ""
    return said or PurePosixPath(path).stem


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
        title=title or _title(page, path),
        path=path,
        origin=Origin.INSTRUCTIONS,
        status=Status.ACCEPTED,
        scope=Scope(paths),
        body=own[page.body :],
        digest=digest(text),
    )
    return Read(decision, _problems(decision, _hidden(text)))


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
