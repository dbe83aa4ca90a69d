"""Never a token over the ceiling, whoever dies and whatever the clock says."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import spenders
from support.clocks import NOON, ONE, Clock
from trueup import doctor
from trueup.operations import budget
from trueup.operations.budget import Purse, Refusal, Reservation, in_words
from trueup.operations.clock import Holder
from trueup.operations.ledger import LEASE_SECONDS, Amount
from trueup.operations.prices import Usage
from trueup.settings import Budget, ModelSettings, Settings

HOUR, DAY = 3_600.0, 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def purse(tmp_path: Path, clock: Clock) -> Purse:
    """A thousand tokens a day, and plenty of everything else."""
    limits = replace(Budget(), day_tokens=1_000)
    return Purse(limits, "here", path=tmp_path / "state" / "b.sqlite", now=clock, table=ONE)


def another(purse: Purse, session: str = "there", **limits: float) -> Purse:
    """As another process would open the same ledger."""
    return Purse(
        replace(purse._limits, **limits),
        session,
        path=purse._ledger._path,
        now=purse._now,
        table=purse._table,
    )


def reserved(purse: Purse, tokens: int, suggestion: str = "s", model: str = "one") -> Reservation:
    answer = purse.reserve(suggestion, model, prompt=tokens, output=0)
    assert isinstance(answer, Reservation), answer
    return answer


def refused(purse: Purse, tokens: int, suggestion: str = "s", model: str = "one") -> str:
    answer = purse.reserve(suggestion, model, prompt=tokens, output=0)
    assert isinstance(answer, Refusal), answer
    return answer.sentence


def spend(purse: Purse, tokens: int, suggestion: str = "s", model: str = "one") -> None:
    held = reserved(purse, tokens, suggestion, model)
    assert purse.sent(held) is None
    assert purse.settle(held, Usage(input=tokens), model).problem == ""


def test_reserved_is_as_good_as_spent(purse: Purse) -> None:
    held = reserved(purse, 600)
    assert refused(another(purse), 401) == (
        "the budget of today is 1,000 tokens (budget.day_tokens): 600 are used or reserved,"
        " and the next call may take 401"
    )
    purse.settle(held, Usage(input=100, output=50))
    assert purse.spent().spent.day.tokens == 150
    reserved(another(purse), 850)


def test_what_took_nothing_costs_nothing(purse: Purse) -> None:
    held = reserved(purse, 1_000)
    purse.sent(held)
    purse.settle(held, Usage())
    assert purse.spent().spent.day == Amount()


def test_settling_twice_counts_once(purse: Purse) -> None:
    held = reserved(purse, 500)
    purse.settle(held, Usage(input=10))
    purse.settle(held, Usage(input=400))
    assert purse.spent().spent.day.tokens == 10


def test_more_than_was_reserved_is_counted_as_it_is(purse: Purse) -> None:
    held = reserved(purse, 500)
    purse.settle(held, Usage(input=1_200))
    assert purse.spent().spent.day.tokens == 1_200
    assert "1,200 are used" in refused(purse, 1)


@pytest.mark.parametrize(
    ("limit", "value", "sentence"),
    [
        ("suggestion_tokens", 50, "the budget of this suggestion is 50 tokens (budget.suggestion_"),
        ("session_tokens", 50, "the budget of this session is 50 tokens (budget.session_tokens)"),
        ("month_tokens", 50, "the budget of this month is 50 tokens (budget.month_tokens): 0 are"),
        ("suggestion_usd", 0, "the budget of this suggestion is 0.00 USD (budget.suggestion_usd)"),
        ("day_usd", 0.0001, "the budget of today is 0.00 USD (budget.day_usd): 0.00 USD are spent"),
    ],
)
def test_every_scope_refuses_in_its_own_words(
    purse: Purse, limit: str, value: float, sentence: str
) -> None:
    assert refused(another(purse, **{limit: value}), 100).startswith(sentence)


def test_suggestions_and_sessions_are_counted_apart(purse: Purse) -> None:
    tight = another(purse, "here", suggestion_tokens=100, session_tokens=150)
    spend(tight, 90, "first")
    assert "this suggestion" in refused(tight, 20, "first")
    spend(tight, 50, "second")
    assert "this session" in refused(tight, 20, "third")
    spend(another(purse, "elsewhere", session_tokens=150), 20, "third")


def test_a_ceiling_of_nothing_asks_nobody(purse: Purse) -> None:
    assert "0 tokens" in refused(another(purse, day_tokens=0), 1)


def test_money_is_that_of_the_price_table(purse: Purse) -> None:
    held = purse.reserve("s", "one", prompt=100, output=10)
    assert isinstance(held, Reservation)
    # At most: the prompt is written to the cache, which is dearest.
    assert held.nano == 100 * 1_250 + 10 * 2_000
    settled = purse.settle(held, Usage(input=20, cached=70, cache_write=10, output=5))
    assert settled.cost is not None
    assert (settled.cost.nano, settled.cost.version) == (20_000 + 7_000 + 12_500 + 10_000, "v1")
    assert purse.spent("s").spent.suggestion.nano == 49_500


def test_an_unknown_price_counts_tokens_and_says_so(purse: Purse) -> None:
    held = reserved(purse, 100, model="of my own")
    assert held.note == "the price of of my own is not known, so only its tokens are counted"
    assert held.nano is None
    purse.settle(held, Usage(input=40))
    amount = purse.spent().spent.day
    assert amount == Amount(40, 0, 40)
    assert in_words(amount) == "0.00 USD, 40 tokens (40 of unknown price)"
    assert purse.spent().sentence == f"today {in_words(amount)}"
    assert "tokens" in refused(purse, 961, model="of my own")


def test_a_new_name_of_the_model_that_answered_has_the_price_of_the_old(purse: Purse) -> None:
    held = reserved(purse, 100)
    settled = purse.settle(held, Usage(input=10), "one-of-tomorrow")
    assert settled.cost is not None
    assert settled.cost.nano == 10_000


# --- crashes -----------------------------------------------------------------------------------


def dead_holder(purse: Purse) -> None:
    """Make it look as if whatever is not settled were another process's, and that one ended."""
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = Holder.of(ended.pid)
    assert not holder.is_dead
    ended.communicate(b"\n")
    assert holder.is_dead
    with purse._ledger.transaction(purse._now()) as entries:
        entries._connection.execute("UPDATE entry SET holder = ?", (str(holder),))


