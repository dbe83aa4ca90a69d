"""What happened, for a side bar: the latest suggestions of this workspace, and one trace in full.

Reads what the engine wrote down; the text of a trace is that of `trueup trace show`, word for word,
because it is asked of that command.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from trueup import InputError, settings
from trueup.files import write_atomically
from trueup.memory.hidden import one_line
from trueup.operations.prices import NANO
from trueup.operations.trace import Text, Trace
from trueup.operations.tracepage import page
from trueup.operations.tracestore import Broken, TraceStore

LISTED: Final = 50
"""Suggestions that are listed where the client does not say how many."""
LISTED_MAX: Final = 500
"""Suggestions of one list, whatever the client asks for."""
LOOKED_AT_MAX: Final = 2_000
"""Traces that are read for one list; they are those of all workspaces."""
SHOW_SECONDS: Final = 20.0
"""Wall time of the command that shows a trace."""
SHOW_COLUMNS: Final = 100


def suggestions(
    store: TraceStore, roots: tuple[str, ...], limit: object
) -> list[dict[str, object]]:
    """The latest suggestions under `roots`, newest first; a trace that is damaged is none."""
    wanted = LISTED if isinstance(limit, bool) or not isinstance(limit, int) else limit
    wanted = max(0, min(wanted, LISTED_MAX))
    found: list[dict[str, object]] = []
    for name in store.names()[:LOOKED_AT_MAX]:
        if len(found) >= wanted:
            break
        trace = store.read(name)
        if isinstance(trace, Trace) and trace.root in roots:
            found.append(_row(trace))
    return found


def _row(trace: Trace) -> dict[str, object]:
    return {
        "trace": trace.id,
        "title": one_line(trace.goal.title),
        "outcome": trace.outcome,
        "answer": trace.answers[-1].said if trace.answers else "",
        "usd": trace.cost_nano / NANO if trace.calls else None,
        "tokens": trace.usage.total,
        "started": trace.began,
    }


async def shown(name: str) -> str:
    """One trace as text. Raises InputError where there is no such trace."""
    environment = dict(os.environ) | {"NO_COLOR": "1", "COLUMNS": str(SHOW_COLUMNS)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "trueup", "trace", "show", "--", name),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SHOW_SECONDS):
            out, complaint = await process.communicate()
    except TimeoutError:
        raise InputError(f"the trace {name} was not read within {SHOW_SECONDS:.0f} s") from None
    finally:
        # Also on cancellation: no process outlives the request that started it.
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = complaint.decode(errors="replace").strip().splitlines()
        raise InputError(said[-1] if said else f"the trace {name} cannot be shown")
    return out.decode(errors="replace")


def written(store: TraceStore, name: str) -> Path:
    """One trace as a page of HTML in the user's cache folder. Raises InputError."""
    whole = store.find(name)
    trace = whole if isinstance(whole, Broken) else store.read(whole)
    if isinstance(trace, Broken):
        raise InputError(trace.sentence)

    def read(named: Text) -> str:
        text = store.text(named)
        return f"({text.sentence})" if isinstance(text, Broken) else text

    path = settings.cache_folder() / "traces" / f"{trace.id}.html"
    try:
        write_atomically(path, page(trace, read).encode("utf-8", "replace"))
    except OSError as problem:
        raise InputError(f"{path} cannot be written: {problem.strerror}") from None
    return path
