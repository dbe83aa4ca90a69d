"""How many do something at the same time, and that they come in the order in which they asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

JOBS_AT_ONCE: Final = 8
"""Jobs of one engine that are worked on; the others wait. One that waits for its user counts."""

JOBS_MAX: Final = 256
"""Jobs of one engine, those that wait included; more are declined."""


@dataclass
class Turns:
    """A number of places, by name and size; whoever finds none waits in line."""

    _lines: dict[tuple[str, int], asyncio.Semaphore] = field(default_factory=dict)

    @asynccontextmanager
    async def take(
        self, name: str, places: float, waits: Callable[[], None] = lambda: None
    ) -> AsyncIterator[None]:
        """Hold a place; `waits` is called where there is none at once."""
        size = max(1, int(places))
        # `asyncio.Semaphore` wakes whoever waits in the order in which they came.
        line = self._lines.setdefault((name, size), asyncio.Semaphore(size))
        if line.locked():
            waits()
        async with line:
            yield
