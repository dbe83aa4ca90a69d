"""Noticing that the editor is gone, at once where the kernel says so and soon where it does not."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Final

PARENT_SECONDS: Final = 2.0
"""How often it is looked whether the editor still lives, where the kernel does not say."""


class Parent:
    """The process that an editor says it is; `gone` is called once, on the loop, when it ended."""

    def __init__(self, process: int, gone: Callable[[], None]) -> None:
        self._process, self._gone = process, gone
        self._loop = asyncio.get_running_loop()
        try:
            self._handle = os.pidfd_open(process)
        except ProcessLookupError:
            self._loop.call_soon(gone)
        except (OSError, AttributeError):
            # An older kernel, or none of Linux.
            self._look()
        else:
            self._loop.add_reader(self._handle, self._ended)

    def _ended(self) -> None:
        self._loop.remove_reader(self._handle)
        os.close(self._handle)
        self._gone()

    def _look(self) -> None:
        with contextlib.suppress(PermissionError):
            try:
                os.kill(self._process, 0)
            except ProcessLookupError:
                self._gone()
                return
        self._loop.call_later(PARENT_SECONDS, self._look)


def watch(process: object, gone: Callable[[], None]) -> None:
    """Watch what a client gave as its process id; what cannot be one is not watched.

    0 and negative numbers name groups of processes to the kernel, ours among them.
    """
    if isinstance(process, int) and not isinstance(process, bool) and 0 < process < 1 << 31:
        Parent(process, gone)
