"""One function per request, in the order an editor sends them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trueup import TrueupError, __version__, linting
from trueup.architecture.checker import CONFIGURATIONS
from trueup.engine.messages import goal_from_json, goal_to_json
from trueup.lsp import (
    changes,
    clients,
    contract_actions,
    custom,
    deciding,
    decisions,
    noticing,
    offers,
    prompts,
    ready,
    review_actions,
    reviews,
    searching,
    suggest,
    verifying,
)
from trueup.lsp.convert import Codec, path_of
from trueup.lsp.documents import Buffer
from trueup.lsp.transport import Server
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe

RUN: Final = "trueup.run"
REQUEST_FAILED: Final = -32803
WATCHED: Final = types.Registration(
    "trueup-files",
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
    types.DidChangeWatchedFilesRegistrationOptions(
        [
            types.FileSystemWatcher(f"**/{pattern}")
            for pattern in ("*.py", "*.md", *dict.fromkeys(CONFIGURATIONS))
        ]
    ),
)

server = Server("trueup", __version__)
noticing.listen(server)
custom.register(server)


@server.feature(types.INITIALIZE)
def initialize(params: types.InitializeParams) -> None:
    """Remember what this client is like; the capabilities were answered by `boot`."""
    folders = [path_of(item.uri) for item in params.workspace_folders or ()]
    if not folders and params.root_uri:
        folders = [path_of(params.root_uri)]
    server.buffers.folders = tuple(folder for folder in folders if folder is not None)
    options = params.initialization_options
    custom.declared(server, options if isinstance(options, dict) else {})
    server.client = clients.client_of(params)
    server.buffers.codec = Codec(server.client.encoding)
    if server.client.completes_inline:
        feature = server.feature(
            types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions()
        )
        feature(inline_completion)


@server.feature(types.INITIALIZED)
async def initialized(_: types.InitializedParams) -> None:
    server.watch(server.process_id)
    await server.begin()
    server.status.changed()
    server.later(server.changes.look())
    if server.client.watches:
        await server.client_register_capability_async(types.RegistrationParams([WATCHED]))


@server.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=True))
def did_save(params: types.DidSaveTextDocumentParams) -> None:
    buffer = server.buffers.saved(params.text_document.uri, params.text)
    if buffer is not None:
        server.contracts.saved(buffer)
        server.reviews.saved(buffer)


@server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
def did_change_workspace_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Documents that are opened from now on belong to the folders that are there now."""
    gone = {path_of(item.uri) for item in params.event.removed}
    came = [path_of(item.uri) for item in params.event.added]
    kept = [folder for folder in server.buffers.folders if folder not in gone]
    server.buffers.folders = tuple(dict.fromkeys([*kept, *filter(None, came)]))


@server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
    server.ready.everything_changed()
    found = ((path_of(change.uri), change.type) for change in params.changes)
    server.contracts.disk_changed((path, kind) for path, kind in found if path)


