"""What decisions say of each other: one id twice, circles, and rules that cannot both be kept.

Everything here is found by comparing, never by a search or by a guess: two patterns that mean the
same in other words are not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Final

from trueup.architecture.contracts import Severity, Source
from trueup.memory.decisions import Decision, Decisions, Problem, Status
from trueup.memory.globs import overlap
from trueup.memory.rules import (
    KINDS,
    ForbidImport,
    ForbidPattern,
    Layers,
    Location,
    Naming,
    RequireImport,
    RequirePattern,
    Rule,
)

PAIRS_MAX: Final = 200_000
"""Pairs of rules on one subject that are compared."""


def problems_between(decisions: tuple[Decision, ...]) -> tuple[Problem, ...]:
    """Ids that are given twice, and what is wrong with `supersedes`."""
    known = Decisions(decisions)
    return (*_twice(decisions), *_links(known), *_circles(known))


def _problem(decision: Decision, message: str, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(Source(decision.path, decision.line), message, severity, decision.id)


def _twice(decisions: tuple[Decision, ...]) -> Iterator[Problem]:
    first: dict[str, Decision] = {}
    for decision in decisions:
        other = first.setdefault(decision.id, decision)
        if other is not decision:
            yield _problem(decision, f"its id is that of {other.path} too")


def _links(known: Decisions) -> Iterator[Problem]:
    for decision in known:
        for name in decision.supersedes:
            found = known.find(name)
            if len(found) != 1:
                why = "names no decision" if not found else "names more than one decision"
                yield _problem(decision, f"supersedes {name!r}, which {why}", Severity.WARNING)
                continue
            old = found[0]
            if decision.status is Status.ACCEPTED and old.is_in_force and old != decision:
                yield _problem(
                    old,
                    f"{decision.path} supersedes it, but its status is still {old.status}",
                    Severity.WARNING,
                )


def _circles(known: Decisions) -> Iterator[Problem]:
    below = {
        decision.path: tuple(
            found[0].path for name in decision.supersedes if len(found := known.find(name)) == 1
        )
        for decision in known
    }
    above: dict[str, list[str]] = {path: [] for path in below}
    for path, paths in below.items():
        for lower in paths:
            above[lower].append(path)
    circling = _lead_to_circles(below, above) & _lead_to_circles(above, below)
    for decision in known:
        if decision.path in circling:
            yield _problem(decision, "it supersedes itself, through what it supersedes")


def _lead_to_circles(
    onward: Mapping[str, Iterable[str]], back: Mapping[str, Iterable[str]]
) -> set[str]:
    """Where every way onward comes to no end. Kahn (1962), doi:10.1145/368996.369025."""
    left = {path: len(tuple(paths)) for path, paths in onward.items()}
    waiting = [path for path, count in left.items() if not count]
    while waiting:
        path = waiting.pop()
        del left[path]
        for before in back[path]:
            left[before] -= 1
            if not left[before]:
                waiting.append(before)
    return set(left)


def contradictions(decisions: Decisions) -> tuple[Problem, ...]:
    """Pairs of rules in force that cannot both be kept, each reported at the later one's rule."""
    buckets: defaultdict[tuple[str, str], list[tuple[Decision, Rule]]] = defaultdict(list)
    for decision in decisions:
        for rule in decision.rules if decision.is_in_force else ():
            for key in _keys(rule):
                buckets[key].append((decision, rule))
    found: dict[tuple[str, int, str], Problem] = {}
    pairs = (pair for bucket in buckets.values() for pair in combinations(bucket, 2))
    for first, second in islice(pairs, PAIRS_MAX):
        why = _conflict(first[1], second[1])
        if why and _both_apply(first, second):
            decision, line = second[0], second[1].terms.line
            says = f"this contradicts decision {decisions.short(first[0])}: {why}"
            problem = Problem(Source(decision.path, line), says, Severity.ERROR, decision.id)
            found.setdefault((decision.path, line, first[0].path), problem)
    return tuple(found.values())


def _keys(rule: Rule) -> Iterator[tuple[str, str]]:
    """Two rules that share none of these do not contradict each other."""
    match rule:
        case ForbidPattern() | RequirePattern():
            yield from (("pattern", text) for text in {item.normal for item in rule.patterns})
        case ForbidImport():
            yield from (("import", module) for module in set(rule.modules))
        case RequireImport():
            parts = [module.split(".") for module in rule.modules]
            yield from {
                ("import", ".".join(names[:end]))
                for names in parts
                for end in range(1, 1 + len(names))
            }
        case Layers():
            yield "layers", ""
        case Naming() if rule.style is not None:
            yield "naming", rule.what
        case Location():
            yield "location", f"{rule.what} {rule.regex}"


