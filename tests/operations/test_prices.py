"""The table of prices: complete, dated, and the same as another table that people keep."""

from __future__ import annotations

import datetime
from decimal import Decimal

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.clocks import ONE
from trueup.operations import prices
from trueup.operations.prices import NANO, Usage
from trueup.settings import ModelSettings

DAY = datetime.date(2026, 11, 20)
COUNTS = st.integers(0, 300_000)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)
MODELS = sorted({row.model for row in prices.table().rows})


@pytest.mark.parametrize("model", MODELS)
@given(usage=USAGES, day=st.sampled_from([DAY, datetime.date(2026, 3, 1)]))
def test_the_same_as_genai_prices(model: str, usage: Usage, day: datetime.date) -> None:
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.prompt,
            cache_read_tokens=usage.cached,
            cache_write_tokens=usage.cache_write,
            output_tokens=usage.output,
        ),
        model,
        provider_id="anthropic",
        genai_request_timestamp=datetime.datetime.combine(day, datetime.time(12), datetime.UTC),
    )
    ours = prices.table().cost(model, usage, day)
    assert ours is not None
    assert Decimal(ours.nano) / NANO == theirs.total_price


@given(USAGES)
def test_no_call_costs_more_than_was_reserved_for_it(usage: Usage) -> None:
    for model in MODELS:
        most = prices.table().at_most(model, usage.prompt, usage.output, DAY)
        cost = prices.table().cost(model, usage, DAY)
        assert most is not None
        assert cost is not None
        assert cost.nano <= most.nano


def test_the_models_that_are_asked_by_default_have_a_price() -> None:
    assert set(ModelSettings().models) <= set(MODELS)


def test_a_snapshot_of_a_model_is_billed_as_the_model() -> None:
    usage = Usage(input=10, output=1)
    for name in ("one-20260901", "one@20260901", "one-latest"):
        assert ONE.cost(name, usage, DAY) == ONE.cost("one", usage, DAY)
    assert ONE.cost("one-two", usage, DAY) is None
    assert ONE.at_most("someone's", 1, 1, DAY) is None


def test_a_row_holds_from_its_day_and_above_its_length() -> None:
    row = '[[price]]\nmodel = "m"\ncached = 0\ncache_write = 0\noutput = 0\n'
    table = prices.read(
        f'version = "x"\n{row}input = 1.0\n{row}input = 2.0\nabove = 100\n'
        f"{row}input = 3.0\nfrom = 2026-06-01\n"
    )
    before, after = datetime.date(2026, 5, 31), datetime.date(2026, 6, 1)
    for usage, day, rate in (
        (Usage(input=100), before, 1_000),
        (Usage(input=101), before, 2_000),
        (Usage(input=101), after, 3_000),
    ):
        cost = table.cost("m", usage, day)
        assert cost is not None
        assert cost.nano == usage.input * rate


def test_a_price_that_is_no_whole_number_of_nano_dollars_is_refused() -> None:
    row = '[[price]]\nmodel = "m"\ncached = 0\ncache_write = 0\noutput = 0\ninput = 0.0001\n'
    with pytest.raises(ValueError, match="whole number"):
        prices.read(f'version = "x"\n{row}')


@pytest.mark.parametrize(
    ("nano", "said"),
    [(0, "0.00 USD"), (12_345_678, "0.0123 USD"), (2_500_000_000, "2.50 USD")],
)
def test_money_in_words(nano: int, said: str) -> None:
    assert prices.dollars(nano) == said
