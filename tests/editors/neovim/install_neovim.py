"""A real Neovim for the tests: the one of Debian's next release, in a folder of its own.

Everything comes from the mirror that this machine's apt already uses, with the signatures that apt
checks; nothing outside of the cache changes and nobody has to be root. The programs run with the C
library that they came with, and what they start runs with the machine's own.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import platformdirs

SUITE: Final = "forky"
PACKAGES: Final = (
    "libc6", "libgcc-s1", "libluajit-5.1-2", "libluajit-5.1-common", "libstdc++6",
    "libtree-sitter0.26", "libunibilium4", "libutf8proc3", "libuv1t64", "lua-lpeg", "lua-luv",
    "hx", "neovim", "neovim-runtime",
)  # fmt: skip
INSTALL_SECONDS: Final = 300
_LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"
_START: Final = """#!/bin/sh
export VIMRUNTIME="{root}/usr/share/nvim/runtime"
exec "{root}/usr/lib64/ld-linux-x86-64.so.2" --library-path "{root}/{libraries}" \
--argv0 {name} "{root}/usr/bin/{name}" "$@"
"""


def install(cache: Path | None = None) -> Path:
    """The folder with `nvim` and `hx` in it: ten seconds at first, then at once.

    Safe to call from several processes at once. Raises CalledProcessError.
    """
    cache = cache or platformdirs.user_cache_path("trueup-tests")
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"neovim-{SUITE}"
    with (cache / "neovim.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            (folder / "complete").touch()
    return folder


def _install(folder: Path) -> None:
    root, apt, packed = folder / "root", folder / "apt", folder / "packages"
    for made in (root, packed, apt / "lists" / "partial", apt / "archives" / "partial"):
        made.mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(
        f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {_mirror()} {SUITE} main\n"
    )
    options = [
        f"-oDir::Etc::sourcelist={apt}/sources.list",
        "-oDir::Etc::sourceparts=-",
        f"-oDir::State={apt}",
        f"-oDir::State::status={apt}/status",
        f"-oDir::Cache={apt}",
        "-oAPT::Sandbox::User=root" if os.geteuid() == 0 else "-oDebug::NoLocking=1",
    ]
    _run("apt-get", *options, "-qq", "update", folder=packed)
    _run("apt-get", *options, "-qq", "download", *PACKAGES, folder=packed)
    for package in sorted(packed.glob("*.deb")):
        _run("dpkg", "-x", str(package), str(root), folder=packed)
    for name in ("nvim", "hx"):
        start = folder / name
        start.write_text(_START.format(root=root, libraries=_LIBRARIES, name=name))
        start.chmod(0o755)
    shutil.rmtree(packed)


def _mirror() -> str:
    """Where this machine's apt finds Debian."""
    for source in sorted(Path("/etc/apt").glob("sources.list*")) + sorted(
        Path("/etc/apt/sources.list.d").glob("*")
    ):
        if source.is_file() and (
            found := re.search(r"(https?://\S+/debian)/?\s", source.read_text("utf-8"))
        ):
            return found[1]
    return "http://deb.debian.org/debian"


def _run(*command: str, folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
