"""Every rule whose scope matches a text, evaluated; never through a search.

The same function answers on save, in the gate and in CI, so that they cannot disagree. It reads no
disk: the decisions and the text are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath
from typing import Final

from trueup.architecture.contracts import Severity, Source
from trueup.memory.code import Code
from trueup.memory.decisions import Decision, Decisions, Problem
from trueup.memory.globs import matches_any
from trueup.memory.hidden import one_line
from trueup.memory.judges import Hit, judge, obstacle, patterns_of
from trueup.memory.overrides import Override, exemptions
from trueup.memory.rules import Layers, Rule
from trueup.snapshot import Span

CHARACTERS_MAX: Final = 2 * 1024 * 1024
SUFFIXES: Final = (".py", ".pyi")
HITS_MAX: Final = 10_000
"""Places where one rule is broken in one text; what comes behind is not looked at."""


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """One place where a decision is not kept. Lines and columns are 1-based, of characters.

    `says` is what is wrong and which decision says so; `exception` is how a person makes an
    exception from it, which a model need not be told. `text` is what breaks the rule, without its
    spacing: with the decision it says whether two findings are the same, wherever they stand.
    `decision` is "" where an exception names none.
    """

    decision: str
    path: str
    span: Span
    line: int
    column: int
    end_line: int
    end_column: int
    severity: Severity
    says: str
    text: str
    exception: str = ""
    source: Source | None = None
    """Where the rule is written."""

    @property
    def message(self) -> str:
        return f"{self.says}; {self.exception}" if self.exception else self.says


@dataclass(frozen=True, slots=True)
class Report:
    """What the decisions say of one text. `unjudged` are rules in scope that nobody can evaluate:
    their decisions are neither kept nor broken.
    """

    findings: tuple[RuleFinding, ...] = ()
    overridden: tuple[RuleFinding, ...] = ()
    overrides: tuple[Override, ...] = ()
    unjudged: tuple[Problem, ...] = ()
    kept: int = 0
    """Decisions in scope whose rules were evaluated and found no fault."""


def evaluate(
    decisions: Decisions, path: str, text: str, goals: frozenset[str] = frozenset()
) -> tuple[RuleFinding, ...]:
    """The findings of `report`."""
    return report(decisions, path, text, goals).findings


def overrides(decisions: Decisions, path: str, text: str) -> tuple[Override, ...]:
    """The exceptions that a text makes, and whether each is needed."""
    return report(decisions, path, text).overrides


def report(
    decisions: Decisions, path: str, text: str, goals: frozenset[str] = frozenset()
) -> Report:
    """What all decisions in force say of a text.

    `goals` are the kinds of goal that a change has; a decision about kinds of goal speaks of such
    changes only, and not of a file as it is.
    """
    wanted = tuple(item for item in decisions if applies(item, path, goals))
    marked = path.endswith(SUFFIXES) and "trueup:" in text
    if not path.endswith(SUFFIXES) or not (wanted or marked):
        return Report()
    if len(text) > CHARACTERS_MAX:
        says = f"{path} is too large to be judged by it"
        return Report(unjudged=tuple(_unjudged(item, says) for item in wanted))
    code = Code(path, text)
    code.look_for(
        pattern
        for decision in wanted
        for rule in decision.rules
        if not obstacle(rule)
        for pattern in patterns_of(rule)
    )
    exempt = exemptions(decisions, code)
    findings = [_of_defect(code, item.span, item.message, item.decision) for item in exempt.defects]
    overridden: list[RuleFinding] = []
    unjudged: list[Problem] = []
    used: set[int] = set()
    kept = 0
    names = module_of(path, decisions.roots)
    for decision in wanted:
        found, problems = _judged(decisions, decision, code, names)
        unjudged += problems
        kept += not found and not problems
        for finding in found:
            number = exempt.of(decision.id, finding.line - 1)
            if number is None:
                findings.append(finding)
            else:
                used.add(number)
                overridden.append(finding)
    return Report(
        tuple(sorted(findings, key=_order)),
        tuple(sorted(overridden, key=_order)),
        tuple(replace(item, used=at in used) for at, item in enumerate(exempt.overrides)),
        tuple(unjudged),
        kept,
    )


def _order(finding: RuleFinding) -> tuple[Span, str, str]:
    return finding.span, finding.decision, finding.says


def applies(decision: Decision, path: str, goals: frozenset[str] = frozenset()) -> bool:
    """Whether a decision in force has rules, read or not, for this file and these kinds of goal."""
    if not decision.is_in_force or not (decision.rules or decision.broken):
        return False
    scope = decision.scope
    if scope.goals and not goals & set(scope.goals):
        return False
    return not scope.paths or matches_any(scope.paths, path)


def _judged(
    decisions: Decisions, decision: Decision, code: Code, names: tuple[str, str]
) -> tuple[list[RuleFinding], list[Problem]]:
    found: list[RuleFinding] = []
    problems = [_unjudged(decision, decision.broken)] if decision.broken else []
    module, package = names
    symbols = decision.scope.symbols
    spans = code.symbol_spans(symbols, module) if symbols else None
    if spans == ():
        return found, problems
    name = decisions.short(decision)
    for rule in decision.rules:
        if isinstance(rule, Layers) or matches_any(rule.terms.exempt, code.path):
            continue
        if why := obstacle(rule):
            problems.append(_unjudged(decision, why, rule.terms.line))
            continue
        found += (
            _finding(decision, name, rule, code, hit)
            for hit in islice(judge(rule, code, package), HITS_MAX)
            if spans is None or any(span.contains(hit.span) for span in spans)
        )
    return found, problems


def _unjudged(decision: Decision, why: str, line: int = 0) -> Problem:
    source = Source(decision.path, line or decision.line)
    return Problem(source, why, Severity.ERROR, decision.id)


def _finding(decision: Decision, name: str, rule: Rule, code: Code, hit: Hit) -> RuleFinding:
    says = one_line(rule.terms.message).rstrip(".") or one_line(hit.says)
    return RuleFinding(
        decision.id,
        code.path,
        hit.span,
        *_places(code, hit.span),
        decision.weight,
        f"{says} (decision {name}: {decision.title})",
        hit.text,
        f"`# trueup: ignore[{name}] reason` makes an exception",
        Source(decision.path, rule.terms.line),
    )


def _of_defect(code: Code, span: Span, message: str, decision: str) -> RuleFinding:
    text = code.text[span.start : span.end]
    return RuleFinding(
        decision, code.path, span, *_places(code, span), Severity.WARNING, message, text
    )


def _places(code: Code, span: Span) -> tuple[int, int, int, int]:
    """1-based line and column of the beginning and of the end."""
    document = code.document
    line, end = document.line_at(span.start), document.line_at(span.end)
    start = document.line_span(line).start
    end_start = start if end == line else document.line_span(end).start
    return line + 1, span.start - start + 1, end + 1, span.end - end_start + 1


def module_of(path: str, roots: tuple[str, ...]) -> tuple[str, str]:
    """The dotted names of a file's module and of its package, below the longest source root."""
    inside = max((root for root in roots if root and path.startswith(f"{root}/")), key=len,
                 default="")  # fmt: skip
    file = PurePosixPath(path.removeprefix(f"{inside}/") if inside else path)
    package = ".".join(file.parent.parts)
    if file.stem == "__init__":
        return package, package
    return f"{package}.{file.stem}".strip("."), package


def layer_rules(decisions: Decisions) -> Iterator[tuple[Decision, Layers]]:
    """The layers that decisions in force lay down, for the architecture engine to judge."""
    for decision in decisions:
        if decision.is_in_force:
            yield from ((decision, rule) for rule in decision.rules if isinstance(rule, Layers))
