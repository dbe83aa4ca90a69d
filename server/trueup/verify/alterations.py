"""Versions of a text in which one piece of it gives something else, to find out who would notice.

After the stuck-at faults by which circuits are tested (Eldred, 1959, doi:10.1145/320998.321001): a
condition has to be seen holding and not holding, and any other value has to matter. What is altered
is decided where the piece runs, by what it gives there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trueup.verify.pieces import Piece, Use

_WORDS_MAX: Final = 60
_SEEN: Final = "__import__('builtins').__dict__.setdefault('__trueup_seen__', [])"
# Not an Exception: the code that is altered may handle all of those.
_END: Final = "(_ for _ in ()).throw(SystemExit('altered'))"
_OTHER: Final = (
    "(not v) if isinstance(v, bool) else v + 1 if isinstance(v, (int, float))"
    " else '?' + v + '?' if isinstance(v, str) else b'?' + v + b'?' if isinstance(v, bytes)"
    " else object() if v is None else None"
)
_HOLDS: Final = f"(lambda v: {_END} if v else v)"
_FAILS: Final = f"(lambda v: v if v else {_END})"
_ALTERED: Final = f"(lambda v: {_OTHER})"
_VARIED: Final = (
    f"(lambda v, s={_SEEN}: v if (not s and s.append(v) is None)"
    f" or (type(v) is type(s[0]) and (v is s[0] or v == s[0])) else ({_OTHER}))"
)


@dataclass(frozen=True, slots=True)
class Alteration:
    """`text` is the whole module; `unnoticed` says what it means if nobody sees a difference."""

    line: int
    text: str
    unnoticed: str


def alterations(text: str, pieces: Sequence[Piece], *, many_calls: bool) -> tuple[Alteration, ...]:
    """One alteration for a value, two for a condition.

    Where there are `many_calls`, every value that can vary has to, and where there are few only
    those in whose place there is nothing on the other side: one that is always the same may stand
    for what is taken in its absence.
    """
    found = []
    raw = text.encode()
    for piece in pieces:
        source = raw[piece.start : piece.end].decode()
        says = _short(source)
        ways = (
            ((_HOLDS, f"`{says}` never holds"), (_FAILS, f"`{says}` always holds"))
            if piece.use is Use.TRUTH
            else (
                (
                    _VARIED if piece.varies and (many_calls or piece.alone) else _ALTERED,
                    f"`{says}` makes no difference",
                ),
            )
        )
        for function, unnoticed in ways:
            # The line breaks stay where they are, in parentheses.
            made = raw[: piece.start] + f"{function}(({source}))".encode() + raw[piece.end :]
            found.append(Alteration(piece.line, made.decode(), unnoticed))
    return tuple(found)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _WORDS_MAX else flat[: _WORDS_MAX - 3] + "..."
