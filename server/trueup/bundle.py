"""What a bug report needs, in one file, without secrets and without code.

A zip of texts: what the doctor says, versions, settings, limits, and the outcomes of the latest
traces. No prompt, no diff, no name of a symbol; each text loses its secrets and the name of the
home folder. Nothing is sent: the file lies where the user wants it, to be read before it is given
to anybody.
"""

from __future__ import annotations

import json
import platform
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from trueup import __version__, limits
from trueup import settings as settings_module
from trueup.doctor import Finding
from trueup.guards.redaction import redacted
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore, is_read
from trueup.settings import Settings

TRACES_MAX: Final = 50
"""Traces of which the outcome is told, the latest first."""
DEPENDENCIES: Final = ("anthropic", "apsw", "libcst", "lsprotocol", "pygls", "rope", "ruff")


def write(target: Path, findings: Iterable[Finding], settings: Settings) -> tuple[str, ...]:
    """Make the bundle; the names of what is in it. Raises OSError, FileExistsError among them."""
    texts = {name: _cleaned(text) for name, text in _texts(tuple(findings), settings)}
    with target.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in texts.items():
            # Without a moment of its own, so that the same facts are the same file.
            bundle.writestr(zipfile.ZipInfo(name), text)
    target.chmod(0o600)
    return tuple(texts)


def _texts(findings: tuple[Finding, ...], settings: Settings) -> Iterator[tuple[str, str]]:
    said = (f"{'ok' if item.good else 'NO'} {item.what}: {item.says}\n" for item in findings)
    yield "doctor.txt", "".join(said)
    yield "versions.txt", "".join(f"{name} {version}\n" for name, version in _versions())
    yield "settings.json", json.dumps(_settings(settings), indent=2, default=str) + "\n"
    yield "limits.md", limits.as_markdown(limits.every())
    store = TraceStore(settings.traces)
    known = (store.read(name) for name in store.names()[:TRACES_MAX])
    lines = (json.dumps(_outline(trace)) + "\n" for trace in known if is_read(trace))
    yield "traces.jsonl", "".join(lines)


def _versions() -> Iterator[tuple[str, str]]:
    yield "trueup", __version__
    yield "python", sys.version.split()[0]
    yield "system", platform.platform()
    for name in DEPENDENCIES:
        yield name, metadata.version(name)


def _settings(settings: Settings) -> dict[str, object]:
    """As they are in force; of the model's address its host alone."""
    values = asdict(settings)
    address = urlsplit(settings_module.endpoint(settings))
    values["model"] = {**values["model"], "base_url": f"{address.scheme}://{address.hostname}"}
    return values


def _outline(trace: Trace) -> dict[str, object]:
    return {
        "id": trace.id,
        "recipe": trace.goal.recipe.value,
        "outcome": trace.outcome,
        "elapsed_ms": trace.elapsed_ms,
        "isolation": trace.isolation,
        "calls": [
            [call.served or call.asked, call.ending, call.elapsed_ms] for call in trace.calls
        ],
        "tried": [
            [item.outcome, [found.check for found in item.evidence if found.outcome != "passed"]]
            for item in trace.tried
        ],
        "version": trace.version,
    }


def _cleaned(text: str) -> str:
    return redacted(text).replace(str(Path.home()), "~")
