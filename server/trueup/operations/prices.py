"""What a call of a model costs, from the dated table that is in the wheel.

A model that is not in the table has no price, and nothing here guesses one: its tokens are counted
and its money is unknown. Money is a whole number of nano-dollars (10⁻⁹ USD), because a dollar for a
million tokens is a thousand of them for each: sums are exact.
"""

from __future__ import annotations

import datetime
import functools
import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import Any, Final

NANO: Final = 1_000_000_000
"""Nano-dollars in a dollar."""

_PER_TOKEN: Final = 1_000
"""Nano-dollars for one token, at one dollar for a million of them."""

# A snapshot of a model is billed as the model: "claude-opus-5-5-20260901".
_SNAPSHOT: Final = re.compile(r"[-@](\d{8}|latest)$")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input` is what was neither read from the cache nor written to it;
    `thinking` is the part of `output` that nobody is shown.
    """

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    thinking: int = 0

    @property
    def prompt(self) -> int:
        """Tokens of the whole prompt."""
        return self.input + self.cached + self.cache_write

    @property
    def total(self) -> int:
        """What budgets count; a cached token is a token."""
        return self.prompt + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cached + other.cached,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.thinking + other.thinking,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """Nano-dollars, and the version of the table that says so."""

    nano: int
    version: str


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars a token of one row of the table."""

    model: str
    since: datetime.date
    above: int
    input: int
    cached: int
    cache_write: int
    output: int


@dataclass(frozen=True, slots=True)
class Table:
    version: str
    rows: tuple[Rates, ...]

    def rates(self, model: str, prompt: int, day: datetime.date) -> Rates | None:
        """What holds for a prompt of that many tokens on that day; None where it is unknown."""
        name = _SNAPSHOT.sub("", model)
        holding = [
            row
            for row in self.rows
            if row.model == name and row.since <= day and row.above < prompt
        ]
        return max(holding, key=lambda row: (row.since, row.above), default=None)

    def cost(self, model: str, usage: Usage, day: datetime.date) -> Cost | None:
        """What `usage` costs on `day`, or None where nobody knows."""
        rates = self.rates(model, usage.prompt, day)
        if rates is None:
            return None
        nano = (
            usage.input * rates.input
            + usage.cached * rates.cached
            + usage.cache_write * rates.cache_write
            + usage.output * rates.output
        )
        return Cost(nano, self.version)

    def at_most(self, model: str, prompt: int, output: int, day: datetime.date) -> Cost | None:
        """The most that a call can cost whose prompt and answer are no longer than that.

        Whether the prompt is read from the cache, written to it, or neither is not known before.
        """
        rates = self.rates(model, prompt, day)
        if rates is None:
            return None
        dearest = max(rates.input, rates.cached, rates.cache_write)
        return Cost(prompt * dearest + output * rates.output, self.version)


def read(text: str) -> Table:
    """The table of a TOML text. Raises ValueError where it is none (KeyError: a column lacks)."""
    found = tomllib.loads(text, parse_float=Decimal)
    return Table(str(found["version"]), tuple(_row(row) for row in found["price"]))


def _row(row: dict[str, Any]) -> Rates:
    return Rates(
        model=row["model"],
        since=row.get("from", datetime.date.min),
        # Even an empty prompt is above nothing.
        above=row.get("above", -1),
        input=_nano(row["input"]),
        cached=_nano(row["cached"]),
        cache_write=_nano(row["cache_write"]),
        output=_nano(row["output"]),
    )


def _nano(usd_per_million: Decimal) -> int:
    nano = Decimal(usd_per_million) * _PER_TOKEN
    if nano != int(nano) or nano < 0:
        raise ValueError(f"{usd_per_million} USD is no whole number of nano-dollars a token")
    return int(nano)


@functools.cache
def table() -> Table:
    """The table in the wheel."""
    return read(resources.files(__package__).joinpath("prices.toml").read_text("utf-8"))


def dollars(nano: int) -> str:
    """How people are told: "0.0123 USD", with as many digits as matter."""
    usd = nano / NANO
    return f"{usd:.2f} USD" if usd >= 1 or not nano else f"{usd:.4f} USD"
