"""What is said to the user and asked of the user, in the protocol's own small windows.

Knows messages, choices, lines of text and progress. Nobody waits for an answer for ever: a question
is withdrawn after `limits.answer_seconds`, and that counts as none.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trueup.guards.plain import plain
from trueup.lsp.transport import Server

INPUT_METHOD: Final = "trueup/input"

_tokens = itertools.count(1)


async def ask(server: Server, says: str, choices: tuple[str, ...]) -> str:
    """The user's choice; "" for none. A client that cannot ask shows what would have been asked."""
    asked = types.ShowMessageRequestParams(
        types.MessageType.Info, says, [types.MessageActionItem(item) for item in choices]
    )
    try:
        answer = await server.request(types.WINDOW_SHOW_MESSAGE_REQUEST, asked)
    except JsonRpcException:
        show(server, says, types.MessageType.Info)
        return ""
    return answer.title if isinstance(answer, types.MessageActionItem) else ""


async def ask_for_line(server: Server, prompt: str, value: str) -> str:
    """What the user typed; "" for nothing. Only for a client that declared `input`."""
    answer = await server.request(INPUT_METHOD, {"prompt": prompt, "value": value})
    return answer.strip() if isinstance(answer, str) else ""


def show(server: Server, says: str, kind: types.MessageType) -> None:
    server.window_show_message(types.ShowMessageParams(kind, says))


@asynccontextmanager
async def progress(
    server: Server, title: str, *, silent: bool = False
) -> AsyncIterator[Callable[[str], None]]:
    """A job that the status tells of, with progress and a cancel button where the client shows any;
    cancelling it cancels the task. A client that shows none is told once that work began: a server
    that says nothing looks dead. While a client waits (`silent`) nothing is sent: it would show
    that after the answer, in its place.
    """
    server.ready.rest()
    with server.status.job(title) as told:
        if silent or not server.client.progress:
            if not silent:
                show(server, f"{title}…", types.MessageType.Info)
            yield told
            return
        token = f"trueup-{next(_tokens)}"
        shown = server.work_done_progress
        await shown.create_async(token)
        task = asyncio.current_task()
        pressed = shown.tokens[token]
        pressed.add_done_callback(lambda item: task.cancel() if item.cancelled() and task else None)
        shown.begin(token, types.WorkDoneProgressBegin(title, cancellable=True))

        def say(says: str) -> None:
            told(says)
            shown.report(token, types.WorkDoneProgressReport(message=plain(says)))

        try:
            yield say
        finally:
            shown.end(token, types.WorkDoneProgressEnd())
            # pygls keeps every token it has ever seen.
            shown.tokens.pop(token, None)
