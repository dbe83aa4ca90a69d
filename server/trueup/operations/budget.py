"""What the model may spend: reserved before a call, settled after it, never a token over.

A reservation is the most that a call can take. It is made in one transaction with the sums that it
is measured against, so that two processes cannot both take what is left for one; a call that does
not fit is refused before it is made, and a refusal is a value with a sentence.

Money is counted where the price is known. Where it is not, tokens alone are, and that is said. A
ledger that cannot be read or written refuses: better no call than one that nobody counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import apsw

from trueup.operations import clock, prices
from trueup.operations.clock import Holder, Now
from trueup.operations.ledger import Amount, Ledger, Spent
from trueup.operations.prices import NANO, Cost, Usage, dollars
from trueup.settings import Budget, state_folder

Scope = Literal["suggestion", "session", "day", "month"]

SCOPES: Final[tuple[Scope, ...]] = ("suggestion", "session", "day", "month")

_CALLED: Final = {
    "suggestion": "this suggestion",
    "session": "this session",
    "day": "today",
    "month": "this month",
}


@dataclass(frozen=True, slots=True)
class Reservation:
    """The right to make one call of at most so many tokens. `note` is for the user, "" for none."""

    number: int
    model: str
    tokens: int
    nano: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not made. `scope` is None where it is the ledger that does not work."""

    sentence: str
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a call took; `cost` is None where the price is not known. `problem` says that the
    ledger could not be told: then it keeps counting the whole reservation.
    """

    cost: Cost | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Total:
    """The running total. `problem` is "", or the sentence why it is not known."""

    spent: Spent
    problem: str = ""

    @property
    def sentence(self) -> str:
        """Such as "today 0.0321 USD, 12,400 tokens": for a status bar."""
        return self.problem or f"today {in_words(self.spent.day)}"


def in_words(amount: Amount) -> str:
    """Such as "0.0321 USD, 12,400 tokens (400 of unknown price)"."""
    said = f"{dollars(amount.nano)}, {amount.tokens:,} tokens"
    return f"{said} ({amount.unpriced:,} of unknown price)" if amount.unpriced else said


def ledger_file() -> Path:
    return state_folder() / "budget.sqlite"


def session_of(process: int) -> str:
    """The name of the session that a process is: the same for whoever asks while it lives."""
    return str(Holder.of(process))


class Purse:
    """What one session may take out of the budgets. Safe to use from threads.

    `path` is the ledger; `now` and `table` are the clocks and the prices.
    """

    def __init__(
        self,
        limits: Budget,
        session: str,
        *,
        path: Path | None = None,
        now: Now = clock.now,
        table: prices.Table | None = None,
    ) -> None:
        self._limits, self._session, self._now = limits, session, now
        self._table = table or prices.table()
        self._ledger = Ledger(path or ledger_file())

    def reserve(
        self, suggestion: str, model: str, *, prompt: int, output: int
    ) -> Reservation | Refusal:
        """Room for one call of at most `prompt` tokens with an answer of at most `output`."""
        if prompt < 0 or output < 0:
            raise ValueError("a call cannot take less than nothing")
        moment = self._now()
        cost = self._table.at_most(model, prompt, output, moment.day)
        tokens, nano = prompt + output, cost.nano if cost else None
        try:
            with self._ledger.transaction(moment) as entries:
                refusal = self._refusal(entries.spent(suggestion, self._session), tokens, nano)
                if refusal is not None:
                    return refusal
                number = entries.hold(suggestion, self._session, model, tokens, nano)
        except (apsw.Error, OSError) as problem:
            return self._uncounted(problem)
        note = "" if cost else f"the price of {model} is not known, so only its tokens are counted"
        return Reservation(number, model, tokens, nano, note)

    def sent(self, reservation: Reservation) -> Refusal | None:
        """Say that the call is about to be made: from now on a crash counts it in full.

        A Refusal where the reservation has expired, or where the ledger cannot be told.
        """
        try:
            with self._ledger.transaction(self._now()) as entries:
                if entries.send(reservation.number):
                    return None
        except (apsw.Error, OSError) as problem:
            return self._uncounted(problem)
        return Refusal(f"the reservation for {reservation.model} expired before it was used")

    def settle(self, reservation: Reservation, usage: Usage, model: str = "") -> Settlement:
        """Count what the call took, in place of what was reserved; nothing where it took nothing.

        `model` is the one that answered. More than was reserved is counted as it is.
        """
        moment = self._now()
        served = model or reservation.model
        cost = self._table.cost(served, usage, moment.day)
        # An unknown name of a known model: what was reserved is the better guess than nothing.
        cost = cost or self._table.cost(reservation.model, usage, moment.day)
        try:
            with self._ledger.transaction(moment) as entries:
                nano = cost.nano if cost else None
                entries.settle(reservation.number, served, usage.total, nano)
        except (apsw.Error, OSError) as problem:
            why = self._ledger.trouble(problem)
            return Settlement(cost, f"all that was reserved counts as spent: {why}")
        return Settlement(cost)

    def spent(self, suggestion: str = "") -> Total:
        """The running total: of that suggestion, this session, today and this month."""
        try:
            with self._ledger.transaction(self._now()) as entries:
                return Total(entries.spent(suggestion, self._session))
        except (apsw.Error, OSError) as problem:
            why = self._ledger.trouble(problem)
            return Total(Spent(), f"what was spent is not known: {why}")

    def close(self) -> None:
        self._ledger.close()

    def _uncounted(self, problem: apsw.Error | OSError) -> Refusal:
        why = self._ledger.trouble(problem)
        return Refusal(f"no model is asked while what it costs cannot be counted: {why}")

    def _refusal(self, spent: Spent, tokens: int, nano: int | None) -> Refusal | None:
        """The first scope, from the smallest, in which the call has no room."""
        for scope in SCOPES:
            amount: Amount = getattr(spent, scope)
            most: float = getattr(self._limits, f"{scope}_tokens")
            if amount.tokens + tokens > most:
                sentence = (
                    f"the budget of {_CALLED[scope]} is {most:,.0f} tokens"
                    f" (budget.{scope}_tokens): {amount.tokens:,} are used or reserved,"
                    f" and the next call may take {tokens:,}"
                )
                return Refusal(sentence, scope)
            usd: float = getattr(self._limits, f"{scope}_usd")
            if nano is not None and amount.nano + nano > usd * NANO:
                sentence = (
                    f"the budget of {_CALLED[scope]} is {usd:,.2f} USD"
                    f" (budget.{scope}_usd): {dollars(amount.nano)} are spent or reserved,"
                    f" and the next call may cost {dollars(nano)}"
                )
                return Refusal(sentence, scope)
        return None
