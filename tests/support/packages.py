"""Real published packages, as projects with a virtual environment of their own.

Knows how to turn an sdist into a workspace: download, unpack, `.venv`, editable install, and what
that project's tests need. What was prepared once stays in the cache folder; the folder of a
half-finished attempt is thrown away by the next one.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

TEST_REQUIREMENTS: Final = {
    # Its tests make errors of warnings, and give pytest what pytest 9.1 warns of.
    "click": ("pytest<9",),
    "jinja2": ("pytest", "trio"),
    "marshmallow": ("pytest", "simplejson"),
    "tomlkit": ("pytest", "pyyaml"),
}
"""What the tests import and the package does not require, from each project's own lists."""

VERSIONS: Final = {
    "cachetools": "5.5.2",
    "click": "8.1.8",
    "jinja2": "3.1.6",
    "marshmallow": "4.4.0",
    "tomlkit": "0.15.2",
}
"""The releases that the numbers in this repository were measured on."""


@dataclass(frozen=True, slots=True)
class Package:
    """An unpacked sdist, and the interpreter of its own virtual environment."""

    root: Path
    interpreter: Path


class PackageUnavailableError(Exception):
    """The package could not be downloaded or installed; says what pip said."""


def prepare(name: str, version: str, cache: Path, extra: tuple[str, ...] = ()) -> Package:
    """The sdist of `name` as a project with its tests, in `cache`; seconds at first, then instant.

    `extra` are more requirements, for an environment that is not the one without them.
    Safe to call from several processes at once. Raises PackageUnavailableError.
    """
    cache.mkdir(parents=True, exist_ok=True)
    wanted = (*TEST_REQUIREMENTS.get(name, ("pytest",)), *extra)
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"{name}-{version}-{python}-{sha256(repr(wanted).encode()).hexdigest()[:8]}"
    package = Package(folder / "project", folder / "project" / ".venv" / "bin" / "python")
    ready = folder / "ready"
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _unpack(_download(name, version, folder), package.root)
            _install(package, wanted)
            ready.touch()
    return package


def _download(name: str, version: str, folder: Path) -> Path:
    _pip(
        sys.executable, "download", "--no-binary", ":all:", "--no-deps", "--dest", str(folder),
        f"{name}=={version}",
    )  # fmt: skip
    return next(folder.glob("*.tar.gz"))


def _unpack(archive: Path, root: Path) -> None:
    with tarfile.open(archive) as sdist:
        sdist.extractall(root.parent, filter="data")
    archive.unlink()
    next(path for path in root.parent.iterdir() if path.is_dir()).rename(root)


def _install(package: Package, wanted: tuple[str, ...]) -> None:
    venv = package.interpreter.parent.parent
    _checked([sys.executable, "-m", "venv", str(venv)])
    _pip(str(package.interpreter), "install", "--editable", str(package.root), *wanted)


def _pip(interpreter: str, *arguments: str) -> None:
    _checked([interpreter, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments])


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PackageUnavailableError(f"{' '.join(command[:4])}: {said[-1] if said else 'failed'}")
