"""What the contracts say about open buffers, shown while one types.

A project's architecture is read in a thread when its first file is opened, and again when modules
or configurations come and go; in between it follows the buffers here, a fraction of a millisecond a
change. Each client hears of a file through one channel: it pulls, or it is told. Configuration
files are no documents of ours, so what is wrong with them is always told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from trueup.architecture.checker import CONFIGURATIONS, Architecture
from trueup.architecture.contracts import Problem, Severity
from trueup.architecture.findings import Finding
from trueup.architecture.sources import cache_file
from trueup.lsp.convert import uri_of

if TYPE_CHECKING:
    from trueup.lsp.documents import Buffer
    from trueup.lsp.transport import Server

DEBOUNCE_SECONDS: Final = 0.12
"""How long a buffer rests before it is checked again."""
SETTLE_SECONDS: Final = 0.25
"""How long the disk rests before a project is read again."""
SHOWN_MAX: Final = 200
"""Findings of one file that are shown."""
LINKS_MAX: Final = 3
"""Imports of one file and contract that are shown because other modules' chains lead over them."""
SOURCE: Final = "trueup"

_LEVELS: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFORMATION: types.DiagnosticSeverity.Information,
}

log = logging.getLogger("trueup.lsp")


@dataclass
class _Project:
    """One root: its architecture once it was read, and what was told about it."""

    root: str
    architecture: Architecture | None = None
    stamp: tuple[object, ...] = ()
    reading: asyncio.Task[None] | None = None
    again: bool = False
    """Whether something changed while it was read."""
    stale: set[str] = field(default_factory=set)
    """Buffers that changed since they were last looked at."""
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    settling: asyncio.TimerHandle | None = None
    told: set[str] = field(default_factory=set)
    """URIs of configuration files about which something was said."""


