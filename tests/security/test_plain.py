"""What others wrote is shown as words: no image, link, element, command or escape."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from security.corpora import lines_of
from trueup.guards.characters import hidden_in
from trueup.guards.plain import plain, visible
from trueup.operations import tracepage
from trueup.operations.trace import Recording
from trueup.snapshot import Span
from trueup.suggestion import Goal, GoalKind, Recipe

ACTIVE = [text for _, text in lines_of("shown.md", "active")]
WORDS = [text for _, text in lines_of("shown.md", "words")]

LINKED = re.compile(r"\[[^\]\n]*\]\([^)\n]*\)")
"""What VS Code makes a link of in a message (vs/base/common/linkedText.ts)."""


def is_inert(text: str) -> bool:
    tokens = MarkdownIt("commonmark", {"html": True}).parse(text)
    kinds = {inner.type for token in tokens for inner in (token, *(token.children or ()))}
    return not kinds & {"link_open", "image", "html_inline", "html_block"} and not (
        LINKED.search(text) or "\x1b" in text or list(hidden_in(text))
    )


@pytest.mark.parametrize("text", ACTIVE, ids=range(len(ACTIVE)))
def test_nothing_can_be_clicked(text: str) -> None:
    assert not is_inert(text)
    assert is_inert(plain(text))


@pytest.mark.parametrize("text", [text for text in ACTIVE if "<" in text])
def test_no_element_gets_into_the_page_of_a_trace(text: str) -> None:
    goal = Goal(GoalKind.FIX, Recipe.INSTRUCT, text, Span(0, 0), instruction=text)
    trace = Recording(text, goal).ended("rejected", text)
    assert text not in tracepage.page(trace, lambda _: text)


@pytest.mark.parametrize("text", WORDS)
def test_words_are_left_alone(text: str) -> None:
    assert plain(text) == text


@given(st.text())
def test_whatever_it_is_it_is_inert_twice(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert not list(hidden_in(visible(text)))
    assert not LINKED.search(plain(text))
