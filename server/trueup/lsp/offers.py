"""Which actions exist at this place, found without asking anyone.

Pure, instant and free: the buffer's outline, the diagnostics that the editor already shows, and
nothing else. What an action will do is a Goal; what it will find is not known yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trueup.snapshot import Document, Span
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe
from trueup.symbols import Outline, Symbol

TITLE_CHARACTERS_MAX: Final = 80
OWN: Final = "trueup"
"""The source of diagnostics about contracts."""

FIX_ALL: Final = "source.fixAll.trueup"
FIX_UNSAFE: Final = "source.unsafeFixes.trueup"
KINDS: Final = (
    "quickfix",
    "refactor.extract",
    "refactor.inline",
    "refactor.move",
    "refactor.rewrite",
    FIX_ALL,
    FIX_UNSAFE,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """An action as the light bulb shows it. `answers` are the diagnostics it would fix."""

    title: str
    kind: str
    goal: Goal
    answers: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user is: a selection, or a cursor where `span` is empty."""

    document: Document
    outline: Outline
    span: Span
    diagnostics: tuple[Diagnostic, ...] = ()
    invoked: bool = True
    """False where the editor only asks whether there is a light bulb to show."""
    can_ask: bool = False
    """Whether the client can ask the user for a line of text."""


def offers(place: Place) -> tuple[Offer, ...]:
    """Fixes first; rewrites only where the user asked, so that no light bulb is always lit."""
    found = [_fix(place, diagnostic) for diagnostic in place.diagnostics]
    if place.invoked:
        symbol = place.outline.enclosing(place.span)
        if symbol is not None:
            found += _rewrites(place, symbol)
            found += _moves(place, symbol)
        found += _extractions(place, symbol)
        found += _names(place, symbol)
        found += _whole_file(place)
    return tuple(found)


def goal_of(document: Document, outline: Outline, diagnostic: Diagnostic) -> Goal:
    """To fix one diagnostic of a document."""
    symbol = outline.enclosing(diagnostic.span)
    return Goal(
        GoalKind.FIX,
        Recipe.FIX_DIAGNOSTIC,
        document.path,
        diagnostic.span,
        symbol=symbol.qualified if symbol else "",
        diagnostic=diagnostic,
    )


def _fix(place: Place, diagnostic: Diagnostic) -> Offer:
    goal = goal_of(place.document, place.outline, diagnostic)
    title = f"Fix {diagnostic.code or diagnostic.source or 'this'}: {diagnostic.message}"
    if diagnostic.source == OWN:
        title = f"Break this import: {diagnostic.message}"
    return Offer(_short(title), "quickfix", goal, (diagnostic,))


def _rewrites(place: Place, symbol: Symbol) -> list[Offer]:
    def offer(title: str, recipe: Recipe) -> Offer:
        goal = _about(place, symbol, recipe)
        return Offer(_short(title.format(symbol.qualified)), "refactor.rewrite", goal)

    found = [offer("Simplify {}", Recipe.SIMPLIFY)]
    if symbol.kind == "function":
        found.append(offer("Add type hints to {}", Recipe.ANNOTATE))
    if not symbol.documented:
        found.append(offer("Write the docstring of {}", Recipe.DOCUMENT))
    if place.can_ask:
        found.append(offer("Change {} as I say…", Recipe.INSTRUCT))
    return found


def _moves(place: Place, symbol: Symbol) -> list[Offer]:
    if "." in symbol.qualified or not symbol.span.contains(place.span):
        return []
    goal = _about(place, symbol, Recipe.MOVE)
    return [Offer(_short(f"Move {symbol.qualified} to another module…"), "refactor.move", goal)]


def _extractions(place: Place, symbol: Symbol | None) -> list[Offer]:
    if place.span.start == place.span.end or symbol is None:
        return []
    return [
        Offer(title, "refactor.extract", _about(place, symbol, recipe))
        for title, recipe in (
            ("Extract the selection into a function", Recipe.EXTRACT_FUNCTION),
            ("Extract the selection into a variable", Recipe.EXTRACT_VARIABLE),
        )
    ]


def _names(place: Place, symbol: Symbol | None) -> list[Offer]:
    span = place.outline.identifier_at(place.span.start)
    if span is None:
        return []
    name = place.document.text[span.start : span.end]
    found = [
        Offer(_short(f"Inline {name}"), "refactor.inline", _at(place, span, symbol, Recipe.INLINE))
    ]
    if place.can_ask:
        goal = _at(place, span, symbol, Recipe.RENAME)
        found.append(Offer(_short(f"Rename {name}…"), "refactor.rewrite", goal))
    return found


def _whole_file(place: Place) -> list[Offer]:
    whole = Span(0, len(place.document.text))
    return [
        Offer(title, kind, Goal(GoalKind.FIX, recipe, place.document.path, whole))
        for title, kind, recipe in (
            ("Apply Ruff's safe fixes to this file", FIX_ALL, Recipe.RUFF_SAFE),
            ("Apply Ruff's fixes, unsafe ones too, to this file", FIX_UNSAFE, Recipe.RUFF_UNSAFE),
        )
    ]


def _about(place: Place, symbol: Symbol, recipe: Recipe) -> Goal:
    return Goal(
        GoalKind.REFACTOR,
        recipe,
        place.document.path,
        place.outline.node_span(place.span),
        symbol=symbol.qualified,
    )


def _at(place: Place, span: Span, symbol: Symbol | None, recipe: Recipe) -> Goal:
    qualified = symbol.qualified if symbol else ""
    return Goal(GoalKind.REFACTOR, recipe, place.document.path, span, symbol=qualified)


def _short(title: str) -> str:
    flat = " ".join(title.split())
    if len(flat) <= TITLE_CHARACTERS_MAX:
        return flat
    return flat[: TITLE_CHARACTERS_MAX - 1] + "…"
