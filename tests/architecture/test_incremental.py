"""Judges that follow a graph through edits, against judges made anew after every edit."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from support.random_contracts import Maker, random_edges, toml
from trueup.architecture import importlinter
from trueup.architecture.chains import ChainJudge
from trueup.architecture.contracts import Severity
from trueup.architecture.graph import ImportGraph
from trueup.architecture.judges import judge
from trueup.architecture.judging import Judge
from trueup.architecture.kinds import Contract, Scope

ROOTS = ("one", "two")
EDITS_OF_A_GRAPH = 25


@pytest.mark.parametrize("graphs", [pytest.param(6, id="few"), pytest.param(80, id="many")])
def test_an_edited_graph_is_judged_as_a_new_one(graphs: int, chance: Random) -> None:
    found = 0
    for _ in range(graphs):
        graph = random_graph(chance)
        scope = Scope(ROOTS, external=True)
        contracts = random_contracts(graph, chance)
        following = [judge(contract, graph, scope) for contract in contracts]
        before = [by_importer(one) for one in following]
        for _ in range(EDITS_OF_A_GRAPH):
            edit(graph, following, chance)
            for place, contract in enumerate(contracts):
                one, anew = following[place], judge(contract, graph, scope)
                assert state(one) == state(anew), contract
                after = by_importer(one)
                flipped = {u for u in {*before[place], *after}
                           if before[place].get(u) != after.get(u)}  # fmt: skip
                assert flipped <= one.touched, contract
                one.touched.clear()
                before[place] = after
                found += bool(flipped)
    assert found > graphs


def test_what_is_illegal_can_be_explained(chance: Random) -> None:
    for _ in range(8):
        graph = random_graph(chance)
        for contract in random_contracts(graph, chance):
            one = judge(contract, graph, Scope(ROOTS, external=True))
            illegal = {(u, v): severity for u, v, severity in one.all_illegal()}
            for u, v in sorted(illegal)[:20]:
                said = one.explain(u, v)
                assert (said.importer, said.imported) == (graph.names[u], graph.names[v])
                assert said.severity == illegal[u, v]
                links = {(graph.ids[a], graph.ids[b]) for a, b in pairwise(said.chain)}
                assert (u, v) in links
                assert all(b in graph.out[a] for a, b in links)
                if said.severity is Severity.ERROR:
                    assert said.chain[0] == said.importer
            for u, v in sorted(set(graph.edges()) - illegal.keys())[:20]:
                with pytest.raises(ValueError, match="breaks no contract"):
                    one.explain(u, v)


def random_graph(chance: Random) -> ImportGraph:
    graph = ImportGraph()
    for root in ROOTS:
        graph.add_module(root)
    for importer, imported in random_edges(chance, ROOTS, chance.randint(8, 70)):
        for name in (importer, imported):
            parts = name.split(".")
            for depth in range(1, len(parts) + 1):
                graph.add_module(".".join(parts[:depth]))
        graph.add(graph.ids[importer], graph.ids[imported])
    return graph


def random_contracts(graph: ImportGraph, chance: Random) -> list[Contract]:
    """One of them at least is broken at first."""
    maker = Maker(graph, ROOTS, chance)
    found: list[Contract] = []
    while len(found) < 6:
        configuration = importlinter.parse("pyproject.toml", toml(ROOTS, maker.options()))
        assert configuration is not None
        found += configuration.contracts
    return found


def edit(graph: ImportGraph, judges: list[Judge], chance: Random) -> None:
    """As a file changes: some of its imports go, others come."""
    own = [graph.ids[name] for name in graph.modules() if not name.startswith("others")]
    importer = chance.choice(own)
    gone = chance.sample(sorted(graph.out[importer]), min(len(graph.out[importer]), 2))
    for imported in gone[: chance.randint(0, 2)]:
        graph.remove(importer, imported)
        for one in judges:
            one.removed(importer, imported)
    for imported in {chance.choice(range(len(graph.names))) for _ in range(chance.randint(0, 2))}:
        if imported != importer and graph.add(importer, imported):
            for one in judges:
                one.added(importer, imported)


def state(one: Judge) -> tuple[object, ...]:
    """All that a judge says and knows."""
    masks = (one._reaches.masks, one._reached_by.masks) if isinstance(one, ChainJudge) else ()
    return set(one.all_illegal()), one.problems, masks


def by_importer(one: Judge) -> dict[int, set[tuple[int, Severity]]]:
    found: dict[int, set[tuple[int, Severity]]] = {}
    for importer, imported, severity in one.all_illegal():
        found.setdefault(importer, set()).add((imported, severity))
    for importer, illegal in found.items():
        assert set(one.illegal(importer)) == illegal
    return found
