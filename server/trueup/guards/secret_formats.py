"""What secrets look like: `secret_formats.toml`, read."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ASSIGNED: Final = "assigned"
"""The kind of what is given to a name that says that it is secret."""


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of secret. `hints` are plain texts of which a match holds one; `entropy` is the
    least of a match that counts, in bits per character.
    """

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    entropy: float


@dataclass(frozen=True, slots=True)
class Formats:
    """Every format; that of assignments is tried behind each of its hints, and nowhere else."""

    of_makers: tuple[Format, ...]
    assigned: Format


def _read() -> Formats:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    assigned = table["assigned"]
    return Formats(
        tuple(
            Format(
                item["kind"],
                tuple(item["hints"]),
                re.compile(item["pattern"]),
                item.get("entropy", 0.0),
            )
            for item in table["format"]
        ),
        Format(
            ASSIGNED,
            tuple(assigned["keywords"]),
            re.compile(assigned["pattern"]),
            assigned["entropy"],
        ),
    )


FORMATS: Final = _read()
