"""The traces on disk: one JSON file each, and the texts they name, each once, by its digest.

    traces/20261121T175903-5f3a9c1e.json
    traces/texts/3f/3f79bb7b…

Private to the user (folders 0700, files 0600), written so that a reader sees all of a file or none
of it. A file that is broken is a sentence about that file; a disk that is full is one warning, and
work goes on: a trace is never worth the job that it is about.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeGuard

import cattrs
from cattrs.preconf.json import make_converter

from trueup.files import write_atomically
from trueup.guards.redaction import redacted_value
from trueup.operations.trace import FORMAT, Text, Trace
from trueup.settings import TraceLimits, state_folder

TIDY_SECONDS: Final = 86_400.0
"""How often old traces are looked for while new ones are kept."""
YOUNG_SECONDS: Final = 3_600.0
"""A text that is younger is never removed: the trace that names it may be about to be written."""
FILE_BYTES_MAX: Final = 64 << 20
"""A trace or text that is longer was not written by us, and is not read."""

_CONVERTER: Final = make_converter(forbid_extra_keys=True)
_ID: Final = re.compile(r"[0-9T]{15}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Broken:
    """A trace or text that cannot be read, and why: one sentence."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed; `problem` is "", or the sentence why not all that should have been."""

    traces: int = 0
    texts: int = 0
    bytes: int = 0
    problem: str = ""


def trace_folder() -> Path:
    return state_folder() / "traces"


def to_json(trace: Trace) -> dict[str, object]:
    made: dict[str, object] = _CONVERTER.unstructure(trace)
    return made


def from_json(found: object) -> Trace:
    """Raises ValueError where that is no trace of this version."""
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - of the file, not of ours
    if found.get("format") != FORMAT:
        raise ValueError(f"its format is {found.get('format')!r}, and this Trueup knows {FORMAT}")
    try:
        return _CONVERTER.structure(found, Trace)
    except (cattrs.BaseValidationError, ValueError, TypeError, KeyError):
        raise ValueError("it is not a trace") from None