@server.feature(
    types.TEXT_DOCUMENT_DIAGNOSTIC,
    types.DiagnosticOptions(
        identifier="trueup", inter_file_dependencies=True, workspace_diagnostics=False
    ),
)
async def diagnostic(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
    """What breaks a contract or a decision here; asked for by clients that pull."""
    buffer = server.buffers.get(params.text_document.uri)
    found = await server.contracts.report(buffer) if buffer is not None else []
    return types.RelatedFullDocumentDiagnosticReport(items=found)


@server.feature(
    types.TEXT_DOCUMENT_CODE_ACTION,
    types.CodeActionOptions(
        code_action_kinds=[*offers.KINDS, decisions.KIND, review_actions.KIND],
        resolve_provider=False,
    ),
)
def code_action(params: types.CodeActionParams) -> Sequence[types.CodeAction | types.Command]:
    """What can be done here; each action is a command, so nothing is computed yet."""
    buffer = server.buffers.get(params.text_document.uri)
    if buffer is None:
        return []
    codec, document = server.buffers.codec, buffer.document
    span = codec.span(document, params.range)
    shown = {
        _diagnostic(codec, buffer, item): item
        for item in params.context.diagnostics
        if _touches(codec.span(document, item.range), span)
    }
    if any(item.source.casefold() == linting.SOURCE.casefold() for item in shown):
        server.ready.shows_ruff = True
    place = offers.Place(
        document,
        buffer.outline,
        span,
        tuple(found for found, item in shown.items() if not reviews.owns(item)),
        invoked=params.context.trigger_kind is not types.CodeActionTriggerKind.Automatic,
        can_ask=server.can_ask,
    )
    wanted = [str(getattr(kind, "value", kind)) for kind in params.context.only or ()]
    found = list(review_actions.offered(server, buffer, list(shown.values())))
    found += [
        types.CodeAction(
            title=offer.title,
            kind=offer.kind,
            diagnostics=[shown[item] for item in offer.answers] or None,
            command=types.Command(offer.title, RUN, arguments=[_argument(buffer, offer.goal)]),
        )
        for offer in (() if server.safe else offers.offers(place))
    ]
    found += contract_actions.offered(server, buffer, list(shown.values()))
    symbol = buffer.outline.enclosing(span) if place.invoked else None
    found += decisions.offered(server, buffer, symbol, list(shown.values()))
    if place.invoked and server.trusted and not server.safe:
        found.append(review_actions.whole(buffer))
    chosen = [
        item
        for item in found
        if not wanted or any(f"{item.kind}.".startswith(f"{kind}.") for kind in wanted)
    ]
    return chosen if server.client.literals else [item.command for item in chosen if item.command]


def _argument(buffer: Buffer, goal: Goal) -> types.LSPAny:
    argument: types.LSPAny = {
        "uri": buffer.uri,
        "version": buffer.document.version,
        "goal": goal_to_json(goal),
    }
    return argument


def _touches(diagnostic: Span, selection: Span) -> bool:
    """Whether a diagnostic lies at the selection; a cursor at either end of it counts."""
    return diagnostic.start <= selection.end and selection.start <= diagnostic.end


def _diagnostic(codec: Codec, buffer: Buffer, item: types.Diagnostic) -> Diagnostic:
    return Diagnostic(
        path=buffer.document.path,
        span=codec.span(buffer.document, item.range),
        message=item.message,
        source=item.source or "",
        code=str(item.code) if item.code is not None else "",
    )


@server.command(RUN)
async def run(_: Server, request: object = None) -> object:
    """Do what an offer says; `request` has the `uri`, `version` and `goal` that it carries."""
    if not isinstance(request, dict):
        raise JsonRpcException(f"{RUN} takes one object", code=REQUEST_FAILED)
    _wants_the_engine()
    buffer = server.buffers.get(str(request.get("uri")))
    if buffer is None:
        raise JsonRpcException("that document is not open here", code=REQUEST_FAILED)
    if request.get("version") != buffer.document.version:
        raise JsonRpcException(
            "the text changed since this action was offered; pick it again", code=REQUEST_FAILED
        )
    return await _told(_answer(buffer, request.get("goal")))


@server.feature(types.TEXT_DOCUMENT_HOVER)
def hover(params: types.HoverParams) -> types.Hover | None:
    """The decisions that govern the symbol under the cursor."""
    buffer = server.buffers.get(params.text_document.uri)
    if buffer is None:
        return None
    offset = server.buffers.codec.offset(buffer.document, params.position)
    return decisions.hover(server, buffer, offset)


@server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions(resolve_provider=False))
def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
    """How many decisions govern what is here, and which fixes are ready."""
    buffer = server.buffers.get(params.text_document.uri)
    if buffer is None:
        return []
    server.ready.looked_at(buffer)
    return [*server.ready.lenses(buffer), *decisions.lenses(server, buffer)]


def inline_completion(params: types.InlineCompletionParams) -> list[types.InlineCompletionItem]:
    """Fixes that are ready and can be shown at the cursor."""
    buffer = server.buffers.get(params.text_document.uri)
    return server.ready.completions(buffer, params.position) if buffer is not None else []


@server.command(contract_actions.COMMAND)
async def contract(_: Server, request: object = None) -> object:
    """Accept a broken contract, or open it; `request` says which, as an action carries it."""
    return await _done(request, contract_actions.run)


@server.command(decisions.COMMAND)
async def decision(_: Server, request: object = None) -> object:
    """Record, accept, retire, list or open decisions; `request` says which."""
    return await _done(request, deciding.run)


@server.command(verifying.COMMAND)
async def verify(_: Server, request: object = None) -> object:
    """Judge the changes of the working tree, or what is staged."""
    _wants_the_engine()
    return await _told(verifying.run(server, request if isinstance(request, dict) else {}))


