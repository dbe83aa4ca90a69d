"""A real Helix in a terminal of our own: keys go in, and what is read is its screen."""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyte

COLUMNS: Final = 170
LINES: Final = 30
ANSWER_SECONDS: Final = 60.0
_LANGUAGES: Final = """
[language-server.trueup]
command = {command}
args = ["-m", "trueup", "serve"]
timeout = 120

[language-server.trueup.config]
settings = {{ interpreter = {interpreter} }}

[[language]]
name = "python"
language-servers = ["trueup"]
"""


class _Screen(pyte.Screen):
    """A screen that takes what only terminals newer than it know, and does nothing about it."""

    def report_device_status(self, mode: int, *, private: bool = False) -> None:
        if not private:
            super().report_device_status(mode)

    def restore_cursor(self, *_: int, private: bool = False) -> None:
        if not private:
            super().restore_cursor()


class Helix:
    """One running Helix."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._screen = _Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        # Helix asks its terminal what it is, and waits for the answer.
        self._screen.write_process_input = self._told

    def _told(self, answer: str) -> None:
        os.write(self._terminal, answer.encode())

    @property
    def screen(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def until(self, words: str, *, gone: bool = False) -> None:
        """Wait until the screen has these words, or has them no more."""
        until = time.monotonic() + ANSWER_SECONDS
        while (words in self.screen) is gone:
            left = until - time.monotonic()
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, left))
            assert ready, f"{words}:\n{self.screen}"
            self._stream.feed(os.read(self._terminal, 1 << 16))

    def keys(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())


@contextmanager
def helix(
    program: Path, file: Path, environment: Mapping[str, str], interpreter: Path
) -> Iterator[Helix]:
    """A Helix with our server for Python and one file open; it ends with the block."""
    folder = Path(environment["XDG_CONFIG_HOME"], "helix")
    folder.mkdir()
    quoted = {"command": json.dumps(sys.executable), "interpreter": json.dumps(str(interpreter))}
    (folder / "languages.toml").write_text(_LANGUAGES.format(**quoted))
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen(
        [str(program), str(file)],
        cwd=file.parent,
        env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield Helix(ours)
        finally:
            process.terminate()
            process.wait(20)
            os.close(ours)
