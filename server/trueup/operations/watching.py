"""Alarms told once: the watch on suggestions, kept up to date after every job.

What each trace says of its prompt is remembered beside the traces, so that only new ones are read;
the file is derived and may be removed. Nothing here is worth a job: what cannot be read or written
is as if it were not there.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cattrs
from cattrs.preconf.json import make_converter

from trueup.files import write_atomically
from trueup.operations import drift
from trueup.operations.drift import Alarm, Observation
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore

FORMAT: Final = 1
_CONVERTER: Final = make_converter()

Seen = dict[str, tuple[int, Observation | None]]
"""What each trace says, by its name, with the moment of its file in nanoseconds."""


class Watch:
    """The watch on the traces of one folder. Call it from a thread: it reads files."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._file = store.folder / ".watched"

    def alarms(self) -> tuple[Alarm, ...]:
        """Every alarm that the traces give reason for."""
        seen, told = self._read()
        return self._look(seen, told)

    def news(self) -> tuple[Alarm, ...]:
        """The latest alarm of each stream that nobody was told of; now it counts as told."""
        seen, told = self._read()
        latest = {_stream(alarm): alarm for alarm in self._look(seen, told)}
        new = {
            stream: alarm for stream, alarm in latest.items() if alarm.raised > told.get(stream, "")
        }
        if new:
            told |= {stream: alarm.raised for stream, alarm in new.items()}
            self._write(seen, told)
        return tuple(new.values())

    def _look(self, seen: Seen, told: Mapping[str, str]) -> tuple[Alarm, ...]:
        """All alarms, after what is new or changed was read."""
        stamps = self._store.stamps()
        stale = [name for name, stamp in stamps.items() if seen.get(name, (0, None))[0] != stamp]
        gone = seen.keys() - stamps.keys()
        for name in gone:
            del seen[name]
        for name in stale:
            trace = self._store.read(name)
            said = drift.observation(trace) if isinstance(trace, Trace) else None
            seen[name] = stamps[name], said
        if stale or gone:
            self._write(seen, told)
        return drift.watch(item for _, item in seen.values() if item is not None)

    def _read(self) -> tuple[Seen, dict[str, str]]:
        try:
            found = json.loads(self._file.read_bytes())
            if found["format"] != FORMAT:
                return {}, {}
            return (
                _CONVERTER.structure(found["seen"], Seen),
                _CONVERTER.structure(found["told"], dict[str, str]),
            )
        except (OSError, ValueError, KeyError, TypeError, cattrs.BaseValidationError):
            return {}, {}

    def _write(self, seen: Seen, told: Mapping[str, str]) -> None:
        made = {"format": FORMAT, "seen": _CONVERTER.unstructure(seen), "told": dict(told)}
        with contextlib.suppress(OSError):
            write_atomically(Path(self._file), json.dumps(made).encode())


def _stream(alarm: Alarm) -> str:
    return " ".join((alarm.key.prompt, alarm.key.model, alarm.key.kind, alarm.rate))
