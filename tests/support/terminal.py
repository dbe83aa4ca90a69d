"""Runs `trueup` at a terminal of its own and types the first argument: for questions that need one.

python terminal.py ANSWER ARGUMENT...
"""

from __future__ import annotations

import os
import pty
import signal
import sys
from contextlib import suppress
from threading import Event, Thread


def main() -> None:
    answer, arguments = sys.argv[1], sys.argv[2:]
    # A suite in the background inherits an ignored SIGINT; a shell at a terminal passes none on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    typed = [b"\x03" if answer == "^C" else f"{answer}\n".encode()]

    def press(descriptor: int, key: bytes) -> None:
        os.write(descriptor, key)
        # A signal between the prompt and the read that follows it is noticed when that returns:
        # whoever sees nothing happen presses again.
        while answer == "^C" and not ended.wait(0.5):
            with suppress(OSError):
                os.write(descriptor, key)

    def read_screen(descriptor: int) -> bytes:
        shown = os.read(descriptor, 4096)
        if b"]: " in shown and typed:
            Thread(target=press, args=(descriptor, typed.pop()), daemon=True).start()
        return shown

    ended = Event()
    status = pty.spawn([sys.executable, "-m", "trueup", *arguments], read_screen)
    ended.set()
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
