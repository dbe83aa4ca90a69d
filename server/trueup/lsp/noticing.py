"""Telling the user that suggestions get worse, with the way back in one click."""

from __future__ import annotations

import asyncio

from lsprotocol import types

from trueup import TrueupError
from trueup.engine.messages import Noticed
from trueup.lsp.asking import ask, show
from trueup.lsp.transport import Server
from trueup.propose import choices, prompts

NOT_NOW = "Not now"


def listen(server: Server) -> None:
    """From now on say what the engine notices."""

    def noticed(news: Noticed) -> None:
        task = asyncio.get_running_loop().create_task(_told(server, news))
        server.background.add(task)
        task.add_done_callback(server.background.discard)

    server.engine.noticed = noticed


async def _told(server: Server, news: Noticed) -> None:
    says = f"{news.says[:1].upper()}{news.says[1:]}."
    try:
        to = await asyncio.to_thread(choices.previous, news.goal, server.client_settings)
        if not to:
            show(server, says, types.MessageType.Warning)
            return
        back = f"Use {prompts.NAMES[news.goal]}@{to} again"
        if await ask(server, says, (back, NOT_NOW)) != back:
            return
        used = await asyncio.to_thread(choices.rollback, news.goal, server.client_settings)
    except TrueupError as problem:
        show(server, str(problem), types.MessageType.Warning)
        return
    show(server, f"{news.goal}: back to {used.reference}", types.MessageType.Info)
