"""Runs a command under supervision: every program that it or its children start, every connection.

The kernel asks before each of these system calls (seccomp's user notification, seccomp_unotify(2))
and is always told to go on; what it asked about is written down. Unlike a tracer this needs no
other program and slows down nothing else, and unlike a hook inside Python it sees all processes.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import os
import platform
import select
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Numbers of execve, execveat, connect, sendto, and seccomp itself; AUDIT_ARCH_*.
_SYSTEMS: Final = {
    "x86_64": ((59, 322, 42, 44), 317, 0xC000003E),
    "aarch64": ((221, 281, 203, 206), 277, 0xC00000B7),
}
CALLS, SECCOMP, ARCHITECTURE = _SYSTEMS[platform.machine()]
EXECVE, EXECVEAT, CONNECT, SENDTO = CALLS

_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1
_NOTIFICATION: Final = struct.Struct("=QII iIQ6Q")
_RESPONSE: Final = struct.Struct("=QqiI")


@dataclass(frozen=True, slots=True)
class Start:
    """A program that was started: its path, as it was asked for."""

    path: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Where somebody connected or sent a datagram to."""

    address: str
    port: int


@dataclass
class Log:
    """What happened; the command line to be run is `launcher`, followed by the command itself."""

    launcher: tuple[str, ...]
    starts: list[Start] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    def foreign(self, *own: str) -> set[str]:
        """Programs that are none of `own`, links resolved."""
        known = {os.path.realpath(path) for path in own}
        return {item.path for item in self.starts if os.path.realpath(item.path) not in known}


@contextmanager
def supervised() -> Iterator[Log]:
    """A log of everything that is started through its launcher."""
    with tempfile.TemporaryDirectory() as folder:
        door = str(Path(folder, "door"))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(door)
            listening.listen()
            log = Log((sys.executable, "-P", __file__, door))
            over = threading.Event()
            thread = threading.Thread(target=_supervise, args=(listening, log, over), daemon=True)
            thread.start()
            try:
                yield log
            finally:
                over.set()
                thread.join(10)


def _supervise(listening: socket.socket, log: Log, over: threading.Event) -> None:
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    listeners: set[int] = set()
    while not over.is_set():
        for descriptor, event in poll.poll(50):
            if descriptor == listening.fileno():
                connection, _ = listening.accept()
                with connection:
                    _, passed, _, _ = socket.recv_fds(connection, 1, 1)
                    connection.sendall(b"!")
                listeners.add(passed[0])
                poll.register(passed[0], select.POLLIN)
            elif event & select.POLLIN:
                _let_go_on(descriptor, log)
            else:
                # Nobody is left who could ask.
                poll.unregister(descriptor)
                os.close(descriptor)
                listeners.discard(descriptor)
    for descriptor in listeners:
        os.close(descriptor)


def _let_go_on(listener: int, log: Log) -> None:
    asked = array.array("B", bytes(_NOTIFICATION.size))
    try:
        fcntl.ioctl(listener, _RECEIVE, asked)
    except OSError:
        return  # Who asked is gone.
    identity, process, _, number, _, _, *arguments = _NOTIFICATION.unpack(asked.tobytes())
    _note(log, process, number, arguments)
    answer = array.array("B", _RESPONSE.pack(identity, 0, 0, _CONTINUE))
    try:
        fcntl.ioctl(listener, _SEND, answer)
    except OSError:
        return


def _note(log: Log, process: int, number: int, arguments: list[int]) -> None:
    if number in {EXECVE, EXECVEAT}:
        raw = _memory(process, arguments[0 if number == EXECVE else 1], 4096)
        log.starts.append(Start(os.fsdecode(raw.partition(b"\0")[0])))
        return
    place, length = (arguments[1], arguments[2]) if number == CONNECT else arguments[4:6]
    if not place:
        return  # On a socket that is connected already.
    raw = _memory(process, place, min(length, 128))
    family = int.from_bytes(raw[:2], sys.byteorder)
    if family == socket.AF_INET:
        address = socket.inet_ntop(socket.AF_INET, raw[4:8])
    elif family == socket.AF_INET6:
        address = socket.inet_ntop(socket.AF_INET6, raw[8:24])
    else:
        return
    log.connections.append(Connection(address, int.from_bytes(raw[2:4], "big")))


def _memory(process: int, place: int, length: int) -> bytes:
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        memory.seek(place)
        # Up to the end of its page first, behind which there may be nothing.
        raw = memory.read(min(length, 4096 - place % 4096)) or b""
        with contextlib.suppress(OSError):
            raw += memory.read(length - len(raw)) or b""
        return raw


def _program() -> bytes:
    step = struct.Struct("<HBBI").pack
    load, equal, answer = 0x20, 0x15, 0x06
    notify, allow = 0x7FC00000, 0x7FFF0000
    lines = [step(load, 0, 0, 4), step(equal, 1, 0, ARCHITECTURE), step(answer, 0, 0, allow)]
    lines.append(step(load, 0, 0, 0))
    for number in CALLS:
        lines += [step(equal, 0, 1, number), step(answer, 0, 0, notify)]
    return b"".join((*lines, step(answer, 0, 0, allow)))


def launch(door: str, command: list[str]) -> None:
    """Ask before each such call from here on, and become the command."""
    with socket.socket(socket.AF_UNIX) as supervisor:
        supervisor.connect(door)
        libc = ctypes.CDLL(None, use_errno=True)
        program = _program()
        buffer = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
        if libc.prctl(38, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs")
        mode_filter, new_listener = 1, 8
        listener = libc.syscall(SECCOMP, mode_filter, new_listener, ctypes.c_char_p(header))
        if listener < 0:
            raise OSError(ctypes.get_errno(), "seccomp")
        socket.send_fds(supervisor, [b"!"], [listener])
        supervisor.recv(1)
        os.close(listener)
    os.execv(command[0], command)  # noqa: S606 - the tests' own command


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2:])
