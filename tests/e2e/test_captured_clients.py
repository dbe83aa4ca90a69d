"""What real editors said with `initialize`, and one story as each of them lives it.

The parameters were recorded from VS Code 1.139, Neovim 0.12, Helix 25.07 and Eglot 1.17. The story:
a file is opened, its one diagnostic arrives through the one channel that the client has, its fix is
picked from the light bulb, verified and applied. The line has characters outside of the basic plane
before and behind what is underlined, so that a column in the wrong unit cannot go unnoticed.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from attrs import evolve
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.sessions import SOURCE, TOTAL, where
from support.shops import CONTRACT, ILLEGAL, LEGAL
from support.tiny_projects import Project
from trueup import trust
from trueup.editor import Editor, converter
from trueup.lsp.clients import ENCODINGS, Client, client_of
from trueup.lsp.convert import uri_of
from trueup.trust import Answer

CLIENTS = Path(__file__).parents[1] / "support" / "clients"
CODE, NEOVIM, HELIX, EGLOT = NAMES = ("vscode-1.139", "neovim-0.12", "helix-25.07", "eglot-1.17")


def said_by(name: str, encoding: str | None = None) -> types.InitializeParams:
    """What that client says, with `encoding` as its only one where it is given."""
    raw = json.loads((CLIENTS / f"{name}.json").read_text("utf-8"))
    params: types.InitializeParams = converter().structure(raw, types.InitializeParams)
    if encoding is None:
        return params
    general = params.capabilities.general
    assert general is not None
    only = evolve(general, position_encodings=[encoding])
    return evolve(params, capabilities=evolve(params.capabilities, general=only))


def in_words(name: str, encoding: str) -> str:
    """The name of a case; those in an encoding that is not the client's first are soaked."""
    own = client_of(said_by(name)).encoding
    return f"{name}.{encoding}" if encoding == own else f"{name}.{encoding}-forced"


CASES = [
    pytest.param(name, encoding, id=in_words(name, encoding))
    for name in NAMES
    for encoding in ENCODINGS
]


@pytest.fixture
def drawn(shop: Project) -> Project:
    """A project with one broken contract, on a line with characters outside of the basic plane."""
    shop.put("pyproject.toml", CONTRACT)
    shop.put("shop/web.py", "PAGE = 1\n")
    shop.put(SOURCE, ILLEGAL + TOTAL.lstrip("\n"))
    return shop


@pytest.mark.parametrize(("name", "encoding"), CASES)
async def test_a_fix_reaches_the_buffer_exactly(
    drawn: Project, environment: dict[str, str], name: str, encoding: str
) -> None:
    said = said_by(name, encoding)
    client = client_of(said)
    editor = Editor(drawn.root, answers=frozenset({Answer.ALWAYS}), pulls=client.pulls)
    await editor.start({"interpreter": str(drawn.interpreter)}, environment, said)
    try:
        assert editor.codec.encoding == client.encoding == encoding
        before = editor.open(SOURCE)
        await asyncio.wait_for(editor.seen(SOURCE, bool), 20)
        (found,) = editor.shown[SOURCE]
        spelled = editor.codec.span(before, found.range)
        assert before.text[spelled.start : spelled.end] == "shop.web"
        assert (found.related_information is not None) == client.relates
        offered = await editor.actions_on(SOURCE, found)
        # Eglot lists what is disabled as if it were not; nothing of the kind is offered to anybody.
        assert all(item.disabled is None for item in offered)
        action = offered[0]
        assert action.title.startswith("Break this import")
        result = await editor.run(action)
        assert (result["outcome"], result["applied"]) == ("verified", True), result["message"]
        assert editor.text(SOURCE) == before.text.replace(ILLEGAL, LEGAL)
        await asyncio.wait_for(editor.seen(SOURCE, lambda left: not left), 20)
        assert bool(pushed(editor)) != client.pulls
    finally:
        await editor.stop()


def pushed(editor: Editor) -> list[types.PublishDiagnosticsParams]:
    """What was said of our file without being asked."""
    return [item for item in editor.told if item.uri.endswith(SOURCE)]


