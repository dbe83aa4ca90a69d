"""What the client at the other end can show, and how it has to be spoken to.

Most of it a client declares with `initialize`. The rest recorded sessions with real editors have
shown: that is HABITS, one row an editor, and the only place where an editor is known by its name.
Knows nothing of what is said to a client, only how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from lsprotocol import types

ENCODINGS: Final = ("utf-8", "utf-16", "utf-32")


@dataclass(frozen=True, slots=True)
class Client:
    """One client. What is not declared is taken to be missing, but for what the protocol has always
    demanded.
    """

    encoding: str = "utf-16"
    pulls: bool = False
    """It asks for diagnostics; one that does not is told of them. Never both."""
    repulls: bool = False
    """It can be told to ask for diagnostics again."""
    watches: bool = False
    """It can be asked to say when files change on disk."""
    creates: bool = False
    """It creates files as part of an edit."""
    versions: bool = False
    """It takes edits with the version they are meant for; else they go without."""
    one_document_each: bool = False
    """It checks the version of the first document of an edit only, so that each gets its own."""
    progress: bool = False
    relenses: bool = False
    """It can be told to ask for lenses again."""
    completes_inline: bool = False
    shows_documents: bool = False
    relates: bool = False
    """It shows the related places of a diagnostic."""
    literals: bool = False
    """It takes code actions; older ones know commands only."""
    echoes_late: bool = False
    """It says that it made an edit only when the command that sent it was answered."""
    rename_blocks: bool = False
    """It answers nothing while it waits for a rename: a question to it would never be answered."""


HABITS: Final[Mapping[str, Callable[[Client], Client]]] = MappingProxyType(
    {
        # Waits for the answer to a command, and sends what changed meanwhile half a second later.
        "Eglot": lambda client: replace(client, echoes_late=True),
        # Takes versions without saying so. Compares that of the first document of an edit alone.
        "Neovim": lambda client: replace(client, versions=True, one_document_each=True),
        # Declares the refresh of diagnostics under a name that the protocol does not have. Waits
        # for the answer to a rename with its whole interface, for twenty seconds.
        "helix": lambda client: replace(client, repulls=True, rename_blocks=True),
    }
)
"""What an editor does and does not declare, by the name that it gives itself."""


def client_of(params: types.InitializeParams) -> Client:
    """The client that sent `params`."""
    declared = _declared(params.capabilities)
    habit = HABITS.get(params.client_info.name) if params.client_info else None
    return habit(declared) if habit is not None else declared


def _declared(said: types.ClientCapabilities) -> Client:
    general = said.general or types.GeneralClientCapabilities()
    text = said.text_document or types.TextDocumentClientCapabilities()
    folder = said.workspace or types.WorkspaceClientCapabilities()
    window = said.window or types.WindowClientCapabilities()
    edits = folder.workspace_edit or types.WorkspaceEditClientCapabilities()
    watched = folder.did_change_watched_files
    actions = text.code_action
    channel = text.diagnostic or text.publish_diagnostics
    return Client(
        encoding=_encoding(general.position_encodings),
        pulls=text.diagnostic is not None,
        repulls=folder.diagnostics is not None and bool(folder.diagnostics.refresh_support),
        watches=watched is not None and bool(watched.dynamic_registration),
        creates=types.ResourceOperationKind.Create in (edits.resource_operations or ()),
        versions=bool(edits.document_changes),
        progress=bool(window.work_done_progress),
        relenses=folder.code_lens is not None and bool(folder.code_lens.refresh_support),
        completes_inline=text.inline_completion is not None,
        shows_documents=window.show_document is not None and window.show_document.support,
        relates=channel is not None and bool(channel.related_information),
        literals=actions is not None and actions.code_action_literal_support is not None,
    )


def _encoding(offered: object) -> str:
    """The first of the client's encodings that is one, UTF-16 where it names none."""
    for item in offered if isinstance(offered, list | tuple) else ():
        name = getattr(item, "value", item)
        if name in ENCODINGS:
            return str(name)
    return "utf-16"
