"""The examples that a rule carries: it must find something in each bad one and nothing in a good
one. So a rule that says something else than its author meant is found before anybody is held to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trueup.architecture.contracts import Severity, Source
from trueup.memory.code import Code
from trueup.memory.decisions import Decision, Problem
from trueup.memory.judges import judge, obstacle
from trueup.memory.rules import Layers, Rule

PATH: Final = "example.py"
"""Where an example stands: in no place that a rule exempts or names."""


def check_examples(decision: Decision) -> tuple[Problem, ...]:
    """A problem for each example that is not judged as it says, and for rules that cannot be
    evaluated at all. Scopes and exceptions do not count here.
    """
    return tuple(
        Problem(Source(decision.path, rule.terms.line), message, Severity.ERROR, decision.id)
        for rule in decision.rules
        for message in _wrong(rule)
    )


def _wrong(rule: Rule) -> Iterator[str]:
    if isinstance(rule, Layers):
        return
    if why := obstacle(rule):
        yield why
        return
    for text in rule.terms.bad:
        if not _hits(rule, text):
            yield f"the bad example `{_first(text)}` keeps the rule"
    for text in rule.terms.good:
        if _hits(rule, text):
            yield f"the good example `{_first(text)}` breaks the rule"


def _hits(rule: Rule, text: str) -> bool:
    return any(True for _ in judge(rule, Code(PATH, text), ""))


def _first(text: str) -> str:
    lines = text.strip().splitlines() or [""]
    more = len(lines) > 1 or len(lines[0]) > 60
    return f"{lines[0][:57]}..." if more else lines[0]