def test_what_a_dead_process_held_is_given_back(purse: Purse) -> None:
    held = reserved(purse, 1_000)
    dead_holder(purse)
    spend(another(purse), 1_000)
    late = purse.sent(held)
    assert late is not None
    assert late.sentence == "the reservation for one expired before it was used"


def test_what_a_dead_process_had_sent_counts_in_full(purse: Purse) -> None:
    held = reserved(purse, 900)
    purse.sent(held)
    dead_holder(purse)
    assert "900 are used" in refused(another(purse), 101)
    assert another(purse).spent().spent.reserved == 0


def test_who_was_thought_dead_may_still_settle(purse: Purse) -> None:
    held = reserved(purse, 900)
    purse.sent(held)
    dead_holder(purse)
    another(purse).spent()
    purse.settle(held, Usage(input=3))
    assert purse.spent().spent.day.tokens == 3


def test_a_lease_ends_what_nobody_can_see_the_end_of(purse: Purse, clock: Clock) -> None:
    held = reserved(purse, 1_000)
    with purse._ledger.transaction(clock()) as entries:
        entries._connection.execute("UPDATE entry SET holder = '17 - -'")
    clock.pass_by(LEASE_SECONDS - 1)
    refused(another(purse), 1)
    clock.pass_by(2)
    reserved(another(purse), 1_000)
    assert purse.sent(held) is not None


@pytest.mark.parametrize("text", ["", "x", "1", "1 - -", f"{os.getpid()} - -", "9999999 - 5 6 7"])
def test_a_holder_that_nobody_knows_is_not_dead(text: str) -> None:
    assert not Holder.parse(text).is_dead


def test_a_holder_is_what_it_says() -> None:
    me = Holder.of(os.getpid())
    assert Holder.parse(str(me)) == me
    assert replace(me, started="another boot/1").is_dead


# --- clocks ------------------------------------------------------------------------------------


def test_a_new_day_and_a_new_month(purse: Purse, clock: Clock) -> None:
    spend(purse, 1_000)
    refused(purse, 1)
    clock.pass_by(DAY)
    spend(purse, 500)
    spent = purse.spent("s").spent
    assert (spent.day.tokens, spent.month.tokens, spent.suggestion.tokens) == (500, 1_500, 1_500)
    clock.pass_by(20 * DAY)
    assert purse.spent().spent.month.tokens == 0


