"""Shares and their intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.intervals import share

HITS = st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=60)


@given(HITS)
def test_the_share_lies_in_its_interval(hits: list[tuple[str, bool]]) -> None:
    found = share(hits)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.hits, found.total) == (sum(hit for _, hit in hits), len(hits))


def test_rows_of_their_own_give_wilsons_interval() -> None:
    # 2 of 82: worked out with the formula of Wilson (1927), as printed by other tools.
    found = share((str(place), place < 2) for place in range(82))
    assert (found.low, found.high) == pytest.approx((0.00671, 0.08455), abs=1e-3)


def test_rows_of_one_task_are_worth_less() -> None:
    alone = share((str(place), place < 20) for place in range(40))
    together = share((str(place // 10), place < 20) for place in range(40))
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_nothing_says_nothing() -> None:
    assert (share([]).low, share([]).high, str(share([]))) == (0.0, 1.0, "none")
