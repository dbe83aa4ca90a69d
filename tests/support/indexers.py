"""Processes that use one index until they are killed: `python indexers.py ROLE ROOT …`.

A writer changes a file, says so, and brings the index in step. A reader asks without waiting, and
says every answer that is not what the file holds. One decides: it records and accepts decisions,
rejects suggestions, and says each as soon as it is done. One deletes what is derived, again and
again. The last has no room on its disk.
"""

from __future__ import annotations

import itertools
import os
import resource
import sys
from pathlib import Path
from typing import Final

from trueup.memory import journal, lifecycle, ulid
from trueup.memory.index import Index
from trueup.memory.journal import Event, Said
from trueup.memory.lifecycle import Draft
from trueup.memory.places import load
from trueup.memory.store import Row, Store
from trueup.memory.words import words

QUESTIONS: Final = ("open the file", "send a message", "close", "version", "parse the header")


def answers(index: Index) -> tuple[tuple[Row, ...], ...]:
    """What the index says to each question."""

    def ask(store: Store) -> tuple[tuple[Row, ...], ...]:
        return tuple(store.matching(words(question), 50) for question in QUESTIONS)

    return index.ask(ask, ((),) * len(QUESTIONS), wait=True)


def module(number: int, version: int) -> str:
    """A file of the project, different with each version."""
    verbs = ("open", "send", "close", "parse")
    functions = "".join(
        f"def {verb}_{number}_{version}(file):\n"
        f'    """{verb.title()} the message of version {version}."""\n'
        f"    return header_{version}(file)\n\n\n"
        for verb in verbs[: 1 + version % len(verbs)]
    )
    return functions + f"class Version{version}:\n    def parse(self):\n        return {number}\n"


def put(root: Path, number: int, version: int) -> str:
    """Write a file as editors do: the old bytes or the new ones."""
    path = f"module_{number}.py"
    made = root / f".{path}.{os.getpid()}"
    made.write_text(module(number, version), "utf-8")
    made.replace(root / path)
    return path


def write(root: Path, files: int) -> None:
    with Index(str(root)) as index:
        for version in itertools.count():
            path = put(root, version % files, version)
            sys.stdout.write("writes\n")
            sys.stdout.flush()
            index.refresh([path] if version % 3 else None, wait=bool(version % 2))


def read(root: Path) -> None:
    with Index(str(root)) as index:
        for count in itertools.count():
            index.refresh()
            for row in itertools.chain.from_iterable(answers(index)):
                text = index.text(row)
                if text is not None and row.head.split("(")[0] not in text:
                    sys.stdout.write(f"wrong: {row}\n")
            if not count % 10:
                sys.stdout.write("reads\n")
                sys.stdout.flush()


def decide(root: Path) -> None:
    for number in itertools.count():
        path = lifecycle.add(str(root), Draft(f"Decided by {os.getpid()}, {number}"))
        sys.stdout.write(f"recorded {path}\n")
        sys.stdout.flush()
        lifecycle.accept(str(root), lifecycle.clear(load(str(root), instructions=False), path))
        event = Event(ulid.new(), Said.REJECTED, kind="simplify")
        journal.append(str(root), event)
        sys.stdout.write(f"accepted {path}\nrejected {event.id}\n")
        sys.stdout.flush()


def delete(folder: Path) -> None:
    for count in itertools.count():
        found = sorted(folder.rglob("*"))
        # Sometimes one file, sometimes all of it.
        for path in found[count % 7 :: 7] if count % 2 else found:
            if path.is_file():
                path.unlink(missing_ok=True)
        if not count % 20:
            sys.stdout.write("deletes\n")
            sys.stdout.flush()


def full(root: Path, folder: Path, room: str) -> None:
    """Say where the index is, whether it answers as one in memory does, and what it says."""
    with Index(str(root), folder) as index, Index(str(root), Path("/proc/self/index")) as memory:
        if not room.isdigit():
            index.refresh()
            room = str(next(folder.glob("index-*.db")).stat().st_size)
        # No file may be larger: what a full disk does, without one.
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), int(room)))
        memory.refresh()
        state = index.refresh()
        for number in range(100):
            if state.home != "disk":
                break
            put(root, number, number + 1)
            memory.refresh()
            state = index.refresh()
        memory.refresh()
        index.refresh()
        sys.stdout.write(f"{state.home}|{answers(index) == answers(memory)}|{state.says}\n")


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[2:]]
    match sys.argv[1]:
        case "write":
            write(given[0], 12)
        case "read":
            read(given[0])
        case "decide":
            decide(given[0])
        case "delete":
            delete(given[0])
        case _:
            full(given[0], given[1], sys.argv[4])
