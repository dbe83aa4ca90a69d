"""Files that a project does not want to be shown to anybody.

Read from `.gitignore` and `.trueupignore` of the workspace and of every folder on the way to a
file, with git's own meaning of the patterns; beside them, files whose name says that they hold
keys. Ignored files are edited and tested as any other; no model is shown their text.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

from pathspec import GitIgnoreSpec

from trueup import InputError
from trueup.guards import beneath

IGNORE_FILES: Final = (".trueupignore", ".gitignore")
IGNORE_BYTES_MAX: Final = 1 << 20

KEY_FILES: Final = (
    ".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore",
    "*.kdbx", "id_rsa*", "id_ed25519*", "id_ecdsa*", "id_dsa*", ".netrc", "_netrc", ".pypirc",
    ".npmrc", ".git-credentials", ".htpasswd", ".pgpass", "credentials", "credentials.*",
    "*.tfstate", "*.tfstate.*", "*.tfvars", "kubeconfig", "service-account*.json",
    "service_account*.json",
)  # fmt: skip
"""Patterns of names, in lower case."""


def why_private(root: str, path: str) -> str:
    """Why no model is shown this file, as the end of a sentence about it; "" where it may be."""
    name = PurePosixPath(path).name.casefold()
    if any(fnmatchcase(name, pattern) for pattern in KEY_FILES):
        return "files with such names hold keys"
    parts = PurePosixPath(path).parts
    for file in IGNORE_FILES:
        verdict, named = False, ""
        for depth in range(len(parts)):
            folder = "/".join(parts[:depth])
            lines = _lines(root, f"{folder}/{file}" if folder else file)
            if not lines:
                continue
            found = GitIgnoreSpec.from_lines(lines).check_file("/".join(parts[depth:]))
            if found.include is not None:
                # A deeper file has the last word, as it has with git.
                verdict, named = found.include, f"{folder}/{file}" if folder else file
        if verdict:
            return f"{named} ignores it"
    return ""


def _lines(root: str, path: str) -> list[str]:
    try:
        return beneath.read(root, path, IGNORE_BYTES_MAX).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, InputError):
        # One that cannot be read protects as much as it can: what is below it is not shown.
        return ["*"] if Path(root, path).exists() else []
