"""Machines that refuse parts of the isolation, and what is said on them.

A real refusal each: the interpreter is started under a filter that denies system calls.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from pathlib import Path

REFUSED = {
    "unshare": (
        (272,),
        (
            "a copy behind a Landlock fence, seccomp (no namespaces: user namespaces refused: "
            "EPERM): home and the original workspace cannot be read, no network, not "
            "even its own localhost, writes only in the copy and /dev/shm, named sockets of "
            "the machine can be reached"
        ),
    ),
    "unshare and landlock": (
        (272, 444),
        (
            "no isolation (user namespaces refused: EPERM; Landlock refused: ENOSYS): "
            "the tests ran with your full rights on a copy"
        ),
    ),
    "mounts": (
        (165,),
        (
            "a copy behind a Landlock fence, seccomp (no namespaces: mount none on / refused: "
            "EPERM): home and the original workspace cannot be read, no network, not "
            "even its own localhost, writes only in the copy and /dev/shm, named sockets of "
            "the machine can be reached"
        ),
    ),
    "seccomp": (
        ((157, 22),),
        (
            "namespaces, overlay, no seccomp filter: home hidden, no network but its own "
            "localhost, writes discarded"
        ),
    ),
    "unshare and seccomp": (
        (272, (157, 22)),
        (
            "a copy behind a Landlock fence, no seccomp filter (no namespaces: user namespaces "
            "refused: EPERM): home and the original workspace cannot be read, the network is open, "
            "writes only in the copy and /dev/shm, named sockets of the machine can be reached"
        ),
    ),
}
"""The system calls that a machine refuses, and what is said then."""


def lesser_machine(python: Path, folder: Path, calls: Sequence[int | tuple[int, int]]) -> Path:
    """`python` on a machine whose kernel refuses `calls`: numbers, or with a first argument."""
    denied, wrapper = folder / "denied.py", folder / "python"
    denied.write_text(REFUSE % _filter(calls))
    wrapper.write_text(f'#!/bin/sh\nexec {python} -I {denied} {python} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def _filter(calls: Sequence[int | tuple[int, int]]) -> bytes:
    load_number, load_argument, refuse = (0x20, 0, 0, 0), (0x20, 0, 0, 16), (0x06, 0, 0, 0x00050001)
    steps: list[tuple[int, int, int, int]] = []
    for call in calls:
        if isinstance(call, int):
            steps += [load_number, (0x15, 0, 1, call), refuse]
        else:
            number, argument = call
            steps += [
                load_number, (0x15, 0, 3, number), load_argument, (0x15, 0, 1, argument), refuse,
            ]  # fmt: skip
    return b"".join(struct.pack("<HBBI", *step) for step in (*steps, (0x06, 0, 0, 0x7FFF0000)))


REFUSE = """
import ctypes, os, struct, sys
program = %r
buffer = ctypes.create_string_buffer(program, len(program))
header = ctypes.create_string_buffer(
    struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer)), 16)
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(header), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
assert ctypes.sizeof(ctypes.c_void_p) == 8