KNOWN = {
    CODE: Client(
        encoding="utf-16", pulls=True, repulls=True, relenses=True, completes_inline=True,
        watches=True, creates=True, versions=True,
        progress=True, shows_documents=True, relates=True, literals=True,
    ),
    NEOVIM: Client(
        encoding="utf-8", pulls=True, repulls=True, relenses=True, completes_inline=True,
        creates=True, versions=True, one_document_each=True, progress=True, shows_documents=True,
        relates=True, literals=True,
    ),
    HELIX: Client(
        encoding="utf-8", pulls=True, repulls=True, watches=True, creates=True, versions=True,
        progress=True, shows_documents=True, literals=True, rename_blocks=True,
    ),
    EGLOT: Client(
        encoding="utf-32", watches=True, versions=True, progress=True, shows_documents=True,
        literals=True, echoes_late=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_of_each(name: str) -> None:
    assert client_of(said_by(name)) == KNOWN[name]


async def test_a_client_that_says_nothing_of_itself_gets_what_the_protocol_always_had(
    drawn: Project, environment: dict[str, str]
) -> None:
    """Commands in place of actions, edits without versions, no progress, findings that are told."""
    editor = Editor(drawn.root, answers=frozenset({Answer.ALWAYS}))
    bare = types.InitializeParams(types.ClientCapabilities())
    await editor.start({"interpreter": str(drawn.interpreter)}, environment, bare)
    try:
        before = editor.open(SOURCE)
        await asyncio.wait_for(editor.seen(SOURCE, bool), 20)
        (found,) = editor.shown[SOURCE]
        offered = await editor.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri_in(editor)),
                found.range,
                types.CodeActionContext([found]),
            )
        )
        command = next(iter(offered or ()))
        assert isinstance(command, types.Command)
        result = await editor.client.workspace_execute_command_async(
            types.ExecuteCommandParams(command.command, command.arguments)
        )
        assert isinstance(result, dict)
        assert (result["outcome"], result["applied"]) == ("verified", True), result["message"]
        assert editor.text(SOURCE) == before.text.replace(ILLEGAL, LEGAL)
        assert editor.edits[-1].document_changes is None
        assert editor.tokens == []
        assert editor.said[0] == "Fix totals-know-no-web…"
    finally:
        await editor.stop()


async def test_a_client_that_has_no_questions_is_told_what_would_have_been_asked(
    drawn: Project, environment: dict[str, str]
) -> None:
    editor = Editor(drawn.root, answers=frozenset())
    del editor.client.protocol.fm.features[types.WINDOW_SHOW_MESSAGE_REQUEST]
    await editor.start({"interpreter": str(drawn.interpreter)}, environment)
    try:
        before = editor.open(SOURCE)
        await asyncio.wait_for(editor.seen(SOURCE, bool), 20)
        (found,) = editor.shown[SOURCE]
        result = await editor.run((await editor.actions_on(SOURCE, found))[0])
        assert (result["outcome"], result["applied"]) == ("unproven", False)
        assert "you have not trusted this folder (`trueup trust`)" in str(result["message"])
        assert any("wants to run the tests" in said for said in editor.said)
        assert result["message"] in editor.said
        assert editor.text(SOURCE) == before.text
    finally:
        await editor.stop()


async def test_a_client_that_waits_for_a_rename_is_asked_nothing_meanwhile(
    shop: Project, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", environment["XDG_STATE_HOME"])
    editor = Editor(shop.root, answers=frozenset({Answer.ALWAYS}), pulls=True)
    await editor.start({"interpreter": str(shop.interpreter)}, environment, said_by(HELIX))
    try:
        place = where(editor, SOURCE, "label(name)")
        params = types.RenameParams(
            types.TextDocumentIdentifier(uri_in(editor)),
            editor.codec.position(editor.open(SOURCE), place.start),
            "tidy",
        )
        with pytest.raises(JsonRpcException, match="trueup trust"):
            await editor.client.text_document_rename_async(params)
        assert (editor.asked, editor.tokens, editor.opened, editor.said) == ([], [], [], [])
        trust.remember(trust.plan(str(shop.root), shop.interpreter))
        answer = await editor.client.text_document_rename_async(params)
        assert answer is not None
        assert len(answer.document_changes or ()) == 2
        assert (editor.asked, editor.tokens, editor.opened, editor.said) == ([], [], [], [])
    finally:
        await editor.stop()


def uri_in(editor: Editor) -> str:
    return uri_of(editor.root / SOURCE)
