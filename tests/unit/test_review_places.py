"""Where a finding stands while one types: it follows its code, and goes when that changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trueup.engine.findings import Finding
from trueup.lsp.documents import Buffer
from trueup.lsp.reviews import Held, held_of
from trueup.snapshot import Document, Span

BEFORE = "import os\n\n\n"
BODY = "def price(net, rate):\n    return net + rate\n"
AFTER = "\n\ndef tax(net):\n    return net\n"
TEXT = f"{BEFORE}{BODY}{AFTER}"
QUOTE = "net + rate"


def buffer(text: str) -> Buffer:
    return Buffer("file:///w/a.py", "/w", Document("a.py", text, 1))


def held(symbol: str, quote: str) -> Held:
    start = TEXT.index(quote)
    finding = Finding("a.py", Span(start, start + len(quote)), symbol, "It is wrong.")
    return held_of(1, finding, TEXT)


LINES = st.lists(
    st.sampled_from(["x = 1\n", "# a remark\n", "\n", "def other():\n    return 2\n"]), max_size=4
).map("".join)


@given(above=LINES, below=LINES)
def test_a_finding_follows_its_function(above: str, below: str) -> None:
    text = f"{BEFORE}{above}{BODY}{AFTER}{below}"
    span = held("price", QUOTE).span(buffer(text))
    assert span is not None
    assert text[span.start : span.end] == QUOTE
    assert text.index(BODY) < span.start < text.index(BODY) + len(BODY)


@given(at=st.integers(0, len(BODY) - 2), typed=st.sampled_from("ab1 #("))
def test_a_finding_goes_when_its_function_changes(at: int, typed: str) -> None:
    changed = BODY[:at] + typed + BODY[at:]
    span = held("price", QUOTE).span(buffer(f"{BEFORE}{changed}{AFTER}"))
    # A blank before or after the definition is none of its text.
    same = changed.strip().startswith(BODY.strip())
    assert same or span is None


def test_what_is_there_twice_is_nowhere() -> None:
    assert held("price", QUOTE).span(buffer(f"{TEXT}\n\n{BODY}")) is None


def test_a_line_of_the_module() -> None:
    finding = held("", "import os")
    span = finding.span(buffer(f"# A remark.\n{TEXT}"))
    assert span == Span(12, 21)
    assert finding.span(buffer(TEXT.replace("import os", "import re"))) is None
