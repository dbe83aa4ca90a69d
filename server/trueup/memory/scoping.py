"""How the scope of a decision fits a place: what of it is meant, and how closely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trueup.memory.decisions import Decision
from trueup.memory.globs import matches


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is and what they are about to do; what is "" or empty is not known."""

    path: str = ""
    symbol: str = ""
    """Qualified, with its module: `shop.http.Client.get`."""
    goals: frozenset[str] = frozenset()


NOWHERE: Final = Place()


def scope_match(item: Decision, place: Place) -> tuple[float, str] | None:
    """How closely the scope of a decision fits a place, and what of it does; None where it names
    nothing of the place, or something that the place is not.
    """
    if is_elsewhere(item, place):
        return None
    best: tuple[float, str] | None = None
    for symbol in item.scope.symbols if place.symbol else ():
        if _names(symbol, place.symbol):
            best = max(best or (0.0, ""), (3.0 + len(symbol) / 1000, symbol))
    for glob in item.scope.paths if place.path else ():
        if matches(glob, place.path):
            plain = len(glob) - glob.count("*")
            best = max(best or (0.0, ""), (1.0 + plain / 1000, glob))
    if best is None and place.goals & set(item.scope.goals):
        best = 0.5, ", ".join(sorted(place.goals & set(item.scope.goals)))
    return best


def is_elsewhere(item: Decision, place: Place) -> bool:
    """Whether a scope that is stated leaves the place out; what is not known leaves nothing out."""
    scope = item.scope
    by_path = place.path and scope.paths
    if by_path and not any(matches(glob, place.path) for glob in scope.paths):
        return True
    if place.goals and scope.goals and not place.goals & set(scope.goals):
        return True
    by_symbol = place.symbol and scope.symbols
    return bool(by_symbol) and not any(_names(name, place.symbol) for name in scope.symbols)


def _names(pattern: str, symbol: str) -> bool:
    plain = pattern.removesuffix(".*")
    return symbol == plain or symbol.startswith(f"{plain}.")
