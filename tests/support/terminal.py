"""Runs `trueup` at a terminal of its own and types the first argument: for questions that need one.

python terminal.py ANSWER ARGUMENT...
"""

from __future__ import annotations

import os
import pty
import signal
import sys


def main() -> None:
    answer, arguments = sys.argv[1], sys.argv[2:]
    # A suite in the background inherits an ignored SIGINT; a shell at a terminal passes none on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    typed = [b"\x03" if answer == "^C" else f"{answer}\n".encode()]

    def read_screen(descriptor: int) -> bytes:
        shown = os.read(descriptor, 4096)
        if b"]: " in shown and typed:
            os.write(descriptor, typed.pop())
        return shown

    status = pty.spawn([sys.executable, "-m", "trueup", *arguments], read_screen)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