class Contracts:
    """The architectures of all open projects, and who is told what."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._projects: dict[str, _Project] = {}

    # What the editor says, in the order it says it.

    def opened(self, buffer: Buffer) -> None:
        project = self._projects.get(buffer.root)
        if project is None:
            project = self._projects[buffer.root] = _Project(buffer.root)
            self._read(project)
        elif project.architecture is not None:
            if project.architecture.misses(buffer.document.path) and _on_disk(buffer):
                self._read(project)
            self._look(project, buffer)

    def changed(self, buffer: Buffer) -> None:
        project = self._projects.get(buffer.root)
        if project is None:
            return
        path = buffer.document.path
        project.stale.add(path)
        if project.architecture is None or self._pulls:
            return
        waiting = project.timers.pop(path, None)
        if waiting is not None:
            waiting.cancel()
        later = asyncio.get_running_loop().call_later
        project.timers[path] = later(DEBOUNCE_SECONDS, self._look, project, buffer)

    def saved(self, buffer: Buffer) -> None:
        """Check at once. Where the editor does not watch files, this is when we look ourselves."""
        project = self._projects.get(buffer.root)
        if project is None or project.architecture is None:
            return
        if _stamp(project.root) != project.stamp or (
            project.architecture.misses(buffer.document.path) and _on_disk(buffer)
        ):
            self._read(project)
        if not self._pulls:
            self._look(project, buffer)

    def closed(self, buffer: Buffer) -> None:
        project = self._projects.get(buffer.root)
        if project is None or project.architecture is None:
            return
        path = buffer.document.path
        project.stale.discard(path)
        waiting = project.timers.pop(path, None)
        if waiting is not None:
            waiting.cancel()
        flipped = project.architecture.follow(path, None)
        if not self._pulls:
            self._tell(buffer.uri, None, [])
        self._told_of(project, flipped)

    def disk_changed(self, changes: Iterable[tuple[Path, types.FileChangeType]]) -> None:
        """Files that something else than this editor's buffers changed."""
        for path, kind in changes:
            for project in self._projects.values():
                if not path.is_relative_to(project.root) or project.architecture is None:
                    continue
                inside = path.relative_to(project.root).as_posix()
                if path.name in CONFIGURATIONS or kind is not types.FileChangeType.Changed:
                    self._settle(project)
                elif path.suffix == ".py":
                    self._told_of(project, project.architecture.look(inside))

    def report(self, buffer: Buffer) -> list[types.Diagnostic]:
        """What a client that pulls is answered."""
        project = self._projects.get(buffer.root)
        if project is None or project.architecture is None:
            return []
        flipped = self._follow(project, buffer)
        for path in tuple(project.stale):
            other = self._server.buffers.at(project.root, path)
            if other is not None:
                flipped |= self._follow(project, other)
        self._told_of(project, flipped - {buffer.document.path})
        return self._diagnostics(project.architecture, buffer)

    def architecture(self, root: str) -> Architecture | None:
        project = self._projects.get(root)
        return project.architecture if project is not None else None

    def finding(self, buffer: Buffer, contract: str, imported: str) -> Finding | None:
        """What is said of one import of this buffer."""
        architecture = self.architecture(buffer.root)
        for found in architecture.findings(buffer.document.path) if architecture else ():
            if found.contract == contract and found.imported == imported:
                return found
        return None

    def reread(self, root: str) -> None:
        """Read a project again, because we changed its configuration ourselves."""
        project = self._projects.get(root)
        if project is not None:
            self._read(project)

    # How it is kept up to date.

    @property
    def _pulls(self) -> bool:
        return self._server.pulls

    def _settle(self, project: _Project) -> None:
        if project.settling is not None:
            project.settling.cancel()
        later = asyncio.get_running_loop().call_later
        project.settling = later(SETTLE_SECONDS, self._read, project)

    def _read(self, project: _Project) -> None:
        if project.reading is not None:
            project.again = True
            return
        project.reading = asyncio.get_running_loop().create_task(self._reading(project))

    async def _reading(self, project: _Project) -> None:
        try:
            while True:
                project.again = False
                stamp = _stamp(project.root)
                root = Path(project.root)
                made = await asyncio.to_thread(Architecture, root, cache_file(root))
                if not project.again:
                    break
        except Exception:
            # The boundary of the thread: contracts are not worth the session.
            log.exception("the architecture of %s cannot be read", project.root)
            return
        finally:
            project.reading = None
        project.architecture, project.stamp = made, stamp
        project.stale.clear()
        for buffer in self._server.buffers.under(project.root):
            document = buffer.document
            made.follow(document.path, document.text, _whole(buffer), document)
        self._tell_problems(project, made.problems)
        if self._pulls:
            self._ask_to_pull()
        else:
            for buffer in self._server.buffers.under(project.root):
                self._publish(made, buffer)

    def _look(self, project: _Project, buffer: Buffer) -> None:
        """Follow a buffer and tell what is to be told of it, and of others."""
        waiting = project.timers.pop(buffer.document.path, None)
        if waiting is not None:
            waiting.cancel()
        if project.architecture is None:
            return
        flipped = self._follow(project, buffer)
        if not self._pulls:
            self._publish(project.architecture, buffer)
        self._told_of(project, flipped)

    def _follow(self, project: _Project, buffer: Buffer) -> frozenset[str]:
        architecture, path = project.architecture, buffer.document.path
        if architecture is None or not architecture.is_configured:
            return frozenset()
        if path not in project.stale and architecture.sources.is_open(path):
            return frozenset()
        project.stale.discard(path)
        document = buffer.document
        return architecture.follow(path, document.text, _whole(buffer), document)

    def _told_of(self, project: _Project, paths: frozenset[str]) -> None:
        """Tell what is new of other open files."""
        buffers = [self._server.buffers.at(project.root, path) for path in paths]
        shown = [buffer for buffer in buffers if buffer is not None]
        if not shown or project.architecture is None:
            return
        if self._pulls:
            self._ask_to_pull()
            return
        for buffer in shown:
            self._publish(project.architecture, buffer)

    # How it is said.

    def _publish(self, architecture: Architecture, buffer: Buffer) -> None:
        self._tell(buffer.uri, buffer.document.version, self._diagnostics(architecture, buffer))

    def _tell(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        self._server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, found, version)
        )

    def _ask_to_pull(self) -> None:
        if self._server.repulls:
            self._server.workspace_diagnostic_refresh(None)

    def _diagnostics(self, architecture: Architecture, buffer: Buffer) -> list[types.Diagnostic]:
        if not architecture.is_configured:
            return []
        found = architecture.findings(buffer.document.path, LINKS_MAX)
        found = tuple(item for item in found if not item.known)
        return [self._diagnostic(architecture.root, buffer, item) for item in found[:SHOWN_MAX]]

    def _diagnostic(self, root: Path, buffer: Buffer, found: Finding) -> types.Diagnostic:
        related = [
            types.DiagnosticRelatedInformation(
                types.Location(uri_of(root / step.path), _line(step.line)),
                f"{step.importer} imports {step.imported}",
            )
            for step in found.chain
            if step.path
        ]
        return types.Diagnostic(
            range=self._server.buffers.codec.range(buffer.document, found.span),
            message=found.message,
            severity=_LEVELS[found.severity],
            code=found.contract,
            code_description=types.CodeDescription(
                f"{uri_of(root / found.source.path)}#L{found.source.line}"
            ),
            source=SOURCE,
            related_information=related or None,
            data={
                "contract": found.contract,
                "importer": found.importer,
                "imported": found.imported,
            },
        )

    def _tell_problems(self, project: _Project, problems: tuple[Problem, ...]) -> None:
        by_uri: dict[str, list[types.Diagnostic]] = {uri: [] for uri in project.told}
        for problem in problems:
            uri = uri_of(Path(project.root, problem.source.path))
            by_uri.setdefault(uri, []).append(
                types.Diagnostic(
                    _line(problem.source.line, whole=True),
                    problem.message,
                    severity=_LEVELS[problem.severity],
                    code=problem.contract or "configuration",
                    source=SOURCE,
                )
            )
        for uri, found in by_uri.items():
            self._tell(uri, None, found)
        project.told = {uri for uri, found in by_uri.items() if found}


def _line(line: int, *, whole: bool = False) -> types.Range:
    start = types.Position(max(0, line - 1), 0)
    return types.Range(start, types.Position(max(0, line - 1), 1000) if whole else start)


def _whole(buffer: Buffer) -> Callable[[], bool]:
    return lambda: not buffer.outline.is_broken


def _on_disk(buffer: Buffer) -> bool:
    return Path(buffer.root, buffer.document.path).is_file()


def _stamp(root: str) -> tuple[object, ...]:
    """What the configuration files look like from outside."""
    found: list[object] = []
    for name in CONFIGURATIONS:
        try:
            status = Path(root, name).stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
