"""Real packages as workspaces, and a client with the manners of Neovim."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import platformdirs
import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities
from pytest_lsp.client import register_lsp_features

from support.packages import Package
from trueup.editor import converter
from trueup.lsp.convert import Codec, uri_of
from trueup.snapshot import Document, apply_edits
from trueup.trust import Answer
from trueup.workspace import read

# Not below this repository, whose own pytest configuration would be found by the packages' tests.
CACHE = platformdirs.user_cache_path("trueup-tests")


class Vim:
    """Buffers of one workspace behind a pytest-lsp client; says yes when it is asked."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        self.client, self.root, self.codec = client, root, Codec("utf-8")
        self.buffers: dict[str, Document] = {}
        self.asked: list[str] = []
        self.undo_steps = 0
        client.feature(types.WORKSPACE_APPLY_EDIT)(lambda params: self._apply(params))  # noqa: PLW0108
        client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)(lambda params: self._answer(params))  # noqa: PLW0108

    def _answer(self, params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        self.asked.append(params.message)
        wanted = {Answer.ALWAYS.value, "Apply"}
        return next((item for item in params.actions or () if item.title in wanted), None)

    def _apply(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        for change in params.edit.document_changes or ():
            assert isinstance(change, types.TextDocumentEdit)
            document = self.buffers[change.text_document.uri]
            if change.text_document.version != document.version:
                return types.ApplyWorkspaceEditResult(applied=False, failure_reason="newer text")
            edits = [
                (self.codec.span(document, item.range), item.new_text)
                for item in change.edits
                if isinstance(item, types.TextEdit)
            ]
            self.undo_steps += 1
            self._hold(change.text_document.uri, apply_edits(document.text, edits))
        return types.ApplyWorkspaceEditResult(applied=True)

    def _hold(self, uri: str, text: str) -> None:
        old = self.buffers[uri]
        version = (old.version or 0) + 1
        self.buffers[uri] = Document(old.path, text, version, old.encoding)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version, uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def open(self, path: str) -> Document:
        uri = uri_of(self.root / path)
        if uri not in self.buffers:
            text = read(str(self.root), path).text
            self.buffers[uri] = Document(path, text, 0)
            item = types.TextDocumentItem(uri, types.LanguageKind.Python, 0, text)
            self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return self.buffers[uri]

    def text(self, path: str) -> str:
        return self.buffers[uri_of(self.root / path)].text

    async def pick(
        self, path: str, area: types.Range, title: str, *shown: types.Diagnostic
    ) -> dict[str, object]:
        """The first action whose title begins so, and what its command answered."""
        self.open(path)
        offered = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri_of(self.root / path)),
                area,
                types.CodeActionContext(list(shown)),
            )
        )
        for action in offered or ():
            if isinstance(action, types.CodeAction) and action.title.startswith(title):
                assert action.command is not None
                answer = await self.client.workspace_execute_command_async(
                    types.ExecuteCommandParams(action.command.command, action.command.arguments)
                )
                assert isinstance(answer, dict)
                return answer
        raise AssertionError([action.title for action in offered or ()])


Opening = Callable[..., AbstractAsyncContextManager[Vim]]


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    """Opens a package in an editor whose server asks the model at the given address."""

    @asynccontextmanager
    async def open_package(package: Package, model: str) -> AsyncIterator[Vim]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")
        } | {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("STATE", "CACHE", "CONFIG")}
        client = await ClientServerConfig(
            server_command=[sys.executable, "-m", "trueup", "serve"],
            client_factory=_client,
            server_env=environment,
        ).start()
        assert isinstance(client, LanguageClient)
        vim = Vim(client, package.root)
        await client.initialize_session(
            types.InitializeParams(
                capabilities=client_capabilities("neovim@0.11"),
                client_info=types.ClientInfo("Neovim", "0.11.0"),
                workspace_folders=[types.WorkspaceFolder(uri_of(package.root), "package")],
                initialization_options={"settings": {"model": {"base_url": model}}},
            )
        )
        try:
            yield vim
        finally:
            await client.shutdown_session()
            await client.stop()

    return open_package


def _client() -> LanguageClient:
    client = LanguageClient(converter_factory=converter)
    register_lsp_features(client)
    return client
