"""pygls between our own wire and our handlers: requests, answers, errors, cancelling.

pygls finds handlers and knows the types. Ours is what a client can rely on: every request is
answered once, with an error that says something and carries neither a traceback nor a value of
ours; an answer of the client can only be one to a request of ours; what is cancelled ends.
Documents and commands are ours too: pygls splits lines as Python strings do and not as the protocol
does, and runs a command where cancelling the request does not reach it.
"""

from __future__ import annotations

import contextvars
import inspect
import itertools
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcRequestCancelled
from pygls.protocol import LanguageServerProtocol, lsp_method

from trueup.lsp.admission import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Call,
    Identity,
    Refusal,
    Reply,
)

if TYPE_CHECKING:
    from trueup.lsp.transport import Server

SAYS_CHARACTERS_MAX: Final = 500
"""Length of the sentence of an error."""
FAILED: Final = "Trueup failed at this; its log says more"

log = logging.getLogger("trueup.lsp")


class Protocol(LanguageServerProtocol):
    """The methods of pygls that decide what a client gets to hear, in place of its own."""

    _server: Server

    def __init__(self, *given: Any) -> None:  # noqa: ANN401 - what pygls gives its protocols
        super().__init__(*given)
        self._numbers = itertools.count(1)
        self._asked: dict[Identity, Future[Any]] = {}
        """What the client has yet to answer; `_request_futures` is what we have yet to answer."""
        self.answered_early: Identity | None = None
        """The request whose answer the client has had from `boot`."""
        self.answered: Callable[[Identity], None] = lambda _: None

    # What comes.

    def take(self, message: Call | Reply) -> None:
        """Handle a message that was let in."""
        if isinstance(message, Reply):
            self._take_reply(message)
        elif message.method == types.CANCEL_REQUEST and message.identity is None:
            self._cancel(message.fields.get("params"))
        elif message.method not in {*self.fm.features, *self.fm.builtin_features}:
            if message.identity is not None:
                says = f"{message.method} is not a method of this server"
                self.refuse(Refusal(message.identity, METHOD_NOT_FOUND, says))
        elif (params := self._params(message)) is not None:
            contextvars.copy_context().run(self._handle, message, params[0])

    def _handle(self, message: Call, params: object) -> None:
        if message.identity is None:
            self._handle_notification(message.method, params)
        else:
            self._ctx_msg_id.set(message.identity)
            self._run(message.identity, message.method, params, self._finished)

    def _params(self, message: Call) -> tuple[object] | None:
        """The parameters as values, None where they are none; then that was answered."""
        fields = {"jsonrpc": "2.0", "method": message.method, "params": None, **message.fields}
        known = {"jsonrpc", "id", "method", "params"}
        try:
            made = self.structure_message({key: fields[key] for key in known & fields.keys()})
        except JsonRpcException:
            if message.method == types.INITIALIZE:
                # The client was told that it is welcome: what can be understood counts.
                return (self._understood(message),)
            says = f"these are not the parameters of {message.method}"
            if message.identity is not None:
                self.refuse(Refusal(message.identity, INVALID_PARAMS, says))
            log.warning("dropped: %s", says)
            return None
        if message.identity is not None and not hasattr(made, "id"):
            says = f"{message.method} is a notification; it takes no id"
            self.refuse(Refusal(message.identity, INVALID_REQUEST, says))
            return None
        return (made.params,)

    def _handle_notification(self, method_name: str, params: Any) -> None:  # noqa: ANN401 - pygls
        # Nothing that a client can name, so that it cannot be cancelled.
        identity = cast("Identity", object())
        self._run(identity, method_name, params, self._noted)

    def _run(
        self,
        identity: Identity,
        method: str,
        params: object,
        callback: Callable[[Identity, Future[Any]], None],
    ) -> None:
        handler = self._get_handler(method)
        self._execute_handler(identity, handler, partial(callback, identity), args=(params,))

    def _understood(self, message: Call) -> object:
        """The parameters of `initialize` without the parts that are not what they should be."""
        given = message.fields.get("params")
        params = given if isinstance(given, dict) else {}
        offered = params.get("capabilities")
        said: dict[str, object] = {key: params[key] for key in params if key != "capabilities"}
        can = offered if isinstance(offered, dict) else {}
        kept: dict[str, Any] = {"capabilities": {}}
        for holder, parts in ((kept, said), (kept["capabilities"], can)):
            for key, value in parts.items():
                holder[key] = value
                try:
                    self._converter.structure(kept, types.InitializeParams)
                except Exception:  # noqa: BLE001 - whatever a converter raises, it is not this
                    log.warning("the client's %s cannot be understood", key)
                    del holder[key]
        return self._converter.structure(kept, types.InitializeParams)

    def _cancel(self, params: object) -> None:
        """End a request that runs; one that does not run has been answered."""
        identity = params.get("id") if isinstance(params, dict) else None
        future = self._request_futures.get(identity) if isinstance(identity, int | str) else None
        if future is not None:
            future.cancel()

    def _take_reply(self, reply: Reply) -> None:
        waiting = self._asked.pop(reply.identity, None)
        if waiting is None or waiting.done():
            log.info("an answer to nothing that was asked")
            return
        fields: dict[str, Any] = dict(reply.fields)
        for unknown in fields.keys() - {"jsonrpc", "id", "result", "error"}:
            del fields[unknown]
        try:
            made = self.structure_message(fields)
        except JsonRpcException:
            waiting.set_exception(JsonRpcException("the editor's answer cannot be understood"))
            return
        error = getattr(made, "error", None)
        if error is not None:
            waiting.set_exception(JsonRpcException.from_error(error))
        else:
            waiting.set_result(made.result)

    # What goes.

    def refuse(self, refusal: Refusal) -> None:
        """Answer a request that is not handled."""
        self._post(refusal.message())
        if refusal.identity is not None:
            self.answered(refusal.identity)

    def send_request(
        self,
        method: str,
        params: Any | None = None,  # noqa: ANN401 - what pygls says
        callback: Callable[[Any], None] | None = None,
        msg_id: Identity | None = None,
    ) -> Future[Any]:
        """Ask the client; the answer is taken from nobody else, and forgotten when cancelled."""
        identity = msg_id if msg_id is not None else f"trueup-{next(self._numbers)}"
        future: Future[Any] = Future()
        self._asked[identity] = future
        self._result_types[identity] = self.get_result_type(method)
        future.add_done_callback(lambda _: self._forget(identity))
        if callback is not None:
            future.add_done_callback(lambda done: callback(done.result()))
        asked = {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}
        self._post(asked)
        return future

    def withdraw(self, identity: Identity) -> None:
        """Tell the client that a request needs no answer any more; a late one is ignored."""
        self._forget(identity)
        self.notify(types.CANCEL_REQUEST, types.CancelParams(identity))

    def _forget(self, identity: Identity) -> None:
        self._asked.pop(identity, None)
        self._result_types.pop(identity, None)

    def _finished(self, identity: Identity, done: Future[Any]) -> None:
        self._request_futures.pop(identity, None)
        if done.cancelled():
            self._answer_error(identity, JsonRpcRequestCancelled.CODE, "cancelled")
        elif (problem := done.exception()) is None:
            self._send_response(identity, done.result())
        elif isinstance(problem, JsonRpcException) and problem.code != INTERNAL_ERROR:
            self._answer_error(identity, problem.code, problem.message)
        else:
            log.error("a request failed", exc_info=problem)
            self._answer_error(identity, INTERNAL_ERROR, FAILED)

    def _noted(self, identity: Identity, done: Future[Any]) -> None:
        self._request_futures.pop(identity, None)
        if not done.cancelled() and (problem := done.exception()) is not None:
            log.error("a notification was not handled", exc_info=problem)

    def _answer_error(self, identity: Identity, code: int, says: str) -> None:
        self.refuse(Refusal(identity, code, says[:SAYS_CHARACTERS_MAX]))

    def _send_response(
        self,
        msg_id: Identity,
        result: Any | None = None,  # noqa: ANN401 - what pygls says
        error: types.ResponseError | None = None,
    ) -> None:
        if error is not None:
            self._answer_error(msg_id, error.code, error.message)
        elif self.answered_early is not None and msg_id == self.answered_early:
            self.answered_early = None
            self.answered(msg_id)
        elif self._post({"jsonrpc": "2.0", "id": msg_id, "result": result}):
            self.answered(msg_id)
        else:
            self._answer_error(msg_id, INTERNAL_ERROR, FAILED)

    def _send_data(self, data: Any) -> None:  # noqa: ANN401 - what pygls says
        self._post(data)

    def _post(self, message: object) -> bool:
        """Whether `message` could be written as JSON."""
        try:
            body = json.dumps(message, default=self._serialize_message, allow_nan=False)
        except Exception:
            # A converter of pygls did not take a value; whoever asked must still hear something.
            log.exception("an answer could not be written")
            return False
        self._server.post(body.encode("ascii"))
        return True

    # The methods that pygls has of its own.

    @lsp_method(types.SHUTDOWN)
    async def lsp_shutdown(self, *given: object) -> None:  # type: ignore[override] # awaits ours
        current = self.msg_id
        for identity, future in tuple(self._request_futures.items()):
            if identity != current:
                future.cancel()
        handler = self.fm.features.get(types.SHUTDOWN)
        if handler is not None:
            await handler(*given)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        buffer = self._server.buffers.open(params.text_document)
        if buffer is not None:
            self._server.contracts.opened(buffer)
            self._server.ready.touched(buffer)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        buffer = self._server.buffers.change(document.uri, document.version, params.content_changes)
        if buffer is not None:
            self._server.contracts.changed(buffer)
            self._server.ready.touched(buffer)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        buffer = self._server.buffers.close(params.text_document.uri)
        if buffer is not None:
            self._server.reviews.closed(buffer)
            self._server.contracts.closed(buffer)
            self._server.ready.touched(buffer)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override] # a task can be cancelled
        self, params: types.ExecuteCommandParams
    ) -> object:
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"there is no command called {params.command}")
        arguments = params.arguments or ()
        try:
            inspect.signature(getattr(command, "func", command)).bind(self._server, *arguments)
        except TypeError:
            says = f"{params.command} does not take {len(arguments)} arguments"
            raise JsonRpcInvalidParams(says) from None
        return await command(*arguments)
