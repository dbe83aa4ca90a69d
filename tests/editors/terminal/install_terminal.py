"""Real editors of the terminal for the tests, from Debian's next release, in a folder of their own.

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
EDITORS: Final = ("nvim", "hx", "emacs")
PACKAGES: Final = (
    "libacl1", "libasound2t64", "libattr1", "libc6", "libdbus-1-3", "libffi8", "libgcc-s1",
    "libgccjit15", "libgmp10", "libgnutls30t64", "libgpm2", "libhogweed6t64", "libidn2-0",
    "libisl23", "liblcms2-2", "libluajit-5.1-2", "libluajit-5.1-common", "libmpc3", "libmpfr6",
    "libnettle8t64", "libp11-kit0", "libpcre2-8-0", "libselinux1", "libsqlite3-0", "libstdc++6",
    "libsystemd0", "libtasn1-6", "libtinfo6", "libtree-sitter0.26", "libunibilium4",
    "libunistring5", "libutf8proc3", "libuv1t64", "libxml2-16", "libzstd1", "lua-lpeg", "lua-luv",
    "zlib1g",
    "emacs-bin-common", "emacs-common", "emacs-el", "emacs-nox", "hx", "neovim", "neovim-runtime",
)  # fmt: skip
INSTALL_SECONDS: Final = 300
_LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"
_START: Final = """#!/bin/sh
export VIMRUNTIME="{root}/usr/share/nvim/runtime"
emacs=$(echo "{root}"/usr/share/emacs/[0-9]*) inside=$(echo "{root}"/usr/libexec/emacs/*/*-gnu)
export EMACSLOADPATH="$emacs/lisp" EMACSDATA="$emacs/etc" EMACSPATH="$inside"
[ {name} = emacs ] && set -- --dump-file="$(echo "$inside"/*.pdmp)" "$@"
exec "{root}/usr/lib64/ld-linux-x86-64.so.2" --library-path "{root}/{libraries}" \
  --argv0 {name} "{root}/usr/bin/{program}" "$@"
"""


def install(cache: Path | None = None) -> Path:
    """The folder with EDITORS in it: half a minute at first, then at once.

    Safe to call from several processes at once. Raises CalledProcessError.
    """
    cache = cache or platformdirs.user_cache_path("trueup-tests")
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"terminal-{SUITE}"
    with (cache / "terminal.lock").open("w") as lock:
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
    for name in EDITORS:
        program = "emacs-nox" if name == "emacs" else name
        start = folder / name
        start.write_text(_START.format(root=root, libraries=_LIBRARIES, name=name, program=program))
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
