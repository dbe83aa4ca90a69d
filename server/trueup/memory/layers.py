"""The layers that decisions lay down, as contracts for the architecture to judge.

Such a contract is called by the id of its decision.
"""

from __future__ import annotations

from trueup.architecture.configuration import Configuration, layer_of
from trueup.architecture.contracts import Problem, Source
from trueup.architecture.expressions import modules
from trueup.architecture.kinds import Contract, Layers, Terms
from trueup.memory.decisions import Decision, Decisions
from trueup.memory.evaluate import layer_rules


def laid_down(decisions: Decisions) -> tuple[Configuration, ...]:
    """The layers of decisions as contracts, one configuration for each decision's file."""
    found: dict[str, list[Contract]] = {}
    problems: list[Problem] = []
    for decision, rule in layer_rules(decisions):
        source = Source(decision.path, rule.terms.line)
        try:
            contract = Layers(
                _terms(decision, source, rule.terms.message),
                tuple(layer_of(row, source) for row in rule.layers),
                tuple(modules(name, source) for name in rule.containers),
            )
        except ValueError as problem:
            problems.append(Problem(source, str(problem), contract=decision.id))
            continue
        found.setdefault(decision.path, []).append(contract)
    if not found and not problems:
        return ()
    contracts = tuple(contract for group in found.values() for contract in group)
    path = next(iter(found), problems[0].source.path if problems else "")
    return (Configuration(path, contracts=contracts, problems=tuple(problems)),)


def _terms(decision: Decision, source: Source, message: str) -> Terms:
    return Terms(decision.id, decision.title, source, guidance=message)
