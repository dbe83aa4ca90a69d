"""The Pythons of this machine that a project may have, each with pytest in an environment.

Knows where they are usually found. One that is not here is unknown: it is named, never assumed.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

SUPPORTED: Final = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def found() -> dict[str, Path]:
    """An interpreter by version, of those that this machine has."""
    pythons: dict[str, Path] = {}
    for version in SUPPORTED:
        pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        if pyenv:
            pythons[version] = pyenv[-1]
        elif named := shutil.which(f"python{version}"):
            pythons[version] = Path(named)
    pythons.setdefault(f"{sys.version_info.major}.{sys.version_info.minor}", Path(sys.executable))
    return pythons


def missing() -> tuple[str, ...]:
    return tuple(version for version in SUPPORTED if version not in found())


def environment(version: str, cache: Path) -> Path:
    """The interpreter of an environment with pytest, in `cache`; seconds at first, then instant."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"python-{version}"
    with (cache / f"python-{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            python = folder / "bin" / "python"
            subprocess.run([found()[version], "-m", "venv", str(folder)], check=True, timeout=120)
            install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*install, "pytest"], check=True, timeout=300)
            (folder / "ready").touch()
    return folder / "bin" / "python"
