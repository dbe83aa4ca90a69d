"""`trueup.showPrompt`: what a model would be sent for an action, shown before anything is sent."""

from __future__ import annotations

from typing import Final

from trueup import InputError
from trueup.engine.messages import Declined, OpenDocument, Start
from trueup.lsp.documents import Buffer
from trueup.lsp.showing import as_a_document
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
    start = Start(
        0,
        buffer.root,
        goal,
        documents,
        settings=dict(server.client_settings),
        trusted=server.trusted,
    )
    made = await server.engine.prompt(start, lambda _: None, nobody)
    if isinstance(made, Declined):
        raise InputError(made.says)
    await as_a_document(server, made.text, "prompts", ".txt")
    return {"text": made.text, "body": made.body}
