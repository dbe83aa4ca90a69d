"""Which files an edit may touch: the lists, and how a path is compared with them.

A file that executes on its own, or that says what is executed, is worth more to an attacker than
any line of the program, so no candidate edits it however good its verdict would be. Names are
compared as the most forgiving file system would compare them: compatibility characters replaced,
case folded. Whatever is written so that two readers could disagree about it (escapes, short names,
invisible characters, trailing dots) is refused as it stands, and so is what lies behind a link.

Knows names and links. Does not know goals: who may do what all the same is for `verify.scope`.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from trueup.guards.characters import is_hidden

GIT: Final = ".git"

DENIED_FOLDERS: Final = frozenset(
    {
        ".agents", ".aider", ".azuredevops", ".buildkite", ".circleci", ".claude", ".codex",
        ".continue", ".cursor", ".devcontainer", ".fleet", ".gemini", GIT, ".gitea", ".github",
        ".gitlab", ".hg", ".husky", ".idea", ".jj", ".nova", ".nvim", ".ssh", ".svn", ".teamcity",
        ".trueup", ".venv", ".vs", ".vscode", ".windsurf", ".woodpecker", ".zed", "__pycache__",
        "node_modules", "site-packages",
    }
)  # fmt: skip
"""Folders of tools: what lies in them is run or obeyed without anybody asking."""

DENIED_FILES: Final = (
    # Shells, and what they read when they start or enter a folder.
    ".bash*", ".zsh*", ".profile", ".login", ".envrc", ".env", ".env.*", "*.env", "*.sh", "*.bash",
    "*.zsh", "*.fish", "*.bat", "*.cmd", "*.ps1",
    # Python, when it starts.
    "*.pth", "sitecustomize.py", "usercustomize.py", "pyvenv.cfg", "*.pyc", "*.so", "*.pyd",
    "*.dylib", "*.dll",
    # Editors and assistants.
    "*.code-workspace", ".editorconfig", ".exrc", ".nvimrc", ".nvim.lua", ".vimrc", ".mcp.json",
    "mcp.json", "agents.md", "claude.md", "gemini.md", ".cursorrules", ".cursorignore",
    ".windsurfrules", ".clinerules", ".aider*", ".trueupignore",
    # Builds, hooks and pipelines.
    "makefile", "gnumakefile", "*.mk", "justfile", ".justfile", "taskfile.y*ml", "noxfile.py",
    "fabfile.py", "dodo.py", "sconstruct", "wscript", "tox.ini", "dockerfile", "*.dockerfile",
    "containerfile", "docker-compose*.y*ml", "compose*.y*ml", "jenkinsfile", ".gitlab-ci.y*ml",
    ".travis.y*ml", "appveyor.y*ml", "azure-pipelines.y*ml", "bitbucket-pipelines.y*ml",
    ".pre-commit-config.yaml", ".pre-commit-hooks.yaml", ".gitattributes", ".gitmodules",
    ".gitconfig", ".gitignore", "package.json", ".npmrc", ".yarnrc*", ".pnpmfile.cjs",
    # Keys and accounts.
    ".netrc", "_netrc", ".pypirc", ".git-credentials", "id_rsa", "id_rsa.*", "id_ed25519",
    "id_ed25519.*", "id_ecdsa", "id_ecdsa.*", "id_dsa", "id_dsa.*", "*.pem", "*.key", "*.p12",
    "*.pfx", "credentials", "credentials.json", "*.tfstate",
)  # fmt: skip
"""Patterns of names, in lower case: files that execute, configure or hold keys."""

CONFIRMED_FILES: Final = (
    "conftest.py", "setup.py", "setup.cfg", "pyproject.toml", "pytest.ini", ".pytest.ini",
    "pytest.toml", ".pytest.toml", ".coveragerc", "mypy.ini", ".mypy.ini", ".flake8", ".pylintrc",
    "pylintrc", "ruff.toml", ".ruff.toml", "pyrightconfig.json", "requirements*.txt",
    "requirements*.in", "constraints*.txt", "*.lock", "pylock*.toml", "pipfile", "manifest.in",
    "hatch.toml", "hatch_build.py", ".importlinter", "tach.toml",
)  # fmt: skip
"""Patterns of names of files that say how a project is built or judged: a person may mean it."""

_SHORT_NAME: Final = re.compile(r"~\d+(?:\.|$)")
_DRIVE: Final = re.compile(r"[A-Za-z]:")


class Permission(StrEnum):
    ALLOWED = "allowed"
    CONFIRM = "confirm"
    """Only where the user pointed at this very file, and says so again."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ruling:
    """`says` completes "it edits PATH, …"; "" where it is allowed."""

    permission: Permission
    says: str = ""


