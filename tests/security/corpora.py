"""The texts of `cases/`: attacks and what must survive them, one JSON value a line.

JSON, because much of it cannot be seen or would not survive an editor. A case is a title and
blocks; the first word of a block says what its lines are.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cases.literate import drafts_in

FOLDER: Final = Path(__file__).parent / "cases"
_ALPHABETS: Final = {
    "A": string.ascii_letters + string.digits,
    "U": string.ascii_uppercase + "234567",
    "H": "0123456789abcdef",
    "D": string.digits,
    "B": string.ascii_letters + string.digits + "+/",
    "P": string.ascii_letters + string.digits + "!#%&*+-_.",
}
_RANDOM: Final = re.compile(r"\{([AUHDBP])(\d+)\}")


def lines_of(file: str, kind: str) -> Iterator[tuple[str, Any]]:
    """The title of the case and the value of each line, of every block that begins so."""
    for draft in drafts_in(FOLDER / file):
        for block in draft.blocks:
            if block.words[:1] == (kind,):
                for line in block.text.splitlines():
                    yield draft.title, json.loads(line)


def filled(template: str) -> tuple[str, tuple[str, ...]]:
    """A text in which each `{A36}` is 36 random characters, and these; the same in every run.

    No secret stands in this repository, not even one that never was: scanners of others, and of
    those who host it, could not know.
    """
    made: list[str] = []
    source = random.Random(template)  # noqa: S311 - nothing is protected by these

    def secret(match: re.Match[str]) -> str:
        letters = _ALPHABETS[match[1]]
        made.append("".join(source.choice(letters) for _ in range(int(match[2]))))
        return made[-1]

    return _RANDOM.sub(secret, template), tuple(made)