class TraceStore:
    """The folder of traces. Safe to share between processes and threads."""

    def __init__(self, limits: TraceLimits, folder: Path | None = None) -> None:
        self._limits = limits
        self._folder = folder or trace_folder()
        self._lock = threading.Lock()
        self._warned = False

    def keep(self, trace: Trace, texts: dict[str, str]) -> str:
        """Write a trace and its texts; "" where it is kept, else why not: the first time only."""
        try:
            # One by one: parents of a folder are made as the process likes, not as we do.
            for folder in (self._folder, self._folder / "texts"):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for named in trace.texts:
                if named.digest in texts:
                    self._keep_text(named, texts[named.digest])
            self._write(trace)
        except OSError as problem:
            with self._lock:
                said, self._warned = not self._warned, True
            why = problem.strerror or "it cannot be written"
            sentence = f"what happens is not kept: {self._folder}: {why}"
            return sentence if said else ""
        if self._is_tidying_due():
            self.prune()
        return ""

    def _write(self, trace: Trace) -> None:
        # A lone half of a character is replaced here, so that whatever is read can be printed.
        value = redacted_value(to_json(trace))
        said = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        write_atomically(self._file(trace.id), said.encode("utf-8", "replace"))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _text_file(self, digest: str) -> Path:
        return self._folder / "texts" / digest[:2] / digest

    def _keep_text(self, named: Text, text: str) -> None:
        path = self._text_file(named.digest)
        try:
            if path.stat().st_size == named.size:
                # So that nobody who prunes takes it for one that no trace names.
                path.touch()
                return
        except FileNotFoundError:
            pass
        write_atomically(path, text.encode("utf-8", "replace"))

    def answer(self, name: str, said: str) -> str:
        """Add to a trace what the user did; "" or why not."""
        trace = self.read(name)
        if isinstance(trace, Broken):
            return trace.sentence
        return self.keep(trace.answered(said), {})

    def names(self) -> list[str]:
        """The ids of all traces, the latest first."""
        try:
            found = [path.stem for path in self._folder.iterdir() if path.suffix == ".json"]
        except OSError:
            return []
        return sorted((name for name in found if _ID.fullmatch(name)), reverse=True)

    @property
    def folder(self) -> Path:
        return self._folder

    def stamps(self) -> dict[str, int]:
        """When each trace was written last, in nanoseconds, by its id."""
        found = {}
        for name in self.names():
            try:
                found[name] = self._file(name).stat().st_mtime_ns
            except OSError:
                # Somebody pruned it meanwhile.
                continue
        return found

    def __iter__(self) -> Iterator[Trace | Broken]:
        """All traces, the latest first."""
        return map(self.read, self.names())

    def find(self, beginning: str) -> str | Broken:
        """The id that begins or ends so; "last" is the latest."""
        names = self.names()
        if beginning == "last" and names:
            return names[0]
        matching = [
            name for name in names if name.startswith(beginning) or name.endswith(beginning)
        ]
        if len(matching) == 1:
            return matching[0]
        if not matching:
            return Broken(beginning, f"there is no trace called {beginning}")
        return Broken(beginning, f"{len(matching)} traces are called {beginning}; say more of it")

    def read(self, name: str) -> Trace | Broken:
        if not _ID.fullmatch(name):
            return Broken(name, f"{name!r} is not the name of a trace")
        try:
            trace = from_json(json.loads(_bytes(self._file(name))))
        except FileNotFoundError:
            return Broken(name, f"there is no trace called {name}")
        except OSError as problem:
            return Broken(name, f"the trace {name} cannot be read: {problem.strerror}")
        except RecursionError:
            return Broken(name, f"the trace {name} is damaged: it is nested too deeply")
        except json.JSONDecodeError:
            return Broken(name, f"the trace {name} is damaged: it is not JSON")
        except ValueError as problem:
            return Broken(name, f"the trace {name} is damaged: {problem}")
        if trace.id != name:
            return Broken(name, f"the trace {name} is damaged: it calls itself {trace.id}")
        return trace

    def text(self, named: Text) -> str | Broken:
        """A text that a trace names, as long as its digest is right."""
        short = named.digest[:12]
        if not re.fullmatch("[0-9a-f]{64}", named.digest):
            return Broken(short, f"{short!r} is not the name of a text")
        try:
            raw = _bytes(self._text_file(named.digest))
        except FileNotFoundError:
            return Broken(short, f"the text {short} is not kept any more")
        except (OSError, ValueError) as problem:
            return Broken(short, f"the text {short} cannot be read: {problem}")
        if hashlib.sha256(raw).hexdigest() != named.digest:
            return Broken(short, f"the text {short} is damaged")
        return raw.decode("utf-8", "replace")

    def _is_tidying_due(self) -> bool:
        stamp = self._folder / ".tidied"
        try:
            if time.time() - stamp.stat().st_mtime < TIDY_SECONDS:
                return False
        except OSError:
            pass
        try:
            stamp.touch(mode=0o600)
        except OSError:
            return False
        return True

    def prune(
        self, limits: TraceLimits | None = None, *, young_seconds: float = YOUNG_SECONDS
    ) -> Pruned:
        """Remove traces that are too old, then the oldest until the rest is small enough, then
        texts that no trace names and that are not young.
        """
        allowed, now = limits or self._limits, time.time()
        named: set[str] = set()
        size = removed = freed = 0
        problem = ""
        for name in self.names():
            path = self._file(name)
            trace = self.read(name)
            texts = {text.digest: text.size for text in trace.texts} if is_read(trace) else {}
            try:
                status = path.stat()
                new = sum(length for digest, length in texts.items() if digest not in named)
                size += status.st_size + new
                if now - status.st_mtime <= allowed.days * 86_400 and size <= allowed.bytes:
                    named |= texts.keys()
                    continue
                path.unlink()
                removed, freed = removed + 1, freed + status.st_size
            except FileNotFoundError:
                continue
            except OSError as trouble:
                problem = f"{path} cannot be removed: {trouble.strerror}"
        unnamed = [path for path in self._folder.glob("texts/*/*") if path.name not in named]
        texts_removed = 0
        for path in unnamed:
            try:
                status = path.stat()
                if now - status.st_mtime < young_seconds:
                    continue
                path.unlink()
                texts_removed, freed = texts_removed + 1, freed + status.st_size
            except FileNotFoundError:
                continue
            except OSError as trouble:
                problem = f"{path} cannot be removed: {trouble.strerror}"
        return Pruned(removed, texts_removed, freed, problem)


def is_read(found: Trace | Broken) -> TypeGuard[Trace]:
    return isinstance(found, Trace)


def _bytes(path: Path) -> bytes:
    """Raises OSError, and ValueError where it is too long to be ours."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise ValueError("it is too long to be one of ours")
    return path.read_bytes()
