"""A person saves a decision in the very moment in which the server writes it: nothing is lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from trueup import exchange
from trueup.files import replace_unchanged

EDITOR = """
import os, sys, time
path = sys.argv[1]
for line in sys.stdin:
    number, micros, way = line.split()
    text = f"sentence {number} of a person\\n".encode() * 40
    until = time.perf_counter() + int(micros) / 1e6
    while time.perf_counter() < until:
        pass
    if way == "rename":
        with open(path + "~", "wb") as file:
            file.write(text)
        os.replace(path + "~", path)
    else:
        # Some truncate and some write over; both have the file open for a while.
        with open(path, "wb" if way == "truncate" else "r+b", buffering=0) as file:
            file.write(text[: len(text) // 2])
            file.write(text[len(text) // 2 :])
            file.truncate()
    print("saved", flush=True)
"""


class Person:
    """An editor in a process of its own, told when to save and how."""

    def __init__(self, page: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", EDITOR, str(page)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begins_to_save(self, number: int, after_s: float, way: str) -> None:
        print(number, round(after_s * 1e6), way, file=self._pipe(self._process.stdin), flush=True)

    def has_saved(self) -> None:
        assert self._pipe(self._process.stdout).readline() == "saved\n"

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe

    def leaves(self) -> None:
        self._pipe(self._process.stdin).close()
        self._process.wait()
        self._pipe(self._process.stdout).close()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "0001-x.md"
    page.write_bytes(b"as it was\n")
    return page


@pytest.fixture
def person(page: Path) -> Iterator[Person]:
    person = Person(page)
    yield person
    person.leaves()


@pytest.mark.parametrize("rounds", [240, pytest.param(20_000, id="many")])
def test_what_a_person_saves_is_never_lost(page: Path, person: Person, rounds: int) -> None:
    chance = random.Random(20261121)  # noqa: S311 - moments, not secrets
    took = 0.005
    written = 0
    for number in range(rounds):
        old = page.read_bytes()
        way = chance.choice(("rename", "truncate", "over"))
        person.begins_to_save(number, chance.uniform(0, 1.2 * took), way)
        began = time.perf_counter()
        done = replace_unchanged(page, old, old + b"and what the server says\n")
        took = 0.9 * took + 0.1 * (time.perf_counter() - began)
        person.has_saved()
        written += done
        assert f"sentence {number} of a person\n".encode() * 40 in page.read_bytes(), (number, way)
    # Both sides won some of the rounds, else nothing was tried.
    assert 0 < written < rounds
    assert [file.name for file in page.parent.iterdir() if file.name.startswith(".0001")] == []


def test_a_file_that_somebody_is_writing_is_left_alone(page: Path) -> None:
    with page.open("r+b", buffering=0) as file:
        assert not replace_unchanged(page, b"as it was\n", b"the server's\n")
        file.write(b"a person's\n")
        file.truncate()
    assert page.read_bytes() == b"a person's\n"
    assert replace_unchanged(page, b"a person's\n", b"the server's\n")
    assert page.read_bytes() == b"the server's\n"


def test_two_files_change_names_or_neither_does(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    assert exchange.exchange(one, other)
    assert (one.read_text(), other.read_text()) == ("2", "1")
    other.unlink()
    with pytest.raises(FileNotFoundError):
        exchange.exchange(one, other)
    assert one.read_text() == "2"
