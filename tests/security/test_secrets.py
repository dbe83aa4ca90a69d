"""Secrets are taken out of what is sent, kept and logged, and come back where they were."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.corpora import filled, lines_of
from trueup.guards.redaction import MARK, RedactingFormatter, Veil, redacted, secrets_in

TEMPLATES = [text for _, text in lines_of("secrets.md", "secret")]
KEPT = [text for _, text in lines_of("secrets.md", "kept")]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_format(template: str) -> None:
    text, random_parts = filled(template)
    clean = redacted(text)
    assert MARK in clean
    for part in random_parts:
        assert part not in clean


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_there_are_enough_formats() -> None:
    kinds = {found.kind for template in TEMPLATES for found in secrets_in(filled(template)[0])}
    assert len(kinds) >= 15


@given(st.lists(st.sampled_from(TEMPLATES + KEPT), max_size=4))
def test_what_a_veil_hides_it_finds_again(templates: list[str]) -> None:
    text = "\n".join(filled(template)[0] for template in templates)
    veil = Veil()
    hidden = veil.over(text)
    assert veil.lifted(hidden) == text
    assert all(secret not in hidden for secret in veil.secrets)
    # The same secret has the same placeholder, and what is hidden stays as it is.
    assert veil.over(text) == hidden
    assert veil.over(hidden) == hidden


@given(st.text())
def test_any_text_survives(text: str) -> None:
    veil = Veil()
    assert veil.lifted(veil.over(text)) == text or MARK in text


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_log_holds_no_secret(template: str) -> None:
    text, random_parts = filled(template)
    problem = ValueError(text)
    record = logging.LogRecord(
        "trueup", logging.ERROR, "x.py", 1, "it said %s", (text,), (ValueError, problem, None)
    )
    said = RedactingFormatter().format(record)
    assert said.count(MARK) == 2 * said.count("ValueError")
    assert not [part for part in random_parts if part in said]


@pytest.mark.parametrize(
    "text",
    ["a" * 40_000, "password = '" * 4_000, "sk-" * 12_000, "eyJ" * 12_000 + ".", "://" * 12_000,
     "-----BEGIN PRIVATE KEY-----" * 150, "token" * 8_000, "Bearer " * 12_000],
    ids=range(8),
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """Every pattern is bounded: one that backtracks would be here for hours."""
    assert redacted(text).count("\n") == text.count("\n")
    assert re.sub(r"\s", "", redacted(text))
