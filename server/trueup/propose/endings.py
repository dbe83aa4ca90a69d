"""Every way in which a request to a model can end, and what each means.

The SDK reports some of them by exceptions of its own, some by those of the libraries below it, and
one not at all: a connection that ends tidily in the middle of an answer leaves a message without a
stop reason. One function tells them apart; nobody else looks at an exception.

The SDK is not imported here. Its errors are recognised by what they carry (`status_code`, `type`,
`error_code`, `response`), those of the transport by where they come from.
"""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from trueup.propose.proposal import FailureKind

MESSAGE_CHARACTERS_MAX: Final = 160
"""How much of a server's own words a sentence repeats."""

RETRIED: Final = frozenset(
    {
        FailureKind.OVERLOADED,
        FailureKind.RATE_LIMITED,
        FailureKind.UNREACHABLE,
        FailureKind.PROTOCOL,
        FailureKind.TRUNCATED,
    }
)

_STATUS: Final = {
    401: FailureKind.AUTH,
    402: FailureKind.SPEND_LIMIT,
    403: FailureKind.AUTH,
    408: FailureKind.UNREACHABLE,
    413: FailureKind.CONTEXT_EXCEEDED,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}

# The type of an error that arrives within a stream, where the status has been 200 for long.
_TYPE: Final = {
    "authentication_error": FailureKind.AUTH,
    "permission_error": FailureKind.AUTH,
    "billing_error": FailureKind.SPEND_LIMIT,
    "rate_limit_error": FailureKind.RATE_LIMITED,
    "overloaded_error": FailureKind.OVERLOADED,
    "request_too_large": FailureKind.CONTEXT_EXCEEDED,
    "exceed_context_size_error": FailureKind.CONTEXT_EXCEEDED,
    "timeout_error": FailureKind.UNREACHABLE,
    "api_error": FailureKind.UNREACHABLE,
    "not_found_error": FailureKind.CANNOT,
}

_CODE: Final = {
    "enforced_spend_limit_reached": FailureKind.SPEND_LIMIT,
    "contract_spend_limit_reached": FailureKind.SPEND_LIMIT,
    "ramp_limit_exceeded": FailureKind.RATE_LIMITED,
}

_STOPPED: Final[Mapping[str | None, FailureKind | None]] = {
    "end_turn": None,
    "stop_sequence": None,
    "max_tokens": FailureKind.TRUNCATED,
    "refusal": FailureKind.REFUSED,
    "model_context_window_exceeded": FailureKind.CONTEXT_EXCEEDED,
    None: FailureKind.TRUNCATED,
}

# The libraries below the SDK: it lets their errors through once an answer has begun.
_TRANSPORT: Final = frozenset({"httpx2", "httpcore2"})

# What the libraries of the clouds say when they find no credentials.
_CLOUDS: Final = frozenset({"boto3", "botocore", "google"})

