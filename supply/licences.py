"""The licences of what Trueup installs: each is one that may be passed on with Apache-2.0.

Read from the metadata of this environment, for every requirement of `pyproject.toml` and for what
these require in turn; what development needs is not passed on and not looked at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement

ALLOWED: Final = re.compile(
    r"(?i)\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|MPL|Mozilla|zlib|0BSD"
    r"|any-OSI|LGPL|Lesser)"
)
"""LGPL and MPL bind changes of the library itself; we change none. rope is LGPL."""
REFUSED: Final = re.compile(r"(?i)\b(AGPL|Affero|SSPL|GPL-[23]|Proprietary|Commercial)\b")


def main() -> int:
    bad = 0
    for name in sorted(required("trueup")):
        said = licence_of(name)
        fits = bool(ALLOWED.search(said)) and not REFUSED.search(said.replace("LGPL-", "L-"))
        bad += not fits
        sys.stdout.write(f"{'ok ' if fits else 'NO '} {name}: {said or 'says nothing'}\n")
    return 1 if bad else 0


def required(root: str) -> frozenset[str]:
    """Distributions that come with `root`, itself left out; extras count when asked for."""
    found: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for requirement in _requirements(name, extras):
            found.add(requirement.name.lower().replace("_", "-"))
            waiting.append((requirement.name, frozenset(requirement.extras)))
    return frozenset(found)


def _requirements(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            yield requirement


def licence_of(name: str) -> str:
    about = metadata.metadata(name)
    classified = [
        line.rpartition("::")[2].strip()
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    stated = [about.get_all(key, [""])[0] for key in ("License-Expression", "License")]
    said = stated[0] or "; ".join(classified) or stated[1]
    return said.strip().splitlines()[0] if said.strip() else ""


if __name__ == "__main__":
    sys.exit(main())
