"""StyLua for the tests: compiled for node and locked beside this file, so that nothing is built."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

import platformdirs

HERE: Final = Path(__file__).parent
SCRIPTS: Final = Path(sys.executable).parent
INSTALL_SECONDS: Final = 120
FORMAT_SECONDS: Final = 60


def _environment() -> dict[str, str]:
    """Ours, with the node of our own environment before any other."""
    return os.environ | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}


def install(cache: Path | None = None) -> Path:
    """The folder of the library; a few seconds at first. Raises CalledProcessError."""
    cache = cache or platformdirs.user_cache_path("trueup-tests")
    cache.mkdir(parents=True, exist_ok=True)
    locked = (HERE / "package-lock.json").read_bytes()
    folder = cache / f"stylua-{sha256(locked).hexdigest()[:12]}"
    with (cache / "stylua.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(HERE / name, folder)
            command = ("npm", "ci", "--loglevel=error")
            subprocess.run(
                command, cwd=folder, env=_environment(), check=True, timeout=INSTALL_SECONDS
            )
            (folder / "complete").touch()
    return folder / "node_modules" / "@johnnymorganz" / "stylua"


def unformatted(folder: Path) -> list[str]:
    """Lua files below `folder` that StyLua would write otherwise, by its `stylua.toml`."""
    library = install() / "stylua_lib_node.cjs"
    files = [str(path) for path in sorted(folder.rglob("*.lua"))]
    script, settings = HERE / "stylua.cjs", folder / "stylua.toml"
    done = subprocess.run(
        ["node", str(script), str(library), str(settings), *files],
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=FORMAT_SECONDS,
    )
    return done.stdout.split()
