"""Contracts of every kind, judged here and by import-linter's own classes: no difference.

Compared: whether the configuration is an error, whether the contract is kept, between which modules
it is broken, and that every import of import-linter's chains is one that is illegal here. How the
two differ on purpose is listed in `trueup.architecture.judges`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import grimp
import pytest

from support.import_linter import CLASSES
from support.random_contracts import Maker, Options, random_edges, toml
from trueup.architecture import importlinter
from trueup.architecture.chains import ChainJudge
from trueup.architecture.contracts import Severity
from trueup.architecture.cycles import AcyclicJudge
from trueup.architecture.graph import ImportGraph
from trueup.architecture.judges import LayersJudge, judge
from trueup.architecture.judging import Judge

Edge = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """What one of the two says of a contract."""

    error: bool = False
    kept: bool = True
    between: frozenset[Edge] = frozenset()
    """Pairs of modules for chains, illegal imports for single ones, packages that have a circle."""
    undeclared: frozenset[str] = frozenset()
    links: frozenset[Edge] = frozenset()
    """Imports of chains, of which the first are also in `firsts`."""
    firsts: frozenset[Edge] = frozenset()


@dataclass(frozen=True)
class World:
    """A graph, twice, and the options of the session that it was made with."""

    theirs: grimp.ImportGraph
    ours: ImportGraph
    roots: tuple[str, ...]
    external: bool


def world(graph: grimp.ImportGraph, roots: tuple[str, ...], *, external: bool) -> World:
    ours = ImportGraph()
    for name in sorted(graph.modules):
        ours.add_module(name)
    for name in graph.modules:
        for imported in graph.find_modules_directly_imported_by(name):
            ours.add(ours.ids[name], ours.ids[imported])
    return World(graph, ours, roots, external)


def real(package: str, chance: Random) -> World:
    external = chance.random() < 0.5
    graph = grimp.build_graph(
        package,
        include_external_packages=external,
        exclude_type_checking_imports=chance.random() < 0.5,
        cache_dir=None,
    )
    return world(graph, (package,), external=external)


def made_up(chance: Random) -> World:
    roots = ("one", "two", "three")[: chance.randint(1, 3)]
    external = chance.random() < 0.5
    graph = grimp.ImportGraph()
    for importer, imported in random_edges(chance, roots, chance.randint(8, 60)):
        for name in (importer, imported):
            parts = name.split(".")
            for depth in range(1, len(parts) + 1):
                outside = parts[0] not in roots
                if external or not outside:
                    graph.add_module(".".join(parts[:depth]), is_squashed=outside)
        if external or imported.partition(".")[0] in roots:
            graph.add_import(
                importer=importer, imported=imported, line_number=1, line_contents="import"
            )
    for root in roots:
        graph.add_module(root)
    return world(graph, roots, external=external)


def theirs(there: World, options: Options) -> Finding:
    """What import-linter says; whatever it raises is an error of the configuration."""
    given = {
        key: str(value) if isinstance(value, bool) else value for key, value in options.items()
    }
    session = {"root_packages": list(there.roots), "include_external_packages": str(there.external)}
    try:
        contract = CLASSES[str(options["type"])]("Random", session, given)
        check = contract.check(copy.deepcopy(there.theirs), verbose=False)
    except Exception:  # noqa: BLE001 - its errors have no common base
        return Finding(error=True)
    return found_by_import_linter(str(options["type"]), check.kept, check.metadata)


def found_by_import_linter(kind: str, kept: bool, said: dict[str, Any]) -> Finding:
    match kind:
        case "layers":
            rows = [(row["importer"], row["imported"], row["routes"])
                    for row in said["invalid_dependencies"]]  # fmt: skip
            return chains(kept, rows, frozenset(said["undeclared_modules"]))
        case "independence":
            rows = [(row["downstream_module"], row["upstream_module"], row["chains"])
                    for row in said["invalid_chains"]]  # fmt: skip
            return chains(kept, rows)
        case "forbidden":
            rows = [(row["downstream_module"], row["upstream_module"],
                     [{"chain": chain, "extra_firsts": [], "extra_lasts": []}
                      for chain in row["chains"]])
                    for row in said["invalid_chains"]]  # fmt: skip
            return chains(kept, rows)
        case "protected":
            links = [link for row in said["illegal_imports"] for link in row.illegal_links]
            return Finding(kept=kept, between=frozenset(map(edge, links)))
        case _:
            packages = said["cycle_breakers_by_package"]
            return Finding(kept=kept, between=frozenset((name, "") for name in packages))


def chains(
    kept: bool, rows: list[tuple[str, str, Any]], undeclared: frozenset[str] = frozenset()
) -> Finding:
    routes = [route for _, _, routes in rows for route in routes]
    return Finding(
        kept=kept,
        between=frozenset((importer, imported) for importer, imported, _ in rows),
        undeclared=undeclared,
        links=frozenset(edge(link) for route in routes for part in route.values() for link in part),
        firsts=frozenset(
            edge(link) for route in routes for link in (route["chain"][0], *route["extra_firsts"])
        ),
    )


def edge(link: dict[str, str]) -> Edge:
    return link["importer"], link["imported"]


def ours(there: World, options: Options) -> Finding:
    """What we say, of the same options written in TOML."""
    found = importlinter.parse(
        "pyproject.toml", toml(there.roots, options, external=there.external)
    )
    assert found is not None
    judges = [judge(one, there.ours, found.scope) for one in found.contracts]
    undeclared = frozenset(
        name for one in judges if isinstance(one, LayersJudge) for name in one.undeclared
    )
    problems = [*found.problems, *(problem for one in judges for problem in one.problems)]
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if len(errors) > len(undeclared):
        return Finding(error=True)
    (one,) = judges
    names = there.ours.names
    edges = [(names[u], names[v], severity) for u, v, severity in one.all_illegal()]
    firsts = frozenset((u, v) for u, v, severity in edges if severity is Severity.ERROR)
    return Finding(
        kept=not (firsts or undeclared),
        between=between(one, firsts),
        undeclared=undeclared,
        links=frozenset((u, v) for u, v, _ in edges),
        firsts=firsts,
    )


def between(one: Judge, firsts: frozenset[Edge]) -> frozenset[Edge]:
    if isinstance(one, ChainJudge):
        return frozenset(one.broken())
    if isinstance(one, AcyclicJudge):
        return frozenset((name, "") for name in one.circular)
    return firsts


def differences(there: World, options: Options) -> Iterator[str]:
    expected, found = theirs(there, options), ours(there, options)
    if expected.error or found.error:
        if expected.error != found.error:
            yield f"error: {expected.error} there, {found.error} here"
        return
    if expected.kept != found.kept:
        yield f"kept: {expected.kept} there, {found.kept} here"
    direct = options["type"] == "forbidden" and expected.links == expected.firsts
    if direct and str(options.get("allow_indirect_imports")).lower() == "true":
        expected = Finding(between=expected.links, undeclared=expected.undeclared)
    if expected.between != found.between:
        yield f"between: {sorted(expected.between ^ found.between)[:5]}"
    if expected.undeclared != found.undeclared:
        yield f"undeclared: {sorted(expected.undeclared ^ found.undeclared)[:5]}"
    if not expected.links <= found.links:
        yield f"links: {sorted(expected.links - found.links)[:5]}"
    if not expected.firsts <= found.firsts:
        yield f"first links: {sorted(expected.firsts - found.firsts)[:5]}"


def compare(there: World, chance: Random, count: int) -> dict[str, int]:
    maker = Maker(there.ours, there.roots, chance)
    seen: dict[str, int] = {}
    for _ in range(count):
        options = maker.options()
        assert list(differences(there, options)) == [], (options, there.roots, there.external)
        finding = ours(there, options)
        outcome = "error" if finding.error else "kept" if finding.kept else "broken"
        key = f"{options['type']} {outcome}"
        seen[key] = seen.get(key, 0) + 1
    return seen


@pytest.mark.parametrize(
    ("package", "count"),
    [
        pytest.param("pygls", 30, id="few-pygls"),
        *(
            pytest.param(package, 150, id=f"many-{package}")
            for package in ("anthropic", "hypothesis", "libcst", "pygls", "rich", "rope")
        ),
    ],
)
def test_contracts_about_a_real_package(package: str, count: int, chance: Random) -> None:
    compare(real(package, chance), chance, count)


@pytest.mark.parametrize("worlds", [pytest.param(15, id="few"), pytest.param(600, id="many")])
def test_contracts_about_several_packages(worlds: int, chance: Random) -> None:
    for _ in range(worlds):
        compare(made_up(chance), chance, 4)


def test_the_contracts_are_of_every_kind_and_outcome(chance: Random) -> None:
    seen: set[str] = set()
    for _ in range(20):
        seen |= compare(made_up(chance), chance, 6).keys()
    wanted = {f"{kind} {outcome}" for kind in CLASSES for outcome in ("error", "kept", "broken")}
    assert not wanted - seen