ALLOWED: Final = Ruling(Permission.ALLOWED)
OUTSIDE: Final = Ruling(Permission.REFUSED, "which lies outside the workspace")
LINK: Final = Ruling(Permission.REFUSED, "which is a link")
GITS: Final = Ruling(Permission.REFUSED, "which belongs to git")
EXECUTES: Final = Ruling(Permission.REFUSED, "which executes or configures")
JUDGES: Final = Ruling(Permission.CONFIRM, "which says how the project is built or judged")


def ruling(root: str, path: str) -> Ruling:
    """What may be done about a path of the workspace, as a candidate writes it."""
    return where(root, path) or by_name(path)


def where(root: str, path: str) -> Ruling | None:
    """Why nobody may edit what this path leads to, be it whose it may; None where one may."""
    if path.startswith(("/", "\\", "~")) or _DRIVE.match(path):
        return OUTSIDE
    if ".." in re.split(r"[/\\]", path):
        return OUTSIDE
    if problem := _ambiguous(path):
        return Ruling(Permission.REFUSED, problem)
    if GIT in _folded(path):
        return GITS
    return _behind_link(Path(root), path)


def by_name(path: str) -> Ruling:
    """What the names of a path say about it, wherever it lies."""
    *folders, name = _folded(path) or [""]
    if DENIED_FOLDERS & {*folders, name} or _matches(name, DENIED_FILES):
        return EXECUTES
    return JUDGES if _matches(name, CONFIRMED_FILES) else ALLOWED


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _folded(path: str) -> list[str]:
    """The components as the most forgiving file system would compare them."""
    whole = unicodedata.normalize("NFKC", path).casefold()
    return [part for part in whole.split("/") if part not in {"", "."}]


def _ambiguous(path: str) -> str:
    """What about the spelling two readers could disagree about, or ""."""
    parts = [part for part in path.split("/") if part != "."]
    if not any(parts):
        return "which is no path of a file"
    if any(is_hidden(character) or character in "\t\n\r\f" for character in path):
        return "whose name holds characters that cannot be seen"
    if "\\" in path or ":" in path:
        return "whose name other systems read as a path of its own"
    if unquote(path) != path:
        return "whose name is written with escapes"
    if any(part != part.rstrip(". ") for part in parts):
        return "whose name ends in a dot or a space"
    if any(_SHORT_NAME.search(part) for part in parts):
        return "whose name may be short for another one"
    normal = unicodedata.normalize("NFKC", path)
    if normal.count("/") != path.count("/") or ".." in normal.split("/"):
        return "whose name holds characters that look like a part of a path"
    return ""


def _behind_link(root: Path, path: str) -> Ruling | None:
    """Whether a component is a link, or the file has another name elsewhere."""
    place = root
    parts = [part for part in path.split("/") if part not in {"", "."}]
    for number, part in enumerate(parts, 1):
        place /= part
        try:
            status = os.lstat(place)
        except FileNotFoundError:
            return None  # Neither it nor what would be below it exists yet.
        except OSError:
            return OUTSIDE
        kind = status.st_mode
        if stat.S_ISLNK(kind):
            inside = Path(os.path.realpath(place)).is_relative_to(os.path.realpath(root))
            return LINK if inside else OUTSIDE
        if number < len(parts):
            if not stat.S_ISDIR(kind):
                return OUTSIDE
        elif not stat.S_ISREG(kind):
            return Ruling(Permission.REFUSED, "which is not a file")
        elif status.st_nlink > 1:
            return LINK
    return None
