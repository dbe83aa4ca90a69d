"""`trueup.showPrompt`: what a model would be sent for an action, shown before anything is sent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trueup import InputError, settings
from trueup.engine.messages import Declined, OpenDocument, Start
from trueup.files import write_atomically
from trueup.lsp.convert import uri_of
from trueup.lsp.documents import Buffer
from trueup.lsp.transport import Server
from trueup.suggestion import Goal

COMMAND: Final = "trueup.showPrompt"


async def show(server: Server, buffer: Buffer, goal: Goal) -> dict[str, object]:
    """Show it in a document of its own where the client can, and answer with it. Raises InputError
    where there is nothing that could be sent.
    """

    async def nobody(_says: str, _choices: tuple[str, ...]) -> str:
        return ""

    documents = tuple(
        OpenDocument(item.document.path, item.document.text, item.document.version)
        for item in server.buffers.under(buffer.root)
    )
    start = Start(0, buffer.root, goal, documents, settings=dict(server.client_settings))
    made = await server.engine.prompt(start, lambda _: None, nobody)
    if isinstance(made, Declined):
        raise InputError(made.says)
    await _shown(server, made.text)
    return {"text": made.text, "body": made.body}


async def _shown(server: Server, text: str) -> None:
    window = server.client_capabilities.window
    if window is None or window.show_document is None or not window.show_document.support:
        server.window_log_message(types.LogMessageParams(types.MessageType.Info, text))
        return
    name = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    path = settings.cache_folder() / "prompts" / f"{name}.txt"
    with contextlib.suppress(OSError, JsonRpcException):
        await asyncio.to_thread(write_atomically, path, text.encode("utf-8", "replace"))
        await server.window_show_document_async(
            types.ShowDocumentParams(uri_of(Path(path)), external=False, take_focus=False)
        )
