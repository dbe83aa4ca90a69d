"""Processes that spend from one ledger at random, and die of it.

`python spenders.py FOLDER SEED NUMBER STEPS TOTAL` is one of them. Each takes its steps: reserve,
be refused, send, die before or after the model has answered, settle, retry. What a model would bill
is written to a file of its own at the moment it would be: the ledger is held against it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trueup.operations.budget import Purse, Reservation
from trueup.operations.prices import Usage
from trueup.settings import Budget

MODEL: Final = "claude-sonnet-5-5"
CALL_TOKENS_MAX: Final = 1_000
DEATHS: Final = 0.02
"""The share of steps that end in a SIGKILL, one half of them with the answer on its way."""

MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a ledger is fast; a process that is killed loses no less there than on a disk."""

ROOMY: Final = float("inf")


def limits(steps: int) -> Budget:
    """Ceilings that are reached on the way: that of a suggestion early, that of the day late."""
    return Budget(
        suggestion_tokens=steps * 20.0,
        session_tokens=steps * 150.0,
        day_tokens=steps * 250.0,
        month_tokens=ROOMY,
        suggestion_usd=ROOMY,
        session_usd=ROOMY,
        day_usd=ROOMY,
        month_usd=steps * 0.0012,
    )


@dataclass(frozen=True, slots=True)
class Bill:
    """What the models billed, and what the ledger says at the end."""

    steps: int
    deaths: int
    refused: int
    billed: Counter[str]
    """Tokens by "suggestion …", "session …" and "day"."""
    counted: int
    """Tokens of the day in the ledger."""
    unsettled: int
    over: tuple[str, ...] = field(default=())
    """Every scope whose ceiling the bill is over, or whose bill the ledger does not hold."""


def spend(folder: Path, seed: str, number: int, steps: int, total: int) -> None:
    """In a process of its own; dies by its own hand now and then, having noted how far it was."""
    chance = random.Random(seed)  # noqa: S311 - which way a test goes
    purse = Purse(limits(total), session_of_spender(number), path=folder / "budget.sqlite")
    bill = os.open(folder / "bill", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for _ in range(steps):
        os.write(bill, f"step {number}\n".encode())
        suggestion = str(chance.randrange(20))
        prompt, output = chance.randrange(CALL_TOKENS_MAX), chance.randrange(CALL_TOKENS_MAX)
        model = MODEL if chance.random() < 0.8 else "a-model-of-unknown-price"
        reserved = purse.reserve(suggestion, model, prompt=prompt, output=output)
        if not isinstance(reserved, Reservation):
            os.write(bill, b"refused\n")
            continue
        dies = chance.random() < DEATHS
        if dies and chance.random() < 0.25:
            die(bill)
        if purse.sent(reserved) is not None:
            os.write(bill, b"expired\n")
            continue
        if dies and chance.random() < 0.3:
            die(bill)
        if chance.random() < 0.1:
            # The server was busy and billed nothing; the next step is the retry.
            purse.settle(reserved, Usage())
            continue
        usage = Usage(input=chance.randint(0, prompt), output=chance.randint(0, output))
        os.write(bill, f"billed {suggestion} {session_of_spender(number)} {usage.total}\n".encode())
        if dies:
            die(bill)
        purse.settle(reserved, usage)
    purse.close()


def session_of_spender(number: int) -> str:
    return f"s{number % 2}"


def die(bill: int) -> None:
    os.write(bill, b"died\n")
    os.kill(os.getpid(), signal.SIGKILL)


def run(folder: Path, *, steps: int, processes: int, seed: int) -> Bill:
    """`steps` in all, over that many processes at once; those that die are replaced."""
    share = steps // processes
    running: dict[int, subprocess.Popen[bytes]] = {}
    generation = 0
    bill = folder / "bill"
    bill.touch()
    while True:
        taken = Counter(line for line in bill.read_text("ascii").splitlines() if "step" in line)
        for number in range(processes):
            left = share - taken[f"step {number}"]
            if number not in running and left > 0:
                generation += 1
                running[number] = subprocess.Popen(
                    [sys.executable, __file__, str(folder), f"{seed}/{number}/{generation}",
                     str(number), str(left), str(steps)],
                )  # fmt: skip
        if not running:
            break
        number, process = next(iter(running.items()))
        if process.wait() not in {0, -signal.SIGKILL}:
            raise RuntimeError(f"a spender ended with {process.returncode}")
        del running[number]
    return checked(folder, steps)


def checked(folder: Path, steps: int) -> Bill:
    """The bill, held against the ceilings and against the ledger."""
    lines = (folder / "bill").read_text("ascii").splitlines()
    billed: Counter[str] = Counter()
    for line in lines:
        word, *rest = line.split()
        if word == "billed":
            suggestion, session, said = rest
            billed[f"suggestion {suggestion}"] += int(said)
            billed[f"session {session}"] += int(said)
            billed["day"] += int(said)
    most = limits(steps)
    purse = Purse(most, "nobody's", path=folder / "budget.sqlite")
    over = []
    for name, tokens in billed.items():
        ceiling = getattr(most, f"{name.split()[0]}_tokens")
        if tokens > ceiling:
            over.append(f"{name}: {tokens} billed of {ceiling}")
        if name.startswith("suggestion "):
            counted = purse.spent(name.removeprefix("suggestion ")).spent.suggestion.tokens
            if not tokens <= counted <= ceiling:
                over.append(f"{name}: {counted} counted, {tokens} billed, {ceiling} the ceiling")
    spent = purse.spent().spent
    day = spent.day
    if not billed["day"] <= day.tokens <= most.day_tokens:
        over.append(f"day: {day.tokens} counted, {billed['day']} billed")
    if day.nano > most.month_usd * 1e9:
        over.append(f"month: {day.nano} nano-dollars of {most.month_usd} USD")
    purse.close()
    words = Counter(line.split()[0] for line in lines)
    return Bill(
        words["step"],
        words["died"],
        words["refused"],
        billed,
        day.tokens,
        spent.reserved,
        tuple(over),
    )


if __name__ == "__main__":
    spend(Path(sys.argv[1]), sys.argv[2], *(int(item) for item in sys.argv[3:]))
