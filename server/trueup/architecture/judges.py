"""The judge of each kind of contract.

What is judged, and what is wrong with a configuration, is as import-linter has it, but for this:

* One broken contract, or one broken entry of it, silences nothing else: what remains is judged, and
  the problem stands at its line. import-linter stops.
* A pattern that matches no module is a warning; import-linter is silent, except for the ancestors
  and the skipped descendants of `acyclic_siblings`, which are errors in both.
* A malformed name of a module is an error wherever it stands; import-linter looks for it.
* Where no container matches, nothing is judged; import-linter then takes the layers' names as full
  ones.
* Single imports are reported, with the part they play: the first link of an illegal chain is an
  error, the others are information. import-linter reports chains. Which imports would best break a
  circle is not guessed: every import of the circle is reported.
"""

from __future__ import annotations

from trueup.architecture import groups
from trueup.architecture.chains import ChainJudge
from trueup.architecture.contracts import Problem
from trueup.architecture.cycles import AcyclicJudge
from trueup.architecture.direct import DirectJudge, ForbiddenRule, ProtectedRule
from trueup.architecture.graph import ImportGraph
from trueup.architecture.judging import Judge, sentence
from trueup.architecture.kinds import (
    AcyclicSiblings,
    Contract,
    Forbidden,
    Independence,
    Layers,
    Protected,
    Scope,
)


def judge(contract: Contract, graph: ImportGraph, scope: Scope) -> Judge:
    """A judge of the graph as it is; it follows the edges, and is made anew when modules come or
    go.
    """
    match contract:
        case Layers():
            return LayersJudge(contract, graph, scope)
        case Independence():
            return ChainJudge(contract.terms, graph, groups.independence(contract, graph))
        case Forbidden():
            plan = groups.forbidden(contract, graph, scope)
            if contract.direct_only:
                return DirectJudge(contract.terms, graph, ForbiddenRule(plan))
            return ChainJudge(contract.terms, graph, plan)
        case Protected():
            return DirectJudge(contract.terms, graph, ProtectedRule(contract, graph, scope))
        case AcyclicSiblings():
            return AcyclicJudge(contract, graph, scope)


class LayersJudge(ChainJudge):
    """Of an exhaustive contract, the modules that are in no layer are problems too."""

    def __init__(self, contract: Layers, graph: ImportGraph, scope: Scope) -> None:
        super().__init__(contract.terms, graph, groups.layers(contract, graph, scope))
        self.undeclared = groups.undeclared(contract, graph, scope)

    @property
    def problems(self) -> tuple[Problem, ...]:
        why = "is in no layer, and the contract wants every module of its containers in one"
        return super().problems + tuple(
            Problem(self.terms.source, sentence(f"{name} {why}", self.terms))
            for name in self.undeclared
        )
