"""What it costs to look for secrets and for hidden characters, per 1,000 lines.

On the sources of the standard library, module by module, as a prompt or an edit is looked at: once
as they are, which is almost all ASCII, and once with a word of another alphabet in each tenth line,
so that no short cut is taken. The larger of the two counts. The last line is about secrets; with
`--unicode` it is about characters.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

from common import Target, load, milliseconds
from trueup.guards.characters import hidden_in
from trueup.guards.redaction import secrets_in

SECRETS = Target("secret scan of 1,000 lines", "ms", 30)
UNICODE = Target("unicode scan of 1,000 lines", "ms", 0.5)
ROUNDS = 5


def main() -> None:
    folder = Path(sysconfig.get_paths()["stdlib"])
    texts = [path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.py"))]
    mixed = [with_other_letters(text) for text in texts]
    lines = sum(text.count("\n") for text in texts)
    print(f"{len(texts)} modules, {lines:,} lines; {load()}")
    worst: dict[str, float] = {}
    for what, scan in (("secrets", secrets), ("characters", characters)):
        for kind, sources in (("as they are", texts), ("with other letters", mixed)):
            found = per_thousand(scan, sources, lines)
            worst[what] = max(worst.get(what, 0.0), found)
            print(f"{what:11} {kind:19} {milliseconds(found)} per 1,000 lines")
    UNICODE.report(worst["characters"] * 1000)
    if "--unicode" not in sys.argv:
        SECRETS.report(worst["secrets"] * 1000)


def secrets(text: str) -> None:
    secrets_in(text)


def characters(text: str) -> None:
    list(hidden_in(text))


def with_other_letters(text: str) -> str:
    lines = text.split("\n")
    lines[::10] = [f"{line}  # größer" for line in lines[::10]]
    return "\n".join(lines)


def per_thousand(scan: Callable[[str], None], texts: list[str], lines: int) -> float:
    """Seconds per 1,000 lines: the best of some rounds, which others on the machine spoil least."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for text in texts:
            scan(text)
        taken.append(time.perf_counter() - began)
    return min(taken) / lines * 1000


if __name__ == "__main__":
    main()
