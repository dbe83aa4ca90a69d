"""Bringing the files of a change to one of its sides, on disk.

Files that the user changed since are left alone and named. Everything else is brought to that side
or, where a file cannot be, left as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trueup import InputError
from trueup.undo import disk
from trueup.undo.change import Change, ChangedFile, Side, Standing, State, standing
from trueup.undo.disk import KERNEL, Kernel
from trueup.undo.journal import Journal


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought to the side (what was there already included), and what was not and why."""

    done: tuple[str, ...]
    left: tuple[tuple[str, str], ...]


def text_on_disk(change: Change) -> Callable[[str], str | None]:
    """What the files of a change hold on disk, read with the encodings that it was made with.

    A file that cannot be read as that holds a text of the user's own.
    """
    encodings = {file.path: file.encoding for file in change.files}

    def text(path: str) -> str | None:
        raw = disk.read(change.root, path)
        # What is not text in that encoding is not one of ours, and is compared as none of them.
        return raw.decode(encodings[path], "surrogateescape") if raw is not None else None

    return text


def standing_on_disk(change: Change, side: Side) -> Standing:
    """Raises InputError where a file cannot be looked at."""
    return standing(change, text_on_disk(change), side)


def put(
    change: Change, files: tuple[ChangedFile, ...], side: Side, kernel: Kernel = KERNEL
) -> Restored:
    """Bring `files`, which hold the other side, to `side`."""
    opposite = Side.RESULT if side is Side.BASE else Side.BASE
    done, left = [], []
    for file in files:
        try:
            old, new = file.raw(opposite), file.raw(side)
            if disk.replace(change.root, file.path, old, new, kernel):
                done.append(file.path)
            else:
                left.append((file.path, f"{file.path} was changed since"))
        except InputError as problem:
            left.append((file.path, str(problem)))
        except UnicodeEncodeError:
            left.append((file.path, f"{file.path} cannot be written as {file.encoding}"))
    return Restored(tuple(done), tuple(left))


def restore(change: Change, side: Side, kernel: Kernel = KERNEL) -> Restored:
    """Bring all files to `side`. Raises InputError where one cannot be looked at."""
    now = standing_on_disk(change, side)
    made = put(change, now.other, side, kernel)
    foreign = tuple((file.path, f"{file.path} was changed since") for file in now.foreign)
    return Restored((*(file.path for file in now.already), *made.done), (*made.left, *foreign))


def make(journal: Journal, root: str, title: str, files: tuple[ChangedFile, ...]) -> Restored:
    """Write down a change of files on disk, and make it in all of them or in none.

    Raises JournalError before anything is changed.
    """
    change = journal.begin(root, title, files)
    made = put(change, files, Side.RESULT)
    if not made.left:
        journal.settle(change, State.APPLIED)
        return made
    done = tuple(file for file in files if file.path in made.done)
    if put(change, done, Side.BASE).left:
        journal.settle(change, State.PARTIAL)
        return made
    journal.forget(change)
    return Restored((), made.left)
