"""What the user did with a suggestion, written to the trace of the job that first made it.

A trace that is not there is nothing to tell anybody: when it could not be kept, that was said.
"""

from __future__ import annotations

import asyncio
from typing import Final

from trueup.operations.tracestore import TraceStore
from trueup.settings import Settings

APPLIED: Final = "applied"
KEPT: Final = "kept"
"""Applied, and its pinned test with it."""
REJECTED: Final = "rejected"
UNDONE: Final = "undone"
"""Applied, and taken back later."""
DISMISSED: Final = "dismissed"
"""Neither taken nor refused: the question was closed, or the client cannot ask."""


async def note(settings: Settings, trace: str, said: str) -> None:
    """Add `said` to that trace; "" names none."""
    if trace:
        await asyncio.to_thread(TraceStore(settings.traces).answer, trace, said)
