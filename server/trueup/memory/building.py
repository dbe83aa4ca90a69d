"""Brings the index of one project in step, in a process of its own: `python -m … ROOT`.

A large project takes seconds in which a language server would answer late. Ends with its parent,
which holds the other end of its standard input; half an index is thrown away by whoever is next.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

from trueup.memory.index import Home, Index

NICENESS: Final = 10


def command(root: str) -> tuple[str, ...]:
    """What builds the index of the project at `root`; it exits with 0 where that is on the disk."""
    return sys.executable, "-P", "-m", "trueup.memory.building", root


def main() -> int:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(NICENESS)
    with Index(sys.argv[1]) as index:
        return 0 if index.refresh(wait=True).home is Home.DISK else 1


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