def _both_apply(one: tuple[Decision, Rule], two: tuple[Decision, Rule]) -> bool:
    first, second = one[0].scope, two[0].scope
    if first.goals and second.goals and not set(first.goals) & set(second.goals):
        return False
    if first.symbols and second.symbols and not _symbols_meet(first.symbols, second.symbols):
        return False
    if isinstance(one[1], Layers):
        return True
    if not overlap(first.paths, second.paths):
        return False
    # An exemption that covers the other's whole scope leaves nothing to disagree about.
    return not (_covers(one[1], second.paths) or _covers(two[1], first.paths))


def _covers(rule: Rule, paths: tuple[str, ...]) -> bool:
    exempt = set(rule.terms.exempt)
    return bool(paths) and set(paths) <= exempt


def _symbols_meet(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    pairs = ((left.removesuffix(".*"), right.removesuffix(".*")) for left in one for right in two)
    return any(is_below(left, right) or is_below(right, left) for left, right in pairs)


def is_below(name: str, above: str) -> bool:
    """Whether a dotted name is `above` or below it."""
    return name == above or name.startswith(f"{above}.")


def _conflict(one: Rule, two: Rule) -> str:
    """Why two rules cannot both be kept, or ""."""
    for first, second in ((one, two), (two, one)):
        why = _CONFLICTS.get((type(first), type(second)), _none)(first, second)
        if why:
            return why
    return ""


def _none(_one: Rule, _two: Rule) -> str:
    return ""


def _patterns(one: Rule, two: Rule) -> str:
    if not isinstance(one, ForbidPattern) or not isinstance(two, RequirePattern):
        return ""
    forbidden = {pattern.normal for pattern in one.patterns}
    # Where there is a choice, another of the required ones may still be kept.
    if {pattern.normal for pattern in two.patterns} <= forbidden and (
        one.within is None or one.within == two.within
    ):
        return f"`{two.patterns[0].text}` is forbidden by one and required by the other"
    return ""


def _imports(one: Rule, two: Rule) -> str:
    if not isinstance(one, ForbidImport) or not isinstance(two, RequireImport):
        return ""
    for module in two.modules:
        if any(is_below(module, forbidden) for forbidden in one.modules):
            return f"the import of {module} is forbidden by one and required by the other"
    return ""


def _layers(one: Rule, two: Rule) -> str:
    if not isinstance(one, Layers) or not isinstance(two, Layers):
        return ""
    above = _order(one)
    for high, low in sorted(_order(two)):
        if (low, high) in above:
            return f"{high} is above {low} in one and below it in the other"
    return ""


def _order(rule: Layers) -> set[tuple[str, str]]:
    """Every pair of modules of which the first is in a higher layer."""
    found: set[tuple[str, str]] = set()
    for container in rule.containers or ("",):
        levels = [
            [f"{container}.{name}".strip(".") for name in _names(layer)] for layer in rule.layers
        ]
        for high, low in combinations(levels, 2):
            found |= {(upper, lower) for upper in high for lower in low}
    return found


def _names(layer: str) -> list[str]:
    parts = layer.replace("|", ":").split(":")
    return [name for part in parts if (name := part.strip().strip("()").strip())]


def _naming(one: Rule, two: Rule) -> str:
    if not isinstance(one, Naming) or not isinstance(two, Naming) or one.what is not two.what:
        return ""
    if one.style is not None and two.style is not None and one.style is not two.style:
        return f"a {one.what} is {one.style} in one and {two.style} in the other"
    return ""


def _location(one: Rule, two: Rule) -> str:
    if not isinstance(one, Location) or not isinstance(two, Location):
        return ""
    same = (one.what, one.regex) == (two.what, two.regex) and (
        {pattern.normal for pattern in one.patterns} == {pattern.normal for pattern in two.patterns}
    )
    if same and not overlap(one.places, two.places):
        return f"the same thing lives in {one.places[0]} in one and in {two.places[0]} in the other"
    return ""


_CONFLICTS: Final[Mapping[tuple[type[Rule], type[Rule]], Callable[[Rule, Rule], str]]] = {
    (ForbidPattern, RequirePattern): _patterns,
    (ForbidImport, RequireImport): _imports,
    (Layers, Layers): _layers,
    (Naming, Naming): _naming,
    (Location, Location): _location,
}


def kind_of(rule: Rule) -> str:
    return KINDS[type(rule)].value
