"""Text of unknown origin as text of a page, and as nothing else."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

# What XML cannot hold, and what would turn around the letters that follow.
_UNFIT: Final = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)


def plain(text: str) -> str:
    """The text with a replacement character for what no document can or should hold."""
    return _UNFIT.sub("\ufffd", text)


def escaped(text: str) -> str:
    """The text as it may stand between tags and in quoted attributes of XML and HTML."""
    return escape(plain(text), quote=True)


@cache
def asset(name: str) -> str:
    """A file beside this module."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def counted(count: int, what: str) -> str:
    """`1 import`, `2 imports`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