@pytest.mark.parametrize("seconds", [2 * DAY, -2 * DAY, 400 * DAY, -400 * DAY, 20_000 * DAY])
def test_a_clock_that_jumps_makes_no_new_day(purse: Purse, clock: Clock, seconds: float) -> None:
    spend(purse, 1_000)
    clock.pass_by(60)
    clock.jump(seconds)
    refused(purse, 1)
    clock.jump(-seconds)
    refused(purse, 1)
    clock.pass_by(DAY)
    spend(purse, 1_000)


def test_a_clock_that_starts_in_1970_makes_no_new_day(purse: Purse, clock: Clock) -> None:
    spend(purse, 1_000)
    lost = clock.wall
    clock.reboot()
    clock.jump(-lost)
    refused(purse, 1)
    # The time server answers: what lay in the future was made before that.
    clock.pass_by(30)
    clock.jump(lost)
    refused(another(purse), 1)
    clock.pass_by(2 * DAY)
    spend(purse, 1_000)


def test_a_reboot_keeps_the_day(purse: Purse, clock: Clock) -> None:
    spend(purse, 600)
    clock.reboot()
    clock.pass_by(HOUR)
    assert "600 are used" in refused(purse, 401)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 600)),
        st.tuples(st.just("pass"), st.integers(1, 50_000)),
        st.tuples(st.just("jump"), st.integers(-(10**7), 10**7)),
        st.tuples(st.just("reboot"), st.just(0)),
    ),
    max_size=12,
)


@given(STEPS)
def test_of_one_hour_no_clock_makes_more_than_two_days(
    steps: list[tuple[str, int]],
) -> None:
    """By the seconds that really passed, no hour holds more than two days' budgets: one on each
    side of a midnight.
    """
    clock, real, made = Clock(), 0.0, []
    with tempfile.TemporaryDirectory(dir=spenders.MEMORY) as folder:
        limits = replace(Budget(), day_tokens=1_000)
        purse = Purse(limits, "s", path=Path(folder, "b"), now=clock, table=ONE)
        for word, number in steps:
            if word == "pass":
                clock.pass_by(number)
                real += number
            elif word == "jump":
                clock.jump(number)
            elif word == "reboot":
                clock.reboot()
            elif isinstance(purse.reserve("s", "one", prompt=number, output=0), Reservation):
                made.append((real, number))
        purse.close()
    jumps_over_midnight = sum(word == "jump" for word, _ in steps)
    for began, _ in made:
        within = sum(tokens for at, tokens in made if began <= at <= began + HOUR)
        assert within <= 1_000 * (2 + jumps_over_midnight)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "send", "settle", "settle", "pass"]),
        st.integers(0, 400),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["here", "there"]),
    ),
    max_size=25,
)


@dataclass
class Entry:
    """What a ledger kept by hand knows of a call."""

    tokens: int
    suggestion: str
    session: str
    day: date
    held: Reservation


@given(CALLS)
def test_the_ledger_counts_as_one_would_by_hand(calls: list[tuple[str, int, str, str]]) -> None:
    # Ten minutes before midnight; what passes in all is less than a lease.
    clock = Clock(NOON + 12 * HOUR - 600)
    limits = replace(Budget(), day_tokens=1_000, suggestion_tokens=900)
    entered: list[Entry] = []
    unsettled: list[Entry] = []

    def total(name: str, value: object) -> int:
        return sum(entry.tokens for entry in entered if getattr(entry, name) == value)

    with tempfile.TemporaryDirectory(dir=spenders.MEMORY) as folder:
        purses = {
            name: Purse(limits, name, path=Path(folder, "b"), now=clock, table=ONE)
            for name in ("here", "there")
        }
        for word, number, suggestion, session in calls:
            day = clock().day
            if word == "pass":
                clock.pass_by(number / 6)
            elif word == "hold":
                fits = total("day", day) + number <= 1_000
                fits = fits and total("suggestion", suggestion) + number <= 900
                held = purses[session].reserve(suggestion, "one", prompt=number, output=0)
                assert isinstance(held, Reservation) == fits
                if isinstance(held, Reservation):
                    unsettled.append(Entry(number, suggestion, session, day, held))
                    entered.append(unsettled[-1])
            elif unsettled and word == "send":
                entry = unsettled[-1]
                purses[entry.session].sent(entry.held)
            elif unsettled:
                entry = unsettled.pop()
                entry.tokens = min(number, entry.tokens)
                purses[entry.session].settle(entry.held, Usage(input=entry.tokens))
        for name, purse in purses.items():
            spent = purse.spent("a").spent
            assert spent.suggestion.tokens == total("suggestion", "a")
            assert spent.session.tokens == total("session", name)
            assert spent.day.tokens == total("day", clock().day)
            assert spent.reserved == sum(entry.tokens for entry in unsettled)
            purse.close()


