"""What the tests' process is given, and how its isolation is put into words.

The environment is an allow-list: a key, a token or a socket of the user's session is not in it. The
sentence about the isolation is built from what the agent reports to have done, never from what was
asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trueup.runner.results import Isolation

NETWORK: Final = "the sandbox has no network"
DISK: Final = "the sandbox holds 256 MB of new files"
BLOCKED: Final = {
    "namespaces": (
        (r"Network is unreachable|\bENETUNREACH\b", NETWORK),
        (r"Temporary failure in name resolution|Name or service not known", NETWORK),
        (r"Read-only file system|\bEROFS\b", "the machine is read-only in the sandbox"),
        (r"No space left on device|\bENOSPC\b", DISK),
        (
            r"No such file or directory: b?'/(?:root|home/[^/']+)/",
            "the sandbox hides the home folder",
        ),
        (r"Resource temporarily unavailable", "the sandbox limits processes"),
    ),
    "landlock": (
        (r"name resolution|Name or service not known", NETWORK),
        (r"(?s:(?:connect|socket)\(.*PermissionError: \[Errno (?:13|1)\])", NETWORK),
        (r"PermissionError: \[Errno 13\]", "the sandbox lets tests reach their copy alone"),
        (r"Resource temporarily unavailable", "the sandbox limits processes"),
    ),
}
"""What a failure says that comes from each isolation, and what it is called."""

EVERYWHERE: Final = (
    (r"^E?\s*MemoryError|Cannot allocate memory", "tests have a limit of memory"),
    (r"File too large", "tests have a limit of the size of a file"),
)

ALLOWED: Final = frozenset({"PATH", "LANG", "LANGUAGE", "TZ", "TERM", "LD_LIBRARY_PATH"})
NAMESPACES: Final = "namespaces"
LANDLOCK: Final = "landlock"
NONE: Final = "none"


def environment(interpreter: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the agent. The agent itself adds HOME, TMPDIR and XDG_CACHE_HOME."""
    base = os.environ if base is None else base
    kept = {
        name: value for name, value in base.items() if name in ALLOWED or name.startswith("LC_")
    }
    path = kept.get("PATH", os.defpath)
    folder = interpreter.parent
    if (folder.parent / "pyvenv.cfg").is_file():
        kept["VIRTUAL_ENV"] = str(folder.parent)
    kept["PATH"] = os.pathsep.join((str(folder), path))
    kept.setdefault("LANG", "C.UTF-8")
    return kept


def isolation(ready: Mapping[str, object]) -> Isolation:
    """What was in force, from the agent's own report."""
    filtered = "seccomp" if ready.get("seccomp") else "no seccomp filter"
    if ready.get("mode") == LANDLOCK:
        network = (
            "no network, not even its own localhost"
            if ready.get("network") == "none"
            else "the network is open"
        )
        return Isolation(
            LANDLOCK,
            f"a copy behind a Landlock fence, {filtered} (no namespaces: {ready.get('refused')}): "
            f"home and the original workspace cannot be read, {network}, "
            "writes only in the copy and /dev/shm, named sockets of the machine can be reached",
        )
    if ready.get("mode") != NAMESPACES:
        return Isolation(
            NONE,
            f"no isolation ({ready.get('refused')}; {ready.get('no_fence')}): "
            "the tests ran with your full rights on a copy",
        )
    home = "home hidden" if ready.get("home_hidden") else "home visible, as it is the workspace"
    return Isolation(
        NAMESPACES,
        f"namespaces, overlay, {filtered}: {home}, "
        "no network but its own localhost, writes discarded",
    )


def blocked(level: str, detail: str) -> str:
    """Which isolation, if any, a failure looks like; a guess from what it says, in a few words."""
    for pattern, words in (*BLOCKED.get(level, ()), *EVERYWHERE):
        if re.search(pattern, detail, re.MULTILINE):
            return words
    return ""
