"""What the contracts and decisions say about open buffers, shown while one types.

A project's contracts and decisions are read in a thread when its first file is opened, and again
when modules or configurations come and go; in between the graph follows the buffers here, a
fraction of a millisecond a change. Rules of decisions read the whole text, so they are evaluated in
a thread. Each client hears of a file through one channel: it pulls, or it is told. Configuration
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
from pygls.exceptions import JsonRpcException

from trueup.architecture.checker import CONFIGURATIONS, Architecture
from trueup.architecture.contracts import Problem
from trueup.architecture.findings import Finding
from trueup.architecture.sources import cache_file
from trueup.conformance import Conformance
from trueup.lsp import shown
from trueup.lsp.convert import uri_of
from trueup.memory import places
from trueup.memory.decisions import Decisions
from trueup.memory.staleness import Staleness
from trueup.snapshot import Document

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
STAMPED_MAX: Final = 200
"""Decisions whose files are looked at on a save where the editor does not watch files."""
CONTENT_MODIFIED: Final = -32801

log = logging.getLogger("trueup.lsp")


@dataclass
class _Project:
    """One root: what it demands once that was read, and what was told about it."""

    root: str
    judged: Conformance | None = None
    stamp: tuple[object, ...] = ()
    reading: asyncio.Task[None] | None = None
    again: bool = False
    """Whether something changed while it was read."""
    stale: set[str] = field(default_factory=set)
    """Buffers that changed since they were last looked at."""
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    settling: asyncio.TimerHandle | None = None
    standing: asyncio.TimerHandle | None = None
    ruled: dict[str, tuple[Document, tuple[Finding, ...]]] = field(default_factory=dict)
    """What the rules of decisions said of each buffer, and of which text."""
    told: set[str] = field(default_factory=set)
    """URIs of configuration files about which something was said."""

    @property
    def architecture(self) -> Architecture | None:
        return self.judged.architecture if self.judged is not None else None


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
        misses = project.architecture.misses(buffer.document.path) and _on_disk(buffer)
        if misses or (not self._server.client.watches and _stamp(project) != project.stamp):
            self._read(project)
        else:
            self._stand(project, buffer.document.path)
        if not self._pulls:
            self._look(project, buffer)

    def closed(self, buffer: Buffer) -> None:
        project = self._projects.get(buffer.root)
        if project is None or project.architecture is None:
            return
        path = buffer.document.path
        project.stale.discard(path)
        project.ruled.pop(path, None)
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
                if path.suffix == ".md" and not _is_decision(project, inside):
                    continue
                came_or_went = kind is not types.FileChangeType.Changed
                if path.name in CONFIGURATIONS or path.suffix == ".md" or came_or_went:
                    self._settle(project)
                elif path.suffix == ".py":
                    self._stand(project, inside)
                    self._told_of(project, project.architecture.look(inside))

    async def report(self, buffer: Buffer) -> list[types.Diagnostic]:
        """What a client that pulls is answered."""
        project = self._projects.get(buffer.root)
        if project is not None and project.reading is not None and not self._server.client.repulls:
            # There is no second answer for a client that cannot be told to ask again.
            await asyncio.wait((project.reading,))
        if project is None or project.judged is None:
            return self._server.reviews.diagnostics(buffer)
        flipped = self._follow(project, buffer)
        for path in tuple(project.stale):
            other = self._server.buffers.at(project.root, path)
            if other is not None:
                flipped |= self._follow(project, other)
        self._told_of(project, flipped - {buffer.document.path})
        document = buffer.document
        if project.judged.wants(document.path):
            await self._rule(project, document)
        if buffer.document is not document:
            raise JsonRpcException("the text changed meanwhile", code=CONTENT_MODIFIED)
        return self._diagnostics(project, buffer)

    def architecture(self, root: str) -> Architecture | None:
        project = self._projects.get(root)
        return project.architecture if project is not None else None

    def decisions(self, root: str) -> Decisions | None:
        project = self._projects.get(root)
        return project.judged.decisions if project and project.judged else None

    def findings(self, buffer: Buffer) -> tuple[Finding, ...]:
        """The imports of this buffer that break a contract and were not accepted."""
        architecture = self.architecture(buffer.root)
        found = architecture.findings(buffer.document.path) if architecture else ()
        return tuple(item for item in found if not item.known)

    def stale(self, root: str) -> tuple[Staleness, ...]:
        """Which decisions the code had left behind when it was last looked at."""
        project = self._projects.get(root)
        return project.judged.stale if project and project.judged else ()

    def has_rejections(self, root: str) -> bool:
        """Whether somebody has rejected suggestions that are not made again."""
        project = self._projects.get(root)
        return bool(project and project.judged and project.judged.journal.rejections)

    def finding(self, buffer: Buffer, contract: str, imported: str) -> Finding | None:
        """What is said of one import of this buffer."""
        architecture = self.architecture(buffer.root)
        for found in architecture.findings(buffer.document.path) if architecture else ():
            if found.contract == contract and found.imported == imported:
                return found
        return None

    def refresh(self, buffer: Buffer) -> None:
        """Tell what is known of a buffer, because something else than its text changed."""
        if self._pulls:
            self._ask_to_pull()
        elif (project := self._projects.get(buffer.root)) is not None:
            self._publish(project, buffer)

    def reread(self, root: str) -> None:
        """Read a project again, because we changed its configuration ourselves."""
        project = self._projects.get(root)
        if project is not None:
            self._read(project)

    # How it is kept up to date.

    @property
    def _pulls(self) -> bool:
        return self._server.client.pulls

    def _settle(self, project: _Project) -> None:
        if project.settling is not None:
            project.settling.cancel()
        later = asyncio.get_running_loop().call_later
        project.settling = later(SETTLE_SECONDS, self._read, project)

    def _stand(self, project: _Project, path: str) -> None:
        """Look again at what decisions rest on, if that is in a file that has changed."""
        if project.judged is None or not project.judged.rests_on(path):
            return
        if project.standing is not None:
            project.standing.cancel()
        later = asyncio.get_running_loop().call_later
        project.standing = later(SETTLE_SECONDS, self._look_again, project, project.judged)

    def _look_again(self, project: _Project, judged: Conformance) -> None:
        task = asyncio.get_running_loop().create_task(self._looked_again(project, judged))
        self._server.background.add(task)
        task.add_done_callback(self._server.background.discard)

    async def _looked_again(self, project: _Project, judged: Conformance) -> None:
        problems = await asyncio.to_thread(judged.looked_again)
        if project.judged is judged:
            self._tell_problems(project, problems)

    def _read(self, project: _Project) -> None:
        if project.reading is not None:
            project.again = True
            return
        project.reading = asyncio.get_running_loop().create_task(self._reading(project))

    async def _reading(self, project: _Project) -> None:
        try:
            while True:
                project.again = False
                root = Path(project.root)
                made, problems = await asyncio.to_thread(_judged, root)
                if not project.again:
                    break
        except Exception:
            # The boundary of the thread: contracts are not worth the session.
            log.exception("the architecture of %s cannot be read", project.root)
            return
        finally:
            project.reading = None
        project.judged = made
        project.stamp = _stamp(project)
        project.stale.clear()
        project.ruled.clear()
        for buffer in self._server.buffers.under(project.root):
            document = buffer.document
            made.architecture.follow(document.path, document.text, _whole(buffer), document)
        self._tell_problems(project, problems)
        if self._server.client.relenses:
            # Decisions are shown as lenses, and those were asked for before they were read.
            self._server.workspace_code_lens_refresh(None)
        if self._pulls:
            self._ask_to_pull()
        else:
            for buffer in self._server.buffers.under(project.root):
                self._publish(project, buffer)

    def _look(self, project: _Project, buffer: Buffer) -> None:
        """Follow a buffer and tell what is to be told of it, and of others."""
        waiting = project.timers.pop(buffer.document.path, None)
        if waiting is not None:
            waiting.cancel()
        if project.architecture is None:
            return
        flipped = self._follow(project, buffer)
        if not self._pulls:
            self._publish(project, buffer)
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
        opened = [buffer for buffer in buffers if buffer is not None]
        if not opened or project.architecture is None:
            return
        if self._pulls:
            self._ask_to_pull()
            return
        for buffer in opened:
            self._publish(project, buffer)

    # How it is said.

    def _publish(self, project: _Project, buffer: Buffer) -> None:
        """Tell what is known; at once, unless rules of decisions said something of this file that
        they may still say: then when they have spoken again, so that nothing flickers.
        """
        document = buffer.document
        wants = project.judged is not None and project.judged.wants(document.path)
        held = project.ruled.get(document.path)
        if not wants or held is None or held[0] is document or not held[1]:
            found = self._diagnostics(project, buffer)
            self._tell(buffer.uri, document.version, found)
        if wants and (held is None or held[0] is not document):
            self._server.later(self._publish_ruled(project, buffer))

    async def _publish_ruled(self, project: _Project, buffer: Buffer) -> None:
        document = buffer.document
        before = project.ruled.get(document.path)
        await self._rule(project, document)
        if buffer.document is not document or self._server.buffers.get(buffer.uri) is not buffer:
            # Somebody typed: that has its own turn.
            return
        if project.ruled[document.path][1] or (before is not None and before[1]):
            self._tell(buffer.uri, document.version, self._diagnostics(project, buffer))

    async def _rule(self, project: _Project, document: Document) -> None:
        judged = project.judged
        held = project.ruled.get(document.path)
        if judged is None or (held is not None and held[0] is document):
            return
        found = await asyncio.to_thread(judged.rules, document.path, document.text)
        if project.judged is judged:
            project.ruled[document.path] = document, found

    def _tell(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        self._server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, found, version)
        )

    def _ask_to_pull(self) -> None:
        if self._server.client.repulls:
            self._server.workspace_diagnostic_refresh(None)

    def _diagnostics(self, project: _Project, buffer: Buffer) -> list[types.Diagnostic]:
        judged, document = project.judged, buffer.document
        reviewed = self._server.reviews.diagnostics(buffer)
        if judged is None or not judged.is_configured:
            return reviewed
        found = [item for item in judged.contracts(document.path, LINKS_MAX) if not item.known]
        held = project.ruled.get(document.path)
        if held is not None and held[0] is document:
            found += held[1]
        codec, relates = self._server.buffers.codec, self._server.client.relates
        own = [
            shown.of_finding(judged.root, codec, document, item, relates=relates)
            for item in found[:SHOWN_MAX]
        ]
        return own + reviewed

    def _tell_problems(self, project: _Project, problems: tuple[Problem, ...]) -> None:
        by_uri: dict[str, list[types.Diagnostic]] = {uri: [] for uri in project.told}
        for problem in problems:
            uri = uri_of(Path(project.root, problem.source.path))
            by_uri.setdefault(uri, []).append(shown.of_problem(problem))
        for uri, found in by_uri.items():
            self._tell(uri, None, found)
        project.told = {uri for uri, found in by_uri.items() if found}


def _judged(root: Path) -> tuple[Conformance, tuple[Problem, ...]]:
    """A project as it is on disk, with what is wrong with its configuration and decisions: to find
    that reads files, so it is done here and not on the loop.
    """
    made = Conformance(root, cache_file(root))
    return made, made.problems


def _whole(buffer: Buffer) -> Callable[[], bool]:
    return lambda: not buffer.outline.is_broken


def _on_disk(buffer: Buffer) -> bool:
    return Path(buffer.root, buffer.document.path).is_file()


def _is_decision(project: _Project, path: str) -> bool:
    """Whether a page lies where the project keeps its decisions."""
    known = project.judged.decisions if project.judged is not None else ()
    folders = {places.OURS, *(item.path.rpartition("/")[0] for item in known)}
    return path.rpartition("/")[0] in folders


def _stamp(project: _Project) -> tuple[object, ...]:
    """What the files that say what is allowed look like from outside."""
    decisions = project.judged.decisions if project.judged is not None else ()
    pages = [item.path for item in decisions][:STAMPED_MAX]
    found: list[object] = []
    for name in (*CONFIGURATIONS, places.OURS, *pages):
        try:
            status = Path(project.root, name).stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