@server.command(ready.COMMAND)
async def take_ready(_: Server, request: object = None) -> object:
    """Apply a fix that is ready, or show it first; `request` has its `id`, and `show`, or
    `accepted` where the editor has inserted it itself.
    """
    fields = request if isinstance(request, dict) else {}
    identity = str(fields.get("id"))
    taken = server.ready.accepted(identity) if fields.get("accepted") is True else None
    if taken is not None:
        return await _told(suggest.accepted(server, taken.root, taken.base, taken.suggestion))
    fix = server.ready.find(identity)
    if fix is None:
        raise JsonRpcException(
            "the text changed since this fix was verified; it is judged again when you rest",
            code=REQUEST_FAILED,
        )
    asking = fields.get("show") is True
    return await _told(suggest.prepared(server, fix.root, fix.base, fix.suggestion, asking=asking))


@server.command(review_actions.COMMAND)
async def review(_: Server, request: object = None) -> object:
    """Review the changed code of a document, or do what a finding offers."""
    _wants_the_engine()
    return await _done(request, review_actions.run)


@server.command(prompts.COMMAND)
async def show_prompt(_: Server, request: object = None) -> object:
    """What the model would be sent for an offer; `request` is as of `trueup.run`."""
    _wants_the_engine()

    async def show(_: Server, buffer: Buffer, fields: dict[str, object]) -> dict[str, object]:
        goal = replace(goal_from_json(fields.get("goal")), path=buffer.document.path)
        return await prompts.show(server, buffer, goal)

    return await _done(request, show)


def _wants_the_engine() -> None:
    """Raises where this start is a safe one, which does without."""
    if server.safe:
        raise JsonRpcException(server.safe, code=REQUEST_FAILED)


async def _done(
    request: object,
    run: Callable[[Server, Buffer, dict[str, object]], Awaitable[dict[str, object]]],
) -> dict[str, object]:
    fields = request if isinstance(request, dict) else {}
    buffer = server.buffers.get(str(fields.get("uri")))
    if buffer is None:
        raise JsonRpcException("that document is not open", code=REQUEST_FAILED)
    return await _told(run(server, buffer, fields))


async def _answer(buffer: Buffer, goal: object) -> dict[str, object]:
    wanted = replace(goal_from_json(goal), path=buffer.document.path)
    return await suggest.run_goal(server, buffer, wanted)


async def _told(work: Awaitable[dict[str, object]]) -> dict[str, object]:
    """The one place where our errors become the protocol's."""
    try:
        return await work
    except TrueupError as problem:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Error, str(problem)))
        raise JsonRpcException(str(problem), code=REQUEST_FAILED) from None


@server.command(changes.COMMAND)
async def undo(_: Server, request: object = None) -> object:
    """Take back the last change in all its files; `request` may name another in `change`."""
    number = request.get("change") if isinstance(request, dict) else None
    try:
        return await server.changes.undo(number if isinstance(number, int) else None)
    except TrueupError as problem:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Error, str(problem)))
        raise JsonRpcException(str(problem), code=REQUEST_FAILED) from None


@server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
def prepare_rename(params: types.PrepareRenameParams) -> types.Range | None:
    buffer = server.buffers.get(params.text_document.uri)
    if buffer is None:
        return None
    codec = server.buffers.codec
    span = buffer.outline.identifier_at(codec.offset(buffer.document, params.position))
    return codec.range(buffer.document, span) if span is not None else None


@server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
async def rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
    """A rename that was verified, or that the user wants all the same.

    It is the one edit that is returned and not sent: the protocol asks the user for a name here and
    nowhere else, and waits for the answer with the text locked or versioned.
    """
    buffer = server.buffers.get(params.text_document.uri)
    if buffer is None:
        return None
    _wants_the_engine()
    offset = server.buffers.codec.offset(buffer.document, params.position)
    span = buffer.outline.identifier_at(offset)
    if span is None:
        raise JsonRpcException("there is no name here", code=REQUEST_FAILED)
    symbol = buffer.outline.enclosing(span)
    goal = Goal(
        GoalKind.REFACTOR,
        Recipe.RENAME,
        buffer.document.path,
        span,
        symbol=symbol.qualified if symbol else "",
        name=params.new_name,
    )
    try:
        return await suggest.renamed(server, buffer, goal)
    except TrueupError as problem:
        raise JsonRpcException(str(problem), code=REQUEST_FAILED) from None


@server.feature(types.WORKSPACE_SYMBOL)
async def workspace_symbol(params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol]:
    return await searching.symbols(server, params.query)


@server.feature(types.SHUTDOWN)
async def shutdown(_: None) -> None:
    server.status.cancel_all()
    await server.ready.close()
    await server.searches.close()
    await server.engine.close()