# --- the file ----------------------------------------------------------------------------------


def test_the_ledger_is_private(purse: Purse) -> None:
    spend(purse, 1)
    path = purse._ledger._path
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file


def test_a_damaged_ledger_refuses_and_says_how_to_go_on(purse: Purse) -> None:
    path = purse._ledger._path
    path.parent.mkdir()
    path.write_bytes(b"nothing that SQLite wrote" * 1000)
    assert refused(purse, 1) == (
        "no model is asked while what it costs cannot be counted:"
        f" {path} is damaged; remove it to count anew"
    )
    assert purse.spent().sentence.startswith("what was spent is not known: ")
    path.unlink()
    spend(purse, 1)


def test_a_ledger_that_was_removed_is_made_again(purse: Purse) -> None:
    spend(purse, 1)
    for file in tuple(purse._ledger._path.parent.iterdir()):
        file.unlink()
    spend(purse, 7)
    assert another(purse).spent().spent.day.tokens == 7


def test_a_full_disk_refuses(tmp_path: Path) -> None:
    """No file of that process may grow, as on a disk that is full."""
    code = (
        "import sys; from pathlib import Path\n"
        "from trueup.operations.budget import Purse\n"
        "from trueup.settings import Budget\n"
        "purse = Purse(Budget(), 's', path=Path(sys.argv[1]))\n"
        "for _ in range(2): print(purse.reserve('s', 'one', prompt=1, output=1).sentence)\n"
    )

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    ended = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path / "b.sqlite")],
        preexec_fn=full,
        capture_output=True,
        text=True,
        check=False,
    )
    first, second = ended.stdout.splitlines()
    assert first == second, ended.stderr
    assert first.startswith("no model is asked while what it costs cannot be counted: ")
    assert str(tmp_path / "b.sqlite") in first


def test_where_nothing_can_be_written_nothing_is_asked(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()
    purse = Purse(Budget(), "s", path=tmp_path / "file" / "b.sqlite", now=clock, table=ONE)
    assert "cannot be written" in refused(purse, 1)


def test_less_than_nothing_is_a_mistake_of_ours(purse: Purse) -> None:
    with pytest.raises(ValueError, match="less than nothing"):
        purse.reserve("s", "one", prompt=-1, output=0)


def test_the_ledger_is_in_the_users_state_folder(tmp_path: Path) -> None:
    assert budget.ledger_file().is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("limits", "models", "good", "says"),
    [
        ({}, ("claude-sonnet-5-5",), True, "today 0.00 USD, 0 tokens, of 10.00 USD and 8,000,000"),
        ({"day_usd": 0}, ("claude-sonnet-5-5",), False, "of 0.00 USD and 8,000,000 tokens"),
        ({}, ("mine",), True, "no price is known for mine, so only tokens are counted"),
    ],
)
def test_the_doctor_says_what_is_left(
    limits: dict[str, float], models: tuple[str, ...], good: bool, says: str
) -> None:
    settings = Settings(model=ModelSettings(models=models), budget=replace(Budget(), **limits))
    found = doctor._budget(settings)
    assert (found.good, says in found.says) == (good, True), found


def test_the_doctor_names_a_damaged_ledger() -> None:
    budget.ledger_file().parent.mkdir(parents=True)
    budget.ledger_file().write_bytes(b"no ledger" * 500)
    found = doctor._budget(Settings())
    assert (found.good, "is damaged; remove it to count anew" in found.says) == (False, True)


# --- many processes ----------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [400, pytest.param(10_000, marks=pytest.mark.soak)])
def test_never_a_token_over_the_ceiling(steps: int) -> None:
    with tempfile.TemporaryDirectory(dir=spenders.MEMORY) as folder:
        bill = spenders.run(Path(folder), steps=steps, processes=4, seed=20)
    assert bill.over == ()
    assert bill.steps == steps
    assert bill.deaths > 0
    # And not too strict: what is left of the day would not hold the largest call.
    assert bill.counted > spenders.limits(steps).day_tokens - 2 * spenders.CALL_TOKENS_MAX
    assert bill.unsettled == 0