_SENTENCES: Final = {
    FailureKind.UNREACHABLE: "{host} cannot be reached",
    FailureKind.AUTH: "{host} does not accept the key",
    FailureKind.REFUSED: "{model} refuses to answer this",
    FailureKind.TRUNCATED: "the answer of {model} was cut off",
    FailureKind.OVERLOADED: "{model} is overloaded",
    FailureKind.RATE_LIMITED: "{host} limits how often it may be asked",
    FailureKind.SPEND_LIMIT: "the account's spending limit is reached",
    FailureKind.CONTEXT_EXCEEDED: "the prompt is too long for {model}",
    FailureKind.PROTOCOL: "{host} answered in a form that Trueup does not know",
    FailureKind.CANNOT: "{host} has no model called {model}",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended: with `text` where `kind` is None, else with a sentence.

    `wait` is the server's wish in seconds; `again` is False where another try cannot help.
    """

    kind: FailureKind | None
    sentence: str = ""
    text: str = ""
    wait: float | None = None
    again: bool = True
    status: int = 0


def classify(end: object) -> FailureKind | None:
    """What a finished message, or the exception in place of one, means; None: an answer."""
    if not isinstance(end, BaseException):
        # An unknown stop reason, and a request for tools that were never offered.
        return _STOPPED.get(getattr(end, "stop_reason", None), FailureKind.PROTOCOL)
    status = getattr(end, "status_code", None)
    if isinstance(status, int) and hasattr(end, "body"):
        return _of_status(status, end)
    if type(end).__name__ == "CredentialsError" or type(end) is RuntimeError:
        return FailureKind.AUTH
    if _module(end) in _CLOUDS:
        return FailureKind.AUTH
    if type(end).__name__ in {"APIConnectionError", "APITimeoutError"}:
        return FailureKind.UNREACHABLE
    if _module(end) in _TRANSPORT:
        return FailureKind.UNREACHABLE
    return FailureKind.PROTOCOL


def _module(end: object) -> str:
    return type(end).__module__.partition(".")[0]


def _of_status(status: int, end: BaseException) -> FailureKind:
    kind = _TYPE.get(str(getattr(end, "type", None)))
    code = _CODE.get(str(getattr(end, "error_code", None)))
    if code is not None:
        return code
    if status == 404:
        # Without an error of the API's form it is not the model that is missing, but the API.
        return kind or FailureKind.UNREACHABLE
    if status in _STATUS:
        return _STATUS[status]
    if kind is not None:
        return kind
    if "prompt is too long" in (getattr(end, "api_message", None) or ""):
        return FailureKind.CONTEXT_EXCEEDED
    return FailureKind.UNREACHABLE if status >= 500 or 300 <= status < 400 else FailureKind.PROTOCOL


def ending_of(end: object, model: str, host: str) -> Ending:
    """The ending that a message or an exception stands for, with its sentence."""
    kind = classify(end)
    if kind is None:
        return Ending(None, text=_text_of(end))
    sentence = _SENTENCES[kind].format(model=model, host=host)
    headers = _headers(end)
    status = getattr(end, "status_code", 0) if isinstance(end, BaseException) else 0
    again = headers.get("x-should-retry") != "false"
    if not isinstance(end, BaseException):
        again = getattr(end, "stop_reason", None) is None
        if getattr(end, "stop_reason", None) == "max_tokens":
            sentence = f"the answer of {model} is longer than model_output_tokens allows"
    elif status in {400, 422}:
        said = " ".join(str(getattr(end, "api_message", None) or "").split())
        again = False
        if said and kind is FailureKind.PROTOCOL:
            sentence = f"{host} does not accept the request: {said[:MESSAGE_CHARACTERS_MAX]}"
    elif 300 <= status < 400:
        again, sentence = False, f"{host} redirects elsewhere, and Trueup does not follow"
    elif kind is FailureKind.AUTH and not status:
        sentence = f"no credentials for {host} were found on this machine"
    elif _module(end) in _TRANSPORT:
        sentence = f"the connection to {host} broke"
    elif kind is FailureKind.UNREACHABLE and status >= 500:
        sentence = f"{host} failed with status {status}"
    return Ending(kind, sentence, _text_of(end), retry_after(headers), again, status)


def _text_of(end: object) -> str:
    """What the model wrote, thinking left out; of a cut answer as much as there is."""
    blocks = getattr(end, "content", None) or ()
    return "".join(str(getattr(block, "text", "")) for block in blocks if _type(block) == "text")


def _type(block: object) -> str:
    return str(getattr(block, "type", ""))


def _headers(end: object) -> Mapping[str, str]:
    response = getattr(end, "response", None)
    return cast("Mapping[str, str]", getattr(response, "headers", None) or {})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, or None where it does not say."""
    milliseconds, said = headers.get("retry-after-ms"), headers.get("retry-after")
    seconds = None
    try:
        if milliseconds:
            seconds = float(milliseconds) / 1000
        elif said and "," in said:
            seconds = email.utils.parsedate_to_datetime(said).timestamp() - time.time()
        elif said:
            seconds = float(said)
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if seconds is not None and math.isfinite(seconds) else None
