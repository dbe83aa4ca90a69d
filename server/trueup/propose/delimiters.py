"""Text of a repository as data: between two lines that its author cannot have written into it.

Everything that a model reads and that we did not write goes through here: files, diagnostics,
tracebacks, names of tests, notes of decisions.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

FRAME_CHARACTERS: Final = 80
"""What the delimiters around one text take."""

_SECRET: Final = secrets.token_bytes(32)


def delimited(heading: str, text: str) -> str:
    """`text` between delimiters that name it by `heading`, which is one line of our own words.

    The delimiter depends on the text and on a secret of this process: the same text has the same
    one in every request, so the beginning of a conversation stays as it was, and whoever writes a
    delimiter that he has seen into the text gets another one.
    """
    line = " ".join(heading.split())
    everything = f"{line}\0{text}".encode("utf-8", "surrogatepass")
    mark = hashlib.blake2s(everything, key=_SECRET, digest_size=12).hexdigest()
    return f"<<<{mark} {line}>>>\n{text.rstrip()}\n<<<{mark} end>>>"
