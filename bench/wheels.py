"""The Python files of published wheels, downloaded by pip once and kept in the cache folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import platformdirs

RELEASES: Final = {
    "django": "django==5.2.8",
    "sympy": "sympy==1.14.0",
    "homeassistant": "homeassistant==2024.3.3",
}
"""The releases that the numbers in this repository were measured on."""


def unpacked(name: str, folder: Path) -> Path:
    """The package as a folder in `folder`, ready to be changed."""
    kept = platformdirs.user_cache_path("trueup") / "packages"
    kept.mkdir(parents=True, exist_ok=True)
    if not list(kept.glob(f"{name}-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", RELEASES[name]]
        subprocess.run([*command, "--dest", str(kept)], check=True)
    with zipfile.ZipFile(next(iter(kept.glob(f"{name}-*.whl")))) as wheel:
        wheel.extractall(folder)
    return folder / name
