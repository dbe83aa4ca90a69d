"""One file as a decision: ours, or an ADR of other tools.

Ours has front matter with an id. What adr-tools, MADR and log4brains wrote is read as it is, as
advice with the status that its text gives. Nothing raises: what is wrong is a Problem at its line,
and the rest is read. What a text tells a reader to do is never followed; it is data.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from trueup.memory.markdown import Page, page_of
from trueup.memory.rule_blocks import globs, rule_of
from trueup.memory.rules import Rule
from trueup.memory.statuses import front_table, status_in, status_text
from trueup.memory.yaml_text import Table, Text
from trueup.snapshot import digest
from trueup.suggestion import GoalKind, Recipe

OURS: Final = ("id", "title", "status", "severity", "scope", "evidence", "supersedes", "visibility")
MADR: Final = (
    "date", "deciders", "decision-makers", "consulted", "informed", "tags", "category", "driver",
    "contributors",
)  # fmt: skip
"""Keys that MADR and its relatives put beside ours; they are for people."""

GOALS: Final = (*GoalKind, *Recipe)


@dataclass(frozen=True, slots=True)
class Read:
    decision: Decision
    problems: tuple[Problem, ...] = ()


def read_decision(path: str, text: str) -> Read:
    """A file of a folder of decisions."""
    page = page_of(text)
    table, remarks = front_table(page.front)
    rules, of_rules = _rules(page)
    front_is_broken = page.front is not None and table is None
    if table is not None and (rules or of_rules or any(table.get(key) for key in _ONLY_OURS)):
        decision, more = _ours(path, page, Fields(table, "a decision"), rules)
    else:
        decision, more = _adr(path, page, table)
        if front_is_broken:
            # It may have said that nobody else is to see it.
            decision = replace(decision, visibility=Visibility.NEVER)
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
    found = (*remarks, *more, *of_rules, *hidden_remarks(text))
    return Read(decision, problems_of(decision, found))


_ONLY_OURS: Final = ("id", "severity", "scope", "evidence", "visibility")


def problems_of(decision: Decision, remarks: Iterable[Remark]) -> tuple[Problem, ...]:
    return tuple(
        Problem(Source(decision.path, remark.line), remark.message, remark.severity, decision.id)
        for remark in sorted(remarks, key=lambda remark: remark.line)
    )


def hidden_remarks(text: str) -> tuple[Remark, ...]:
    return tuple(
        Remark(
            text.count("\n", 0, offset) + 1,
            f"the invisible character {name} may make this read otherwise than it is",
            Severity.WARNING,
        )
        for offset, name in hidden_in(text)
    )


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
        title=one_line(fields.text("title")) or title_of(page, path),
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
    if (status := status_in(said)) is not None:
        return status
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
            title=title or title_of(page, path),
            path=path,
            origin=Origin.ADR,
            status=status,
            body=page.text[page.body :],
            line=heading.line if heading is not None else 1,
        ),
        tuple(remarks),
    )


def _stem(path: str) -> str:
    return path.removesuffix(".md")


def title_of(page: Page, path: str) -> str:
    heading = page.title
    said = one_line(heading.text) if heading is not None else ""
    return said or PurePosixPath(path).stem
