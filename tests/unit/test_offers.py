"""What the light bulb holds, place by place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trueup.lsp.offers import KINDS, TITLE_CHARACTERS_MAX, Offer, Place, offers
from trueup.snapshot import Document, Span
from trueup.suggestion import Diagnostic, GoalKind, Recipe
from trueup.symbols import Outline

FILE = {"ruff-safe", "ruff-unsafe"}
REWRITES = {"simplify", "annotate", "document"}


def place_in(text: str, **more: object) -> Place:
    """The place that one `$0` or a pair of them marks."""
    pieces = text.split("$0")
    start = len(pieces[0])
    span = Span(start, start + (len(pieces[1]) if len(pieces) == 3 else 0))
    bare = "".join(pieces)
    return replace(Place(Document("m.py", bare), Outline(bare), span), **more)


def recipes(found: tuple[Offer, ...]) -> set[str]:
    return {offer.goal.recipe.value for offer in found}


PLACES = {
    "in a function": ("def f(x):\n    ret$0urn x\n", REWRITES | {"move"}),
    "on its name": ("def $0f(x):\n    return x\n", REWRITES | {"move", "inline"}),
    "in a documented function": (
        'def f(x):\n    """Doc."""\n    ret$0urn x\n', {"simplify", "annotate", "move"},
    ),
    "in a method": ("class A:\n    def f(self):\n        ret$0urn 1\n", REWRITES),
    "in a class": ("class A:\n    x =$0 1\n", {"simplify", "document", "move"}),
    "with a selection": (
        "def f(x):\n    return $0x + 1$0\n",
        REWRITES | {"move", "inline", "extract-function", "extract-variable"},
    ),
    "at module level": ("$0\nx = 1\n", set()),
    "on a name of the module": ("$0price = 1\n", {"inline"}),
    "with a selection at module level": ("$01 + 1$0\n", set()),
    "across two functions": ("def f():\n    re$0turn\n\n\ndef g():\n    re$0turn\n", set()),
    "in an empty file": ("$0", set()),
    "in a function that is being typed": ("def f(x):$0", REWRITES | {"move"}),
    "after an open parenthesis": (
        "def f(x):\n    return ($0\n\n\ndef g():\n    pass\n", REWRITES | {"move"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PLACES.values(), ids=PLACES)
def test_what_is_offered_where(text: str, expected: set[str]) -> None:
    found = offers(place_in(text))
    assert recipes(found) == expected | FILE
    assert len({offer.title for offer in found}) == len(found)
    assert {offer.kind for offer in found} <= set(KINDS)


def test_a_client_that_can_ask_is_offered_more() -> None:
    found = offers(place_in("def $0f(x):\n    return x\n", can_ask=True))
    assert recipes(found) >= {"instruct", "rename"}
    titles = [
        offer.title for offer in found if offer.goal.recipe in {Recipe.INSTRUCT, Recipe.RENAME}
    ]
    assert all(title.endswith("…") for title in titles)


def test_a_light_bulb_that_nobody_asked_for_holds_only_fixes() -> None:
    text = "def f(x):\n    ret$0urn x\n"
    assert offers(place_in(text, invoked=False)) == ()
    finding = Diagnostic("m.py", Span(4, 5), "is wrong", "Ruff", "F401")
    (offer,) = offers(place_in(text, invoked=False, diagnostics=(finding,)))
    assert (offer.kind, offer.title, offer.answers) == (
        "quickfix",
        "Fix F401: is wrong",
        (finding,),
    )


@pytest.mark.parametrize(
    ("source", "code", "title"),
    [
        ("Ruff", "F401", "Fix F401: no\nsuch   name"),
        ("mypy", "", "Fix mypy: no\nsuch   name"),
        ("", "", "Fix this: no\nsuch   name"),
    ],
)
def test_a_fix_is_about_the_symbol_of_its_diagnostic(source: str, code: str, title: str) -> None:
    finding = Diagnostic("m.py", Span(14, 20), "no\nsuch   name", source, code)
    text = "def f(x):\n    return x\n\n\ndef g(): $0...\n"
    fix = offers(place_in(text, diagnostics=(finding,)))[0]
    assert fix.title == " ".join(title.split())
    assert (fix.goal.kind, fix.goal.symbol, fix.goal.span) == (GoalKind.FIX, "f", Span(14, 20))
    assert fix.goal.diagnostic == finding


def test_a_diagnostic_outside_of_functions_is_the_modules() -> None:
    finding = Diagnostic("m.py", Span(0, 9), "unused", "Ruff", "F401")
    fix = offers(place_in("import os$0\n", diagnostics=(finding,)))[0]
    assert fix.goal.symbol == ""


def test_titles_fit_a_menu() -> None:
    name = "f" * 200
    for offer in offers(place_in(f"def {name}(x):\n    ret$0urn x\n", can_ask=True)):
        assert len(offer.title) <= TITLE_CHARACTERS_MAX
        assert "\n" not in offer.title


def test_goals_of_the_whole_file_are_fixes_of_the_whole_file() -> None:
    place = place_in("x = 1\n$0")
    for offer in offers(place):
        assert offer.goal.kind is GoalKind.FIX
        assert offer.goal.span == Span(0, 6)
