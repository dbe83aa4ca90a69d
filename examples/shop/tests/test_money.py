from __future__ import annotations

import pytest

from shop.catalog import Money, total


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("12.5", 1250), (" 12 ", 1200), ("-0.05", -5)]
)
def test_amounts_are_read_in_whole_cents(text: str, cents: int) -> None:
    assert Money.parse(text) == Money(cents)


@pytest.mark.parametrize("text", ["", "free", "1.005", "NaN", "Infinity"])
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Money.parse(text)


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (5, "0.05"), (1250, "12.50"), (-5, "-0.05")]
)
def test_amounts_are_shown_with_two_digits(cents: int, text: str) -> None:
    assert str(Money(cents)) == text


@pytest.mark.parametrize(
    ("cents", "rate", "part"), [(1000, 19, 190), (50, 7, 4), (-50, 7, -4), (49, 7, 3)]
)
def test_half_a_cent_is_rounded_away_from_zero(cents: int, rate: int, part: int) -> None:
    assert Money(cents).percent(rate) == Money(part)


@pytest.mark.parametrize(
    ("cents", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [1, 2, 3], [17, 33, 50]),
        (5, [0, 1], [0, 5]),
        (-100, [1, 1, 1], [-33, -33, -34]),
    ],
)
def test_shares_add_up_to_the_amount(cents: int, weights: list[int], shares: list[int]) -> None:
    split = Money(cents).split(weights)
    assert sorted(split, reverse=True) == sorted(map(Money, shares), reverse=True)
    assert total(split) == Money(cents)


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_an_amount_cannot_be_split_by_nothing(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(100).split(weights)
