"""The least that is an editor, for the demo and for tests that need a whole session.

It speaks the protocol as a client: buffers with versions, a light bulb, someone who answers
questions, edits applied to the buffer and reported back. It knows nothing of verdicts.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Union

from attrs import evolve
from cattrs import Converter
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.protocol import default_converter

from trueup import ConfigurationError, __version__, workspace
from trueup.engine.messages import suggestion_from_json
from trueup.lsp.convert import Codec, path_of, uri_of
from trueup.panel import Panel
from trueup.snapshot import Document, Span, apply_edits
from trueup.suggestion import Diagnostic, Suggestion


def converter() -> Converter:
    """The protocol's converter, which takes a code action that has a command for a command."""
    made: Converter = default_converter()  # type: ignore[no-untyped-call]

    def structure(value: dict[str, object], _: object) -> types.Command | types.CodeAction:
        if isinstance(value.get("command"), str):
            return made.structure(value, types.Command)
        return made.structure(value, types.CodeAction)

    made.register_structure_hook(Union[types.Command, types.CodeAction], structure)  # noqa: UP007
    return made


class Editor:
    """The least that is an editor: buffers, a light bulb, and someone who answers questions."""

    def __init__(
        self,
        root: Path,
        *,
        answers: frozenset[str],
        can_ask: bool = False,
        pulls: bool = False,
        evidence: bool = False,
        trusted: bool = True,
        ready: bool = False,
    ) -> None:
        self.root, self.answers, self.can_ask, self.pulls = root, answers, can_ask, pulls
        self.evidence, self.trusted, self.ready = evidence, trusted, ready
        self.panel = Panel(answers)
        self.lines: list[str] = []
        self.codec = Codec("utf-16")
        self.buffers: dict[str, Document] = {}
        self.asked: list[str] = []
        self.said: list[str] = []
        self.logged: list[str] = []
        self.progress: list[object] = []
        self.tokens: list[str | int] = []
        self.shown: dict[str, tuple[types.Diagnostic, ...]] = {}
        """What the server said of each file, by its path relative to the root."""
        self.told: list[types.PublishDiagnosticsParams] = []
        """What was said without being asked for, in its order."""
        self.edits: list[types.WorkspaceEdit] = []
        self.opened: list[tuple[str, int]] = []
        """What the server wanted to be looked at: paths with 0-based lines."""
        self._news = asyncio.Event()
        self.client = LanguageClient("trueup-editor", __version__, converter_factory=converter)
        self._register()
        self.panel.register(self.client)

    def _register(self) -> None:
        # pygls leaves marks on what it registers, which a bound method does not take: hence the
        # lambdas, and the ignored PLW0108.
        feature = self.client.feature
        feature(types.WORKSPACE_APPLY_EDIT)(lambda params: self._apply_edit(params))  # noqa: PLW0108
        feature(types.WINDOW_SHOW_MESSAGE_REQUEST)(lambda params: self._answer(params))  # noqa: PLW0108
        feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)(
            lambda params: self.tokens.append(params.token)
        )
        feature("trueup/input")(lambda _: self.lines.pop(0) if self.lines else None)
        feature(types.PROGRESS)(lambda params: self.progress.append(params.value))
        feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.said.append(params.message))
        feature(types.WINDOW_LOG_MESSAGE)(lambda params: self.logged.append(params.message))
        feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._show(params))  # noqa: PLW0108
        feature(types.WORKSPACE_DIAGNOSTIC_REFRESH)(lambda _: self._news.set())

        feature(types.WINDOW_SHOW_DOCUMENT)(lambda params: self._opened(params))  # noqa: PLW0108

    def _opened(self, params: types.ShowDocumentParams) -> types.ShowDocumentResult:
        path = path_of(params.uri)
        inside = workspace.relative(str(self.root), path) if path is not None else None
        line = params.selection.start.line if params.selection is not None else 0
        self.opened.append((inside or params.uri, line))
        return types.ShowDocumentResult(success=True)

    def _show(self, params: types.PublishDiagnosticsParams) -> None:
        path = path_of(params.uri)
        inside = workspace.relative(str(self.root), path) if path is not None else None
        self.told.append(params)
        if inside is not None:
            self.shown[inside] = tuple(params.diagnostics)
            self._news.set()

    async def seen(self, path: str, what: Callable[[tuple[types.Diagnostic, ...]], bool]) -> None:
        """Wait until what is shown of a file is as `what` wants it."""
        self._news.clear()
        while not what(await self._current(path)):
            await self._news.wait()
            self._news.clear()

    async def _current(self, path: str) -> tuple[types.Diagnostic, ...]:
        if self.pulls:
            item = types.TextDocumentIdentifier(uri_of(self.root / path))
            report = await self.client.text_document_diagnostic_async(
                types.DocumentDiagnosticParams(item)
            )
            if isinstance(report, types.RelatedFullDocumentDiagnosticReport):
                self.shown[path] = tuple(report.items)
        return self.shown.get(path, ())

    def save(self, path: str) -> None:
        uri = uri_of(self.root / path)
        (self.root / path).write_bytes(self.buffers[uri].to_bytes())
        self.client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri))
        )

    def watched(self, *changes: tuple[str, types.FileChangeType]) -> None:
        """Say that files changed on disk, as an editor that watches them does."""
        events = [types.FileEvent(uri_of(self.root / path), kind) for path, kind in changes]
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))

    def _apply_edit(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        self.edits.append(params.edit)
        for change in params.edit.document_changes or ():
            if isinstance(change, types.TextDocumentEdit):
                self._edit(change)
        for uri, edits in (params.edit.changes or {}).items():
            unversioned = types.OptionalVersionedTextDocumentIdentifier(uri)
            self._edit(types.TextDocumentEdit(unversioned, list(edits)))
        return types.ApplyWorkspaceEditResult(applied=True)

    def _answer(self, params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        self.asked.append(params.message)
        offered = params.actions or []
        return next((item for item in offered if item.title in self.answers), None)

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The server's process."""
        server = self.client._server  # noqa: SLF001 - pygls has no public name for it
        if server is None:
            raise ConfigurationError("the server was not started")
        return server

    async def start(
        self,
        settings: dict[str, object],
        environment: dict[str, str],
        like: types.InitializeParams | None = None,
        command: tuple[str, ...] = (sys.executable, "-P", "-m", "trueup", "serve"),
    ) -> None:
        """Start the server and say hello: as ourselves, or with what another client says.

        Another `command` is run in the root, as editors do.
        """
        folder = None if "-m" in command[:3] else self.root
        await self.client.start_io(*command, env=environment, cwd=folder)
        hello = like or types.InitializeParams(self._capabilities())
        answer = await self.client.initialize_async(
            evolve(
                hello,
                process_id=os.getpid(),
                workspace_folders=[types.WorkspaceFolder(uri_of(self.root), self.root.name)],
                initialization_options={
                    "settings": settings,
                    "input": self.can_ask,
                    "evidence": self.evidence,
                    "status": self.evidence,
                    "trusted": self.trusted,
                    "ready": self.ready,
                },
            )
        )
        encoding = answer.capabilities.position_encoding
        self.codec = Codec(str(getattr(encoding, "value", encoding or "utf-16")))
        self.client.initialized(types.InitializedParams())

    def _capabilities(self) -> types.ClientCapabilities:
        return types.ClientCapabilities(
            window=types.WindowClientCapabilities(work_done_progress=True),
            text_document=types.TextDocumentClientCapabilities(
                code_action=types.CodeActionClientCapabilities(
                    code_action_literal_support=types.ClientCodeActionLiteralOptions(
                        types.ClientCodeActionKindOptions([])
                    )
                ),
                diagnostic=types.DiagnosticClientCapabilities(related_information=True)
                if self.pulls
                else None,
                publish_diagnostics=types.PublishDiagnosticsClientCapabilities(
                    related_information=True
                ),
                inline_completion=types.InlineCompletionClientCapabilities()
                if self.ready
                else None,
            ),
            workspace=types.WorkspaceClientCapabilities(
                diagnostics=types.DiagnosticWorkspaceClientCapabilities(refresh_support=True),
                workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
                code_lens=types.CodeLensWorkspaceClientCapabilities(refresh_support=self.ready),
            ),
        )

    def open(self, path: str) -> Document:
        document = replace(workspace.read(str(self.root), path), version=1)
        uri = uri_of(self.root / path)
        if uri not in self.buffers:
            self.buffers[uri] = document
            language = "python" if path.endswith(".py") else "plaintext"
            item = types.TextDocumentItem(uri, language, 1, document.text)
            self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return self.buffers[uri]

    def _edit(self, change: types.TextDocumentEdit) -> None:
        """One undo step: the edits of one document, then the change that tells the server."""
        uri = change.text_document.uri
        path = path_of(uri)
        if uri not in self.buffers and path is not None:
            self.open(path.relative_to(self.root).as_posix())
        document = self.buffers[uri]
        edits = [
            (self.codec.span(document, item.range), item.new_text)
            for item in change.edits
            if isinstance(item, types.TextEdit)
        ]
        version = (document.version or 0) + 1
        text = apply_edits(document.text, edits)
        self.buffers[uri] = replace(document, text=text, version=version)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version, uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def text(self, path: str) -> str:
        """What the buffer holds."""
        return self.buffers[uri_of(self.root / path)].text

    def type(self, path: str, span: Span, text: str) -> None:
        """Replace characters of a buffer, as a person does who types."""
        uri = uri_of(self.root / path)
        document = self.buffers[uri]
        version = (document.version or 0) + 1
        area = self.codec.range(document, span)
        self.buffers[uri] = replace(
            document, text=apply_edits(document.text, [(span, text)]), version=version
        )
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version, uri),
                [types.TextDocumentContentChangePartial(area, text)],
            )
        )

    async def actions(
        self, path: str, span: Span, diagnostics: tuple[Diagnostic, ...] = ()
    ) -> tuple[types.CodeAction, ...]:
        """The light bulb at `span`, with the diagnostics that this editor shows there."""
        document = self.open(path)
        shown = [
            types.Diagnostic(
                self.codec.range(document, item.span),
                item.message,
                code=item.code or None,
                source=item.source,
            )
            for item in diagnostics
        ]
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri_of(self.root / path)),
                self.codec.range(document, span),
                types.CodeActionContext(shown, trigger_kind=types.CodeActionTriggerKind.Invoked),
            )
        )
        return tuple(item for item in found or () if isinstance(item, types.CodeAction))

    async def actions_on(
        self, path: str, diagnostic: types.Diagnostic
    ) -> tuple[types.CodeAction, ...]:
        """The light bulb on a diagnostic of the server's own, given back as it came."""
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri_of(self.root / path)),
                diagnostic.range,
                types.CodeActionContext(
                    [diagnostic], trigger_kind=types.CodeActionTriggerKind.Invoked
                ),
            )
        )
        return tuple(item for item in found or () if isinstance(item, types.CodeAction))

    async def run(self, action: types.CodeAction) -> dict[str, object]:
        """Pick an action; what its command answered."""
        command = action.command
        if command is None:
            raise ConfigurationError(f"{action.title} has no command")
        result = await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(command.command, command.arguments)
        )
        return result if isinstance(result, dict) else {}

    async def pick_fix(self, diagnostic: Diagnostic) -> tuple[Suggestion, bool]:
        """Open the light bulb on a diagnostic, pick its fix, and see what came of it."""
        actions = await self.actions(diagnostic.path, diagnostic.span, (diagnostic,))
        if not actions or actions[0].kind != types.CodeActionKind.QuickFix:
            raise ConfigurationError(f"the server offers no fix for {diagnostic.code}")
        result = await self.run(actions[0])
        if "suggestion" not in result:
            raise ConfigurationError(str(result.get("message", "the server has no answer")))
        return suggestion_from_json(result["suggestion"]), bool(result["applied"])

    def close(self, path: str) -> None:
        """Close a buffer; what was not saved is lost."""
        uri = uri_of(self.root / path)
        del self.buffers[uri]
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
        )

    def save_all(self) -> None:
        for uri, document in self.buffers.items():
            if path := path_of(uri):
                path.write_bytes(document.to_bytes())

    async def stop(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()  # type: ignore[no-untyped-call]
